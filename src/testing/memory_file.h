// Descriptors of regular files that live in memory.
#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace cloister::fakes {

// A file with these bytes, at its beginning. Aborts when the kernel gives none.
UniqueFd memory_file(std::string_view bytes);

// All bytes of a regular file, whatever its offset, which stays. Aborts when it cannot be read.
std::string read_file(int fd);

}  // namespace cloister::fakes
