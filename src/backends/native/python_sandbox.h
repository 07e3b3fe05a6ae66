// A sandbox with one interpreter that waits for its program. Used for one run.
#pragma once

#include "backends/native/sandbox_handle.h"
#include "backends/native/sandbox_pool.h"
#include "base/clock.h"
#include "engine/backend.h"

namespace cloister::backends::native {

class PythonSandbox final : public engine::Sandbox {
 public:
  PythonSandbox(SandboxPool::Lease lease, const Clock& clock);

  Result<void> stage(std::vector<engine::StagedFile> files) override;
  Result<engine::RunOutcome> run(const engine::RunSpec& spec,
                                 const engine::Cancellation& cancellation,
                                 engine::RunObserver& observer) override;
  Result<void> visit_files(const std::function<Result<void>(engine::FoundFile)>& visitor) override;
  void terminate() override;
  bool is_alive() const override;

 private:
  Result<void> send_program(const engine::PythonProgram& program);

  SandboxPool::Lease lease_;
  const Clock& clock_;
};

}  // namespace cloister::backends::native
