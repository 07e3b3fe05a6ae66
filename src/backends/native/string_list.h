// Strings with their NUL one behind the other, as sandbox/protocol.h passes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace cloister::backends::native {

// kInvalidArgument for a string with a NUL in it.
Result<void> append_string(std::string& bytes, std::string_view text);

// kInvalidArgument for one that has not the form NAME=value.
Result<void> check_variable(std::string_view variable);

// kInvalidArgument for what is no absolute path, kTooLarge for one that is too long.
Result<void> check_directory(std::string_view directory);

// The sandbox's own environment with these entries added, each in the place of an earlier one of
// its name.
Result<std::vector<std::string_view>> merge_environment(const std::vector<std::string>& added);

}  // namespace cloister::backends::native
