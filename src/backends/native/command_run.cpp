#include "backends/native/command_run.h"

#include "backends/native/command_file.h"
#include "backends/native/program_io.h"
#include "backends/native/program_pipes.h"
#include "os/memfd.h"
#include "os/unix_message.h"

namespace cloister::backends::native {
namespace {

// The server's and the program's ends of one command.
struct CommandPipes {
  os::Pipe in;
  os::Pipe out;
  os::Pipe error;
  os::Pipe status;
};

Result<CommandPipes> make_pipes() {
  return CommandPipes{TRY(make_input_pipe()), TRY(make_output_pipe()), TRY(make_output_pipe()),
                      TRY(make_status_pipe())};
}

// Ends whatever is left in the sandbox and waits until it is gone.
Result<void> kill_everything(SandboxHandle& handle) {
  constexpr Milliseconds kQuietLimit{10000};
  TRY_VOID(handle.kill_all());
  return handle.wait_until_quiet(kQuietLimit);
}

}  // namespace

Result<engine::RunOutcome> run_command(const CommandRun& run,
                                       const engine::Cancellation& cancellation,
                                       engine::RunObserver& observer, const Clock& clock) {
  SandboxHandle& handle = run.handle;
  const std::string bytes = TRY(make_command_file(run.command, run.limits));
  const UniqueFd file = TRY(os::make_sealed_memfd("command", bytes));
  CommandPipes pipes = TRY(make_pipes());
  const std::uint64_t oom_kills_before = handle.oom_kills();
  const int passed[] = {file.get(), pipes.in.read_end.get(), pipes.out.write_end.get(),
                        pipes.error.write_end.get(), pipes.status.write_end.get()};
  TRY_VOID(handle.execute(run.exec_id, bytes.size(), passed));
  pipes.in.read_end.reset();
  pipes.out.write_end.reset();
  pipes.error.write_end.reset();
  pipes.status.write_end.reset();
  observer.on_started();
  ProgramIo io({&pipes.in.write_end, pipes.out.read_end.get(), pipes.error.read_end.get(),
                pipes.status.read_end.get()},
               cancellation, observer, clock, [&] {
                 if (!handle.kill_command(run.exec_id)) handle.terminate();
               });
  auto outcome = io.run(run.stdin_bytes, run.timeout);
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
  outcome->out_of_memory = handle.oom_kills() > oom_kills_before;
  return outcome;
}

}  // namespace cloister::backends::native
