// Bytes in a file that exists only in memory, to be passed as a descriptor.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace cloister::os {

// A sealed (unchangeable) memory file with these bytes, at offset 0. `name` shows in /proc only.
Result<UniqueFd> make_sealed_memfd(const char* name, std::string_view bytes);

}  // namespace cloister::os
