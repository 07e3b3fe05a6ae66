// Runs one command through a sandbox's init.
#pragma once

#include <cstdint>

#include "backends/native/sandbox_handle.h"
#include "base/clock.h"
#include "engine/backend.h"
#include "sandbox/limits.h"

namespace cloister::backends::native {

// What becomes of processes that a command leaves behind when it ends by itself.
enum class LeftBehind { kGoesOn, kIsKilled };

struct CommandRun {
  SandboxHandle& handle;
  const engine::CommandProgram& command;
  const sandbox::SandboxLimits& limits;
  std::uint64_t exec_id = 0;  // Not 0, unique in the sandbox.
  std::string_view stdin_bytes;
  Milliseconds timeout{0};
  LeftBehind left_behind = LeftBehind::kGoesOn;
};

// Returns when the command has ended; on time-out and hang-up also everything that it started, with
// kIsKilled always everything in the sandbox. Several runs of one sandbox may go on in parallel
// with kGoesOn.
Result<engine::RunOutcome> run_command(const CommandRun& run,
                                       const engine::Cancellation& cancellation,
                                       engine::RunObserver& observer, const Clock& clock);

}  // namespace cloister::backends::native
