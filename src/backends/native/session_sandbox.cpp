#include "backends/native/session_sandbox.h"

#include "backends/native/command_file.h"
#include "backends/native/program_io.h"
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
  return CommandPipes{TRY(os::make_pipe()), TRY(os::make_pipe()), TRY(os::make_pipe()),
                      TRY(os::make_pipe())};
}

}  // namespace

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
  const std::string bytes = TRY(make_command_file(*command, limits_));
  const UniqueFd file = TRY(os::make_sealed_memfd("command", bytes));
  CommandPipes pipes = TRY(make_pipes());
  TRY_VOID(os::set_nonblocking(pipes.in.write_end.get()));
  SandboxHandle& handle = lease_.handle();
  const std::uint64_t exec_id = next_exec_id_.fetch_add(1);
  const std::uint64_t oom_kills_before = handle.oom_kills();
  const int passed[] = {file.get(), pipes.in.read_end.get(), pipes.out.write_end.get(),
                        pipes.error.write_end.get(), pipes.status.write_end.get()};
  TRY_VOID(handle.execute(exec_id, bytes.size(), passed));
  pipes.in.read_end.reset();
  pipes.out.write_end.reset();
  pipes.error.write_end.reset();
  pipes.status.write_end.reset();
  observer.on_started();
  ProgramIo io({&pipes.in.write_end, pipes.out.read_end.get(), pipes.error.read_end.get(),
                pipes.status.read_end.get()},
               cancellation, observer, clock_, [&] {
                 if (!handle.kill_command(exec_id)) handle.terminate();
               });
  auto outcome = io.run(spec.stdin_bytes, spec.timeout);
  io.drain(false);
  if (!outcome) {
    // Something of it may still run, and nobody would know.
    if (outcome.error().code != ErrorCode::kUnavailable) handle.terminate();
    return outcome;
  }
  outcome->out_of_memory = handle.oom_kills() > oom_kills_before;
  return outcome;
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
