// A sandbox for commands, one after the other; what each leaves behind is killed. It may have one
// command started ahead, which waits for its message.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backends/native/command_run.h"
#include "backends/native/leased_sandbox.h"
#include "backends/native/run_limits.h"

namespace cloister::backends::native {

class CommandSandbox final : public LeasedSandbox {
 public:
  CommandSandbox(SandboxPool::Lease lease, const RunLimits& limits, const Clock& clock);

  // Starts the command that a WarmProgram is for. Its processor time counts from here, and its
  // limit is the most that any run may have: the program is not known yet.
  Result<void> start_warm(const std::vector<std::string>& argv);
  // Whether that process still waits for its message.
  bool is_waiting() const;

  Result<engine::RunOutcome> run(const engine::RunSpec& spec,
                                 const engine::Cancellation& cancellation,
                                 engine::RunObserver& observer) override;
  Result<void> stage_program(std::vector<engine::StagedFile> files) override;
  Result<void> visit_program(
      const std::function<Result<void>(engine::FoundFile)>& visitor) override;

 private:
  struct Warm {
    StartedCommand command;
    UniqueFd message;  // The server's end of the pipe on the process's descriptor 3.
  };

  Result<engine::RunOutcome> run_command(const engine::CommandProgram& command,
                                         const engine::RunSpec& spec,
                                         const engine::Cancellation& cancellation,
                                         engine::RunObserver& observer);
  Result<engine::RunOutcome> run_warm(const engine::WarmProgram& program,
                                      const engine::RunSpec& spec,
                                      const engine::Cancellation& cancellation,
                                      engine::RunObserver& observer);

  const RunLimits limits_;
  std::uint64_t next_exec_id_ = 1;
  std::optional<Warm> warm_;
};

}  // namespace cloister::backends::native
