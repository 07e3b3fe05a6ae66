// A sandbox that lives on between commands. run() may be called from several threads.
#pragma once

#include <atomic>

#include "backends/native/leased_sandbox.h"
#include "base/clock.h"
#include "engine/backend.h"
#include "sandbox/limits.h"

namespace cloister::backends::native {

class SessionSandbox final : public LeasedSandbox {
 public:
  SessionSandbox(SandboxPool::Lease lease, const sandbox::SandboxLimits& limits,
                 const Clock& clock);

  Result<engine::RunOutcome> run(const engine::RunSpec& spec,
                                 const engine::Cancellation& cancellation,
                                 engine::RunObserver& observer) override;

 private:
  const sandbox::SandboxLimits limits_;
  std::atomic<std::uint64_t> next_exec_id_{1};
};

}  // namespace cloister::backends::native
