#include "backends/native/command_run.h"

#include <array>
#include <span>
#include <string>
#include <utility>

#include "backends/native/command_file.h"
#include "backends/native/program_io.h"
#include "backends/native/program_pipes.h"
#include "os/memfd.h"
#include "os/unix_message.h"

namespace cloister::backends::native {
namespace {

// Ends whatever is left in the sandbox and waits until it is gone.
Result<void> kill_everything(SandboxHandle& handle) {
  constexpr Milliseconds kQuietLimit{10000};
  TRY_VOID(handle.kill_all());
  return handle.wait_until_quiet(kQuietLimit);
}

}  // namespace

Result<StartedCommand> start_command(SandboxHandle& handle, const engine::CommandProgram& command,
                                     const sandbox::SandboxLimits& limits, std::uint64_t exec_id,
                                     int channel) {
  const std::string bytes = TRY(make_command_file(command, limits));
  const UniqueFd file = TRY(os::make_sealed_memfd("command", bytes));
  os::Pipe in = TRY(make_input_pipe());
  os::Pipe out = TRY(make_output_pipe());
  os::Pipe error = TRY(make_output_pipe());
  os::Pipe status = TRY(make_status_pipe());
  const std::uint64_t oom_kills_before = handle.oom_kills();
  const std::array<int, sandbox::kExecFdsChannel> passed = {file.get(),
                                                            in.read_end.get(),
                                                            out.write_end.get(),
                                                            error.write_end.get(),
                                                            status.write_end.get(),
                                                            channel};
  const std::size_t count = channel < 0 ? sandbox::kExecFdsPlain : sandbox::kExecFdsChannel;
  TRY_VOID(handle.execute(exec_id, bytes.size(), std::span(passed).first(count)));
  return StartedCommand{exec_id,
                        oom_kills_before,
                        std::move(in.write_end),
                        std::move(out.read_end),
                        std::move(error.read_end),
                        std::move(status.read_end)};
}

Result<engine::RunOutcome> finish_command(SandboxHandle& handle, StartedCommand command,
                                          const CommandRun& run,
                                          const engine::Cancellation& cancellation,
                                          engine::RunObserver& observer, const Clock& clock) {
  observer.on_started();
  ProgramIo io({&command.standard_in, command.standard_out.get(), command.standard_error.get(),
                command.status.get(), run.message, run.channel},
               cancellation, observer, clock, [&] {
                 if (!handle.kill_command(command.exec_id)) handle.terminate();
               });
  auto outcome = io.run({run.stdin_bytes, run.message_bytes}, run.timeout);
  if (run.left_behind == LeftBehind::kIsKilled) {
    const auto killed = kill_everything(handle);
    if (!killed) handle.terminate();
    io.drain(true);
    if (outcome && !killed) return fail(killed.error());
  } else {
    io.drain(false);
  }
  if (!outcome) {
    // Something of it may still run, and nobody would know.
    if (outcome.error().code != ErrorCode::kUnavailable) handle.terminate();
    return outcome;
  }
  outcome->out_of_memory = handle.oom_kills() > command.oom_kills_before;
  return outcome;
}

}  // namespace cloister::backends::native
