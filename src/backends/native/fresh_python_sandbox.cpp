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
    : lease_(std::move(lease)), limits_(limits), clock_(clock) {}

Result<void> FreshPythonSandbox::stage(std::vector<engine::StagedFile> files) {
  return lease_.handle().stage(std::move(files));
}

Result<engine::RunOutcome> FreshPythonSandbox::run(const engine::RunSpec& spec,
                                                   const engine::Cancellation& cancellation,
                                                   engine::RunObserver& observer) {
  const auto* program = std::get_if<engine::PythonProgram>(&spec.program);
  if (program == nullptr) {
    return fail(ErrorCode::kUnsupported, "this sandbox runs one Python program");
  }
  std::vector<engine::StagedFile> main_file;
  main_file.push_back({kMainFile, TRY(os::make_sealed_memfd("program", program->code))});
  TRY_VOID(lease_.handle().stage(std::move(main_file)));
  // The zygote's program, told to run the main file instead of becoming a zygote.
  const engine::CommandProgram command{
      {"python3", "-c", std::string(embedded::python_guest::zygote_py()), "fresh",
       program->last_line_interactive ? "interactive" : "plain"},
      {}};
  return run_command(
      {lease_.handle(), command, limits_, 1, spec.stdin_bytes, spec.timeout, LeftBehind::kIsKilled},
      cancellation, observer, clock_);
}

Result<void> FreshPythonSandbox::visit_files(
    const std::function<Result<void>(engine::FoundFile)>& visitor) {
  return lease_.handle().visit_files(visitor);
}

void FreshPythonSandbox::terminate() {
  lease_.handle().terminate();
}

bool FreshPythonSandbox::is_alive() const {
  return lease_.handle().is_alive();
}

}  // namespace cloister::backends::native
