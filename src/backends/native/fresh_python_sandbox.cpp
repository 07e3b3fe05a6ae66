#include "backends/native/fresh_python_sandbox.h"

#include "backends/native/command_run.h"
#include "embedded/python_guest.h"
#include "os/memfd.h"

namespace cloister::backends::native {
namespace {

constexpr const char* kMainFile = "__main__.py";

}  // namespace

FreshPythonSandbox::FreshPythonSandbox(SandboxPool::Lease lease,
                                       const sandbox::SandboxLimits& limits, const Clock& clock)
    : LeasedSandbox(std::move(lease), clock), limits_(limits) {}

Result<engine::RunOutcome> FreshPythonSandbox::run(const engine::RunSpec& spec,
                                                   const engine::Cancellation& cancellation,
                                                   engine::RunObserver& observer) {
  const auto* program = std::get_if<engine::PythonProgram>(&spec.program);
  if (program == nullptr) {
    return fail(ErrorCode::kUnsupported, "this sandbox runs one Python program");
  }
  std::vector<engine::StagedFile> main_file;
  main_file.push_back({kMainFile, TRY(os::make_sealed_memfd("program", program->code))});
  TRY_VOID(handle().stage(main_file));
  // The zygote's program, told to run the main file instead of becoming a zygote.
  const engine::CommandProgram command{
      {"python3", "-c", std::string(embedded::python_guest::zygote_py()), "fresh",
       program->last_line_interactive ? "interactive" : "plain"},
      {}};
  return run_command(
      {handle(), command, limits_, 1, spec.stdin_bytes, spec.timeout, LeftBehind::kIsKilled},
      cancellation, observer, clock());
}

}  // namespace cloister::backends::native
