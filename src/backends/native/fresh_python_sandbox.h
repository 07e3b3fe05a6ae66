// A sandbox whose interpreter is started by exec for one program, instead of forked from a zygote:
// slower by the start of an interpreter, but with an address layout and a hash seed of its own.
#pragma once

#include "backends/native/sandbox_handle.h"
#include "backends/native/sandbox_pool.h"
#include "base/clock.h"
#include "engine/backend.h"
#include "sandbox/limits.h"

namespace cloister::backends::native {

class FreshPythonSandbox final : public engine::Sandbox {
 public:
  FreshPythonSandbox(SandboxPool::Lease lease, const sandbox::SandboxLimits& limits,
                     const Clock& clock);

  Result<void> stage(std::vector<engine::StagedFile> files) override;
  Result<engine::RunOutcome> run(const engine::RunSpec& spec,
                                 const engine::Cancellation& cancellation,
                                 engine::RunObserver& observer) override;
  Result<void> visit_files(const std::function<Result<void>(engine::FoundFile)>& visitor) override;
  void terminate() override;
  bool is_alive() const override;

 private:
  SandboxPool::Lease lease_;
  const sandbox::SandboxLimits limits_;
  const Clock& clock_;
};

}  // namespace cloister::backends::native
