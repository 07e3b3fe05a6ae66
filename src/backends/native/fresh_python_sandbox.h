// A sandbox whose interpreter is started by exec for one program, instead of forked from a zygote:
// slower by the start of an interpreter, but with an address layout and a hash seed of its own.
#pragma once

#include "backends/native/leased_sandbox.h"
#include "base/clock.h"
#include "engine/backend.h"
#include "sandbox/limits.h"

namespace cloister::backends::native {

class FreshPythonSandbox final : public LeasedSandbox {
 public:
  FreshPythonSandbox(SandboxPool::Lease lease, const sandbox::SandboxLimits& limits,
                     const Clock& clock);

  Result<engine::RunOutcome> run(const engine::RunSpec& spec,
                                 const engine::Cancellation& cancellation,
                                 engine::RunObserver& observer) override;

 private:
  const sandbox::SandboxLimits limits_;
};

}  // namespace cloister::backends::native
