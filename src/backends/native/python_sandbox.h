// A sandbox with one interpreter that waits for its program. Used for one run.
#pragma once

#include "backends/native/leased_sandbox.h"
#include "base/clock.h"
#include "engine/backend.h"

namespace cloister::backends::native {

class PythonSandbox final : public LeasedSandbox {
 public:
  PythonSandbox(SandboxPool::Lease lease, const Clock& clock);

  Result<engine::RunOutcome> run(const engine::RunSpec& spec,
                                 const engine::Cancellation& cancellation,
                                 engine::RunObserver& observer) override;

 private:
  Result<void> send_program(const engine::PythonProgram& program);
};

}  // namespace cloister::backends::native
