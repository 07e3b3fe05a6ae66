#include "backends/native/session_sandbox.h"

#include "backends/native/command_run.h"

namespace cloister::backends::native {

SessionSandbox::SessionSandbox(SandboxPool::Lease lease, const RunLimits& limits,
                               const Clock& clock)
    : LeasedSandbox(std::move(lease), clock), limits_(limits) {}

Result<engine::RunOutcome> SessionSandbox::run(const engine::RunSpec& spec,
                                               const engine::Cancellation& cancellation,
                                               engine::RunObserver& observer) {
  const auto* command = std::get_if<engine::CommandProgram>(&spec.program);
  if (command == nullptr) {
    return fail(ErrorCode::kUnsupported, "this sandbox runs commands");
  }
  const std::uint32_t cpu_seconds = limits_.cpu_seconds(spec.cpu_seconds);
  auto started = TRY(start_command(handle(), *command, limits_.with_cpu_seconds(cpu_seconds),
                                   next_exec_id_.fetch_add(1)));
  return finish_command(handle(), std::move(started),
                        {spec.stdin_bytes, spec.timeout, LeftBehind::kGoesOn, nullptr, {}, -1},
                        cancellation, observer, clock());
}

}  // namespace cloister::backends::native
