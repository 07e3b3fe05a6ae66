// What every kind of sandbox of this backend does the same way: files, end, sign of life.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "backends/native/sandbox_handle.h"
#include "backends/native/sandbox_pool.h"
#include "base/clock.h"
#include "engine/backend.h"

namespace cloister::backends::native {

// Owns the lease. The kinds add run().
class LeasedSandbox : public engine::Sandbox {
 public:
  Result<void> stage(std::vector<engine::StagedFile> files) final;
  Result<void> visit_files(const std::function<Result<void>(engine::FoundFile)>& visitor) final;
  std::size_t files_left_out() const final;
  void terminate() final;
  bool is_alive() const final;

 protected:
  LeasedSandbox(SandboxPool::Lease lease, const Clock& clock);

  Result<void> stage_in(sandbox::Area area, const std::vector<engine::StagedFile>& files);
  Result<void> visit_in(sandbox::Area area,
                        const std::function<Result<void>(engine::FoundFile)>& visitor);

  SandboxHandle& handle() { return lease_.handle(); }
  const SandboxHandle& handle() const { return lease_.handle(); }
  const Clock& clock() const { return clock_; }

 private:
  SandboxPool::Lease lease_;
  const Clock& clock_;
  // Requests to the init that have replies are one conversation at a time.
  mutable std::mutex conversation_;
  std::size_t left_out_ = 0;  // Guarded by conversation_.
};

}  // namespace cloister::backends::native
