// The rules for a path inside a workspace that comes from a client.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace cloister::engine {

// `path` without empty and "." parts. kInvalidArgument for: an absolute path, a part "..", nothing
// left, a NUL, a part over 255 bytes, more than 4096 bytes in all.
Result<std::string> normalize_workspace_path(std::string_view path);

}  // namespace cloister::engine
