// A sandbox whose interpreter is started by exec for one program, instead of forked from a zygote:
// slower by the start of an interpreter, but with an address layout and a hash seed of its own.
#pragma once

#include "backends/native/leased_sandbox.h"
#include "backends/native/run_limits.h"
#include "base/clock.h"
#include "engine/backend.h"

namespace cloister::backends::native {

class FreshPythonSandbox final : public LeasedSandbox {
 public:
  FreshPythonSandbox(SandboxPool::Lease lease, const RunLimits& limits, const Clock& clock);

  Result<engine::RunOutcome> run(const engine::RunSpec& spec,
                                 const engine::Cancellation& cancellation,
                                 engine::RunObserver& observer) override;

 private:
  Result<void> stage_main_file(const engine::PythonProgram& program);
  Result<engine::CommandProgram> make_command(const engine::PythonProgram& program);

  const RunLimits limits_;
};

}  // namespace cloister::backends::native
