#include "backends/native/command_sandbox.h"

#include <poll.h>

#include <utility>
#include <variant>

#include "backends/native/program_pipes.h"
#include "os/unix_message.h"

namespace cloister::backends::native {

CommandSandbox::CommandSandbox(SandboxPool::Lease lease, const RunLimits& limits,
                               const Clock& clock)
    : LeasedSandbox(std::move(lease), clock), limits_(limits) {}

Result<void> CommandSandbox::start_warm(const std::vector<std::string>& argv) {
  os::Pipe message = TRY(make_input_pipe());
  engine::CommandProgram command;
  command.argv = argv;
  command.directory = engine::kDataDirectory;
  auto started = TRY(start_command(handle(), command, limits_.with_cpu_seconds(limits_.cpu_most()),
                                   next_exec_id_++, message.read_end.get()));
  warm_ = Warm{std::move(started), std::move(message.write_end)};
  return {};
}

// Its status pipe stays silent until it ends or could not be started.
bool CommandSandbox::is_waiting() const {
  if (!warm_ || !is_alive()) return false;
  pollfd watched{warm_->command.status.get(), POLLIN, 0};
  return ::poll(&watched, 1, 0) == 0;
}

Result<engine::RunOutcome> CommandSandbox::run(const engine::RunSpec& spec,
                                               const engine::Cancellation& cancellation,
                                               engine::RunObserver& observer) {
  if (const auto* command = std::get_if<engine::CommandProgram>(&spec.program)) {
    return run_command(*command, spec, cancellation, observer);
  }
  if (const auto* program = std::get_if<engine::WarmProgram>(&spec.program)) {
    return run_warm(*program, spec, cancellation, observer);
  }
  return fail(ErrorCode::kUnsupported, "this sandbox runs commands");
}

Result<engine::RunOutcome> CommandSandbox::run_command(const engine::CommandProgram& command,
                                                       const engine::RunSpec& spec,
                                                       const engine::Cancellation& cancellation,
                                                       engine::RunObserver& observer) {
  const std::uint32_t cpu_seconds = limits_.cpu_seconds(spec.cpu_seconds);
  auto started =
      TRY(start_command(handle(), command, limits_.with_cpu_seconds(cpu_seconds), next_exec_id_++));
  CommandRun run;
  run.stdin_bytes = spec.stdin_bytes;
  run.timeout = spec.timeout;
  run.left_behind = LeftBehind::kIsKilled;
  auto outcome = finish_command(handle(), std::move(started), run, cancellation, observer, clock());
  warm_.reset();  // It has been killed together with what this command left behind.
  return outcome;
}

Result<engine::RunOutcome> CommandSandbox::run_warm(const engine::WarmProgram& program,
                                                    const engine::RunSpec& spec,
                                                    const engine::Cancellation& cancellation,
                                                    engine::RunObserver& observer) {
  if (!warm_) return fail(ErrorCode::kUnsupported, "nothing has been started ahead here");
  Warm warm = std::move(*warm_);
  warm_.reset();
  CommandRun run;
  run.stdin_bytes = spec.stdin_bytes;
  run.timeout = spec.timeout;
  run.left_behind = LeftBehind::kIsKilled;
  run.message = &warm.message;
  run.message_bytes = program.message;
  return finish_command(handle(), std::move(warm.command), run, cancellation, observer, clock());
}

Result<void> CommandSandbox::stage_program(std::vector<engine::StagedFile> files) {
  return stage_in(sandbox::Area::kProgram, files);
}

Result<void> CommandSandbox::visit_program(
    const std::function<Result<void>(engine::FoundFile)>& visitor) {
  return visit_in(sandbox::Area::kProgram, visitor);
}

}  // namespace cloister::backends::native
