// A sandbox that lives on between commands. run() may be called from several threads.
#pragma once

#include <atomic>

#include "backends/native/leased_sandbox.h"
#include "backends/native/run_limits.h"
#include "base/clock.h"
#include "engine/backend.h"

namespace cloister::backends::native {

class SessionSandbox final : public LeasedSandbox {
 public:
  SessionSandbox(SandboxPool::Lease lease, const RunLimits& limits, const Clock& clock);

  Result<engine::RunOutcome> run(const engine::RunSpec& spec,
                                 const engine::Cancellation& cancellation,
                                 engine::RunObserver& observer) override;

 private:
  const RunLimits limits_;
  std::atomic<std::uint64_t> next_exec_id_{1};
};

}  // namespace cloister::backends::native
