#include "backends/native/leased_sandbox.h"

#include <utility>

namespace cloister::backends::native {

LeasedSandbox::LeasedSandbox(SandboxPool::Lease lease, const Clock& clock)
    : lease_(std::move(lease)), clock_(clock) {}

Result<void> LeasedSandbox::stage(std::vector<engine::StagedFile> files) {
  return stage_in(sandbox::Area::kWorkspace, files);
}

Result<void> LeasedSandbox::visit_files(
    const std::function<Result<void>(engine::FoundFile)>& visitor) {
  return visit_in(sandbox::Area::kWorkspace, visitor);
}

Result<void> LeasedSandbox::stage_in(sandbox::Area area,
                                     const std::vector<engine::StagedFile>& files) {
  const std::lock_guard lock(conversation_);
  return handle().stage(area, files);
}

Result<void> LeasedSandbox::visit_in(
    sandbox::Area area, const std::function<Result<void>(engine::FoundFile)>& visitor) {
  const std::lock_guard lock(conversation_);
  left_out_ = TRY(handle().visit_files(area, visitor));
  return {};
}

std::size_t LeasedSandbox::files_left_out() const {
  const std::lock_guard lock(conversation_);
  return left_out_;
}

void LeasedSandbox::terminate() {
  handle().terminate();
}

bool LeasedSandbox::is_alive() const {
  return handle().is_alive();
}

}  // namespace cloister::backends::native
