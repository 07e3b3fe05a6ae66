// A sandbox that lives on between commands. run() may be called from several threads.
#pragma once

#include <atomic>
#include <mutex>

#include "backends/native/sandbox_handle.h"
#include "backends/native/sandbox_pool.h"
#include "base/clock.h"
#include "engine/backend.h"
#include "sandbox/limits.h"

namespace cloister::backends::native {

class SessionSandbox final : public engine::Sandbox {
 public:
  SessionSandbox(SandboxPool::Lease lease, const sandbox::SandboxLimits& limits,
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
  std::atomic<std::uint64_t> next_exec_id_{1};
  // Requests with replies (stage, visit_files) are one conversation at a time.
  std::mutex conversation_;
};

}  // namespace cloister::backends::native
