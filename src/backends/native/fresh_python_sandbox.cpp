#include "backends/native/fresh_python_sandbox.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "backends/native/command_run.h"
#include "embedded/python_guest.h"
#include "os/memfd.h"
#include "os/unix_message.h"

namespace cloister::backends::native {
namespace {

constexpr std::string_view kMainFile = "__main__.py";
// Read and removed by the guest before the program runs (zygote.py, run_fresh).
constexpr std::string_view kToolsFile = ".tools.json";

struct Place {
  sandbox::Area area;
  std::string prefix;  // Of paths in it: empty, or with a slash at its end.
};

// Where the files of a program's directory are staged.
Result<Place> place_of(std::string_view directory) {
  using sandbox::Area;
  const std::array<std::pair<std::string_view, Area>, 3> names = {
      {{engine::kWorkspaceDirectory, Area::kWorkspace},
       {engine::kDataDirectory, Area::kWorkspace},
       {engine::kProgramDirectory, Area::kProgram}}};
  for (const auto& [name, area] : names) {
    if (!directory.starts_with(name)) continue;
    const std::string_view rest = directory.substr(name.size());
    if (rest.empty()) return Place{area, {}};
    if (rest.front() == '/') return Place{area, std::string(rest.substr(1)) + "/"};
  }
  return fail(ErrorCode::kUnsupported, "a program starts in the workspace or beside it");
}

}  // namespace

FreshPythonSandbox::FreshPythonSandbox(SandboxPool::Lease lease, const RunLimits& limits,
                                       const Clock& clock)
    : LeasedSandbox(std::move(lease), clock), limits_(limits) {}

Result<void> FreshPythonSandbox::stage_main_file(const engine::PythonProgram& program) {
  const Place place = TRY(place_of(program.directory));
  std::vector<engine::StagedFile> files;
  files.push_back(
      {place.prefix + std::string(kMainFile), TRY(os::make_sealed_memfd("program", program.code))});
  TRY_VOID(stage_in(place.area, files));
  if (!program.tools) return {};
  if (program.tools->size() > sandbox::kMaxToolsBytes) {
    return fail(ErrorCode::kTooLarge, "The descriptions of the tools are too long.");
  }
  files.clear();
  files.push_back({std::string(kToolsFile), TRY(os::make_sealed_memfd("tools", *program.tools))});
  return stage_in(sandbox::Area::kProgram, files);
}

// The zygote's program, told to run the main file instead of becoming a zygote.
Result<engine::CommandProgram> FreshPythonSandbox::make_command(
    const engine::PythonProgram& program) {
  engine::CommandProgram command;
  command.argv = {"python3",
                  "-c",
                  std::string(embedded::python_guest::zygote_py()),
                  "fresh",
                  program.last_line_interactive ? "interactive" : "plain",
                  program.directory,
                  program.tools
                      ? std::string(engine::kProgramDirectory) + "/" + std::string(kToolsFile)
                      : std::string()};
  command.argv.insert(command.argv.end(), program.arguments.begin(), program.arguments.end());
  command.environment = program.environment;
  command.directory = program.directory;
  return command;
}

Result<engine::RunOutcome> FreshPythonSandbox::run(const engine::RunSpec& spec,
                                                   const engine::Cancellation& cancellation,
                                                   engine::RunObserver& observer) {
  const auto* program = std::get_if<engine::PythonProgram>(&spec.program);
  if (program == nullptr) {
    return fail(ErrorCode::kUnsupported, "this sandbox runs one Python program");
  }
  TRY_VOID(stage_main_file(*program));
  os::SocketPair channel;
  if (program->tools) channel = TRY(os::make_seqpacket_pair());
  const engine::CommandProgram command = TRY(make_command(*program));
  auto started = TRY(start_command(handle(), command,
                                   limits_.with_cpu_seconds(limits_.cpu_seconds(spec.cpu_seconds)),
                                   1, channel.second.get()));
  channel.second.reset();
  return finish_command(
      handle(), std::move(started),
      {spec.stdin_bytes, spec.timeout, LeftBehind::kIsKilled, nullptr, {}, channel.first.get()},
      cancellation, observer, clock());
}

}  // namespace cloister::backends::native
