#include "backends/native/leased_sandbox.h"

#include <utility>

namespace cloister::backends::native {

LeasedSandbox::LeasedSandbox(SandboxPool::Lease lease, const Clock& clock)
    : lease_(std::move(lease)), clock_(clock) {}

Result<void> LeasedSandbox::stage(std::vector<engine::StagedFile> files) {
  const std::lock_guard lock(conversation_);
  return handle().stage(files);
}

Result<void> LeasedSandbox::visit_files(
    const std::function<Result<void>(engine::FoundFile)>& visitor) {
  const std::lock_guard lock(conversation_);
  return handle().visit_files(visitor);
}

void LeasedSandbox::terminate() {
  handle().terminate();
}

bool LeasedSandbox::is_alive() const {
  return lease_.handle().is_alive();
}

}  // namespace cloister::backends::native
