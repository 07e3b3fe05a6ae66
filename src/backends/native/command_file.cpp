#include "backends/native/command_file.h"

#include "sandbox/environment.h"
#include "sandbox/protocol.h"

namespace cloister::backends::native {
namespace {

Result<void> append_string(std::string& bytes, const std::string& text) {
  if (text.find('\0') != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument, "A command must not contain a NUL character.");
  }
  bytes.append(text.c_str(), text.size() + 1);
  return {};
}

}  // namespace

Result<std::string> make_command_file(const engine::CommandProgram& command,
                                      const sandbox::SandboxLimits& limits) {
  if (command.argv.empty()) return fail(ErrorCode::kInvalidArgument, "There is no program to run.");
  sandbox::CommandHeader header;
  header.limits = limits;
  header.argument_count = static_cast<std::uint32_t>(command.argv.size());
  std::string strings;
  for (const std::string& argument : command.argv)
    TRY_VOID(append_string(strings, argument));
  std::size_t variables = 0;
  for (const char* const* variable = sandbox::kSandboxEnvironment; *variable != nullptr;
       ++variable, ++variables) {
    TRY_VOID(append_string(strings, *variable));
  }
  for (const std::string& variable : command.environment) {
    TRY_VOID(append_string(strings, variable));
  }
  variables += command.environment.size();
  header.environment_count = static_cast<std::uint32_t>(variables);
  if (command.argv.size() > sandbox::kMaxCommandStrings ||
      variables > sandbox::kMaxCommandStrings ||
      strings.size() + sizeof header > sandbox::kMaxCommandBytes) {
    return fail(ErrorCode::kTooLarge, "The command is too long.");
  }
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  return bytes + strings;
}

}  // namespace cloister::backends::native
