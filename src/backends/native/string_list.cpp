#include "backends/native/string_list.h"

#include <map>

#include "sandbox/environment.h"
#include "sandbox/protocol.h"

namespace cloister::backends::native {

Result<void> append_string(std::string& bytes, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "A command must not contain a NUL character.");
  }
  bytes.append(text);
  bytes.push_back('\0');
  return {};
}

Result<void> check_variable(std::string_view variable) {
  const std::size_t sign = variable.find('=');
  if (sign == 0 || sign == std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument,
                "A variable of the environment must have the form NAME=value.");
  }
  return {};
}

Result<void> check_directory(std::string_view directory) {
  if (directory.empty() || directory.front() != '/') {
    return fail(ErrorCode::kInvalidArgument, "The working directory must be an absolute path.");
  }
  if (directory.size() >= sandbox::kMaxPath) {
    return fail(ErrorCode::kTooLarge, "The path of the working directory is too long.");
  }
  return {};
}

Result<std::vector<std::string_view>> merge_environment(const std::vector<std::string>& added) {
  std::vector<std::string_view> merged;
  std::map<std::string_view, std::size_t> positions;
  const auto put = [&](std::string_view variable) {
    const auto [position, is_new] =
        positions.emplace(variable.substr(0, variable.find('=')), merged.size());
    if (is_new) {
      merged.push_back(variable);
    } else {
      merged[position->second] = variable;
    }
  };
  for (const char* const* variable = sandbox::kSandboxEnvironment; *variable != nullptr; ++variable)
    put(*variable);
  for (const std::string& variable : added) {
    TRY_VOID(check_variable(variable));
    put(variable);
  }
  return merged;
}

}  // namespace cloister::backends::native
