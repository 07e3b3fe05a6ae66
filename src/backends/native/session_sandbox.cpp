#include "backends/native/session_sandbox.h"

#include "backends/native/command_run.h"

namespace cloister::backends::native {

SessionSandbox::SessionSandbox(SandboxPool::Lease lease, const sandbox::SandboxLimits& limits,
                               const Clock& clock)
    : LeasedSandbox(std::move(lease), clock), limits_(limits) {}

Result<engine::RunOutcome> SessionSandbox::run(const engine::RunSpec& spec,
                                               const engine::Cancellation& cancellation,
                                               engine::RunObserver& observer) {
  const auto* command = std::get_if<engine::CommandProgram>(&spec.program);
  if (command == nullptr) {
    return fail(ErrorCode::kUnsupported, "this sandbox runs commands");
  }
  return run_command({handle(), *command, limits_, next_exec_id_.fetch_add(1), spec.stdin_bytes,
                      spec.timeout, LeftBehind::kGoesOn},
                     cancellation, observer, clock());
}

}  // namespace cloister::backends::native
