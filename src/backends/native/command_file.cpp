#include "backends/native/command_file.h"

#include "backends/native/string_list.h"
#include "sandbox/protocol.h"

namespace cloister::backends::native {

Result<std::string> make_command_file(const engine::CommandProgram& command,
                                      const sandbox::SandboxLimits& limits) {
  if (command.argv.empty()) return fail(ErrorCode::kInvalidArgument, "There is no program to run.");
  TRY_VOID(check_directory(command.directory));
  const auto environment = TRY(merge_environment(command.environment));
  sandbox::CommandHeader header;
  header.limits = limits;
  header.argument_count = static_cast<std::uint32_t>(command.argv.size());
  header.environment_count = static_cast<std::uint32_t>(environment.size());
  std::string strings;
  for (const std::string& argument : command.argv)
    TRY_VOID(append_string(strings, argument));
  for (const std::string_view variable : environment)
    TRY_VOID(append_string(strings, variable));
  TRY_VOID(append_string(strings, command.directory));
  if (command.argv.size() > sandbox::kMaxCommandStrings ||
      environment.size() > sandbox::kMaxCommandStrings ||
      strings.size() + sizeof header > sandbox::kMaxCommandBytes) {
    return fail(ErrorCode::kTooLarge, "The command is too long.");
  }
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  return bytes + strings;
}

}  // namespace cloister::backends::native
