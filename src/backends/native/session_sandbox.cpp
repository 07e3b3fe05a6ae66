#include "backends/native/session_sandbox.h"

#include "backends/native/command_run.h"

namespace cloister::backends::native {

SessionSandbox::SessionSandbox(SandboxPool::Lease lease, const sandbox::SandboxLimits& limits,
                               const Clock& clock)
    : lease_(std::move(lease)), limits_(limits), clock_(clock) {}

Result<void> SessionSandbox::stage(std::vector<engine::StagedFile> files) {
  const std::lock_guard lock(conversation_);
  return lease_.handle().stage(std::move(files));
}

Result<engine::RunOutcome> SessionSandbox::run(const engine::RunSpec& spec,
                                               const engine::Cancellation& cancellation,
                                               engine::RunObserver& observer) {
  const auto* command = std::get_if<engine::CommandProgram>(&spec.program);
  if (command == nullptr) {
    return fail(ErrorCode::kUnsupported, "this sandbox runs commands");
  }
  return run_command({lease_.handle(), *command, limits_, next_exec_id_.fetch_add(1),
                      spec.stdin_bytes, spec.timeout, LeftBehind::kGoesOn},
                     cancellation, observer, clock_);
}

Result<void> SessionSandbox::visit_files(
    const std::function<Result<void>(engine::FoundFile)>& visitor) {
  const std::lock_guard lock(conversation_);
  return lease_.handle().visit_files(visitor);
}

void SessionSandbox::terminate() {
  lease_.handle().terminate();
}

bool SessionSandbox::is_alive() const {
  return lease_.handle().is_alive();
}

}  // namespace cloister::backends::native
