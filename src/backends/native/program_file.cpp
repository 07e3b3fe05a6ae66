#include "backends/native/program_file.h"

#include "backends/native/string_list.h"

namespace cloister::backends::native {
namespace {

constexpr std::uint32_t flag(sandbox::ProgramFlag one) {
  return static_cast<std::uint32_t>(one);
}

bool has_parameters(const engine::PythonProgram& program) {
  return !program.arguments.empty() || !program.environment.empty() ||
         program.directory != engine::kWorkspaceDirectory;
}

Result<std::string> make_parameters(const engine::PythonProgram& program) {
  std::string strings;
  TRY_VOID(check_directory(program.directory));
  for (const std::string& argument : program.arguments)
    TRY_VOID(append_string(strings, argument));
  for (const std::string& variable : program.environment) {
    TRY_VOID(check_variable(variable));
    TRY_VOID(append_string(strings, variable));
  }
  TRY_VOID(append_string(strings, program.directory));
  if (program.arguments.size() > sandbox::kMaxCommandStrings ||
      program.environment.size() > sandbox::kMaxCommandStrings ||
      strings.size() > sandbox::kMaxCommandBytes) {
    return fail(ErrorCode::kTooLarge, "The program's arguments and environment are too long.");
  }
  return strings;
}

}  // namespace

Result<ProgramFile> make_program_file(const engine::PythonProgram& program,
                                      std::uint32_t cpu_seconds) {
  ProgramFile file;
  file.request.size = program.code.size();
  file.request.cpu_seconds = cpu_seconds;
  if (program.last_line_interactive) {
    file.request.flags |= flag(sandbox::ProgramFlag::kLastLineInteractive);
  }
  file.bytes = program.code;
  if (has_parameters(program)) {
    const std::string parameters = TRY(make_parameters(program));
    file.request.parameter_bytes = parameters.size();
    file.request.argument_count = static_cast<std::uint32_t>(program.arguments.size());
    file.request.environment_count = static_cast<std::uint32_t>(program.environment.size());
    file.bytes += parameters;
  }
  if (program.tools) {
    if (program.tools->size() > sandbox::kMaxToolsBytes) {
      return fail(ErrorCode::kTooLarge, "The descriptions of the tools are too long.");
    }
    file.request.flags |= flag(sandbox::ProgramFlag::kHasTools);
    file.request.tools_bytes = program.tools->size();
    file.bytes += *program.tools;
  }
  return file;
}

}  // namespace cloister::backends::native
