// A sandbox with one interpreter that waits for its program. Used for one run.
#pragma once

#include "backends/native/leased_sandbox.h"
#include "backends/native/run_limits.h"
#include "base/clock.h"
#include "engine/backend.h"

namespace cloister::backends::native {

class PythonSandbox final : public LeasedSandbox {
 public:
  PythonSandbox(SandboxPool::Lease lease, const RunLimits& limits, const Clock& clock);

  Result<engine::RunOutcome> run(const engine::RunSpec& spec,
                                 const engine::Cancellation& cancellation,
                                 engine::RunObserver& observer) override;

 private:
  Result<void> send_program(const engine::PythonProgram& program, std::uint32_t cpu_seconds);

  const RunLimits limits_;
};

}  // namespace cloister::backends::native
