// engine::Backend over the sandboxes of this machine.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/native/launcher_process.h"
#include "backends/native/run_limits.h"
#include "backends/native/sandbox_pool.h"
#include "backends/native/warm_pool.h"
#include "engine/backend.h"
#include "sandbox/layers.h"

namespace cloister::backends::native {

struct NativeOptions {
  PoolOptions pool;
  WarmPoolOptions warm;                    // Nothing is kept ready when the pool keeps nothing.
  std::vector<std::string> accept_weaker;  // As given to the launcher.
  std::string image_digest;
  std::vector<std::string> languages;  // "python 3.13.5"
};

class NativeBackend final : public engine::Backend {
 public:
  // Takes a started launcher and waits until it serves. `log` and `clock` must outlive the backend.
  // `on_lost` is called once from another thread when the backend has become useless for good.
  static Result<std::unique_ptr<NativeBackend>> create(
      LauncherProcess launcher, NativeOptions options, const Logger& log, const Clock& clock,
      std::function<void(const std::string& reason)> on_lost);

  Result<std::unique_ptr<engine::Sandbox>> acquire(
      const engine::SandboxSpec& spec, const engine::Cancellation& cancellation) override;
  engine::BackendStatus status() const override;
  Result<void> check(Milliseconds limit) override;

  // Every layer with what the running launcher has armed.
  const std::vector<sandbox::LayerReport>& layers() const { return layers_; }

 private:
  NativeBackend(NativeOptions options, std::unique_ptr<SandboxPool> pool, const Logger& log,
                const Clock& clock);
  Result<SandboxPool::Lease> take(sandbox::Zygote zygote, std::uint64_t memory_bytes,
                                  Milliseconds limit);
  Result<std::unique_ptr<engine::Sandbox>> make_python_sandbox(std::string_view python_code,
                                                               std::uint64_t memory_bytes,
                                                               Milliseconds limit);
  Result<WarmSandbox> start_warm(const WarmCommand& command);

  const NativeOptions options_;
  const RunLimits limits_;
  const Clock& clock_;
  const std::unique_ptr<SandboxPool> pool_;
  std::vector<sandbox::LayerReport> layers_;
  WarmPool warm_;  // Last: it starts sandboxes of the pool on its own thread.
};

}  // namespace cloister::backends::native
