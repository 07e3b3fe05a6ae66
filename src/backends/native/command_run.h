// Runs one command through a sandbox's init.
#pragma once

#include <cstdint>
#include <string_view>

#include "backends/native/sandbox_handle.h"
#include "base/clock.h"
#include "base/unique_fd.h"
#include "engine/backend.h"
#include "sandbox/limits.h"

namespace cloister::backends::native {

// What becomes of processes that a command leaves behind when it ends by itself.
enum class LeftBehind { kGoesOn, kIsKilled };

// A command that has been started, and the server's ends of it.
struct StartedCommand {
  std::uint64_t exec_id = 0;
  std::uint64_t oom_kills_before = 0;
  UniqueFd standard_in;
  UniqueFd standard_out;
  UniqueFd standard_error;
  UniqueFd status;
};

// Starts a command. `exec_id` is not 0 and unique in the sandbox. `channel` becomes the program's
// descriptor 3; -1 for none; the caller closes its copy. Whether the command could be started is
// known in finish_command().
Result<StartedCommand> start_command(SandboxHandle& handle, const engine::CommandProgram& command,
                                     const sandbox::SandboxLimits& limits, std::uint64_t exec_id,
                                     int channel = -1);

struct CommandRun {
  std::string_view stdin_bytes;
  Milliseconds timeout{0};
  LeftBehind left_behind = LeftBehind::kGoesOn;
  UniqueFd* message = nullptr;  // The pipe on which the program waits for `message_bytes`.
  std::string_view message_bytes;
  int channel = -1;  // The server's end, for RunObserver::on_message.
};

// Returns when the command has ended; on time-out and hang-up also everything that it started, with
// kIsKilled always everything in the sandbox. Several runs of one sandbox may go on in parallel
// with kGoesOn.
Result<engine::RunOutcome> finish_command(SandboxHandle& handle, StartedCommand command,
                                          const CommandRun& run,
                                          const engine::Cancellation& cancellation,
                                          engine::RunObserver& observer, const Clock& clock);

}  // namespace cloister::backends::native
