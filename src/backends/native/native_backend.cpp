#include "backends/native/native_backend.h"

#include <algorithm>
#include <string_view>

#include "backends/native/command_sandbox.h"
#include "backends/native/fresh_python_sandbox.h"
#include "backends/native/import_scan.h"
#include "backends/native/python_sandbox.h"
#include "backends/native/session_sandbox.h"
#include "os/cgroup.h"

namespace cloister::backends::native {
namespace {

// Loading the largest zygote takes a second or two on a slow machine; the base one far less.
constexpr Milliseconds kStartLimit{30000};
// A client of the python-sandbox API allows 10 s beyond the program's time for queue and start.
constexpr Milliseconds kAcquireLimit{4000};

// What the launcher has in force, over what the host offers.
std::vector<sandbox::LayerReport> armed_layers(std::uint64_t controllers,
                                               const std::vector<std::string>& accepted) {
  std::vector<sandbox::LayerReport> layers = sandbox::probe_layers();
  const auto is_accepted = [&](const std::string& name) {
    return std::any_of(accepted.begin(), accepted.end(), [&](const std::string& word) {
      return word == name || (word == "cgroups" && name.rfind("cgroup.", 0) == 0);
    });
  };
  for (sandbox::LayerReport& layer : layers) {
    if (layer.name.rfind("cgroup.", 0) == 0) {
      const auto controller = layer.name == "cgroup.memory" ? os::CgroupController::kMemory
                              : layer.name == "cgroup.pids" ? os::CgroupController::kPids
                                                            : os::CgroupController::kCpu;
      const bool in_force = (controllers & (1U << static_cast<unsigned>(controller))) != 0;
      if (in_force) {
        layer.state = sandbox::LayerState::kArmed;
      } else if (is_accepted(layer.name)) {
        layer.state = sandbox::LayerState::kAccepted;
      }
    } else if (layer.name == "landlock") {
      if (layer.state == sandbox::LayerState::kAvailable) layer.state = sandbox::LayerState::kArmed;
    } else {
      // The launcher serves, so each of these has been made: a failing step would have stopped it.
      layer.state = sandbox::LayerState::kArmed;
    }
  }
  return layers;
}

WarmPoolOptions warm_options(const NativeOptions& options) {
  WarmPoolOptions warm = options.warm;
  if (options.pool.ready == 0) warm.ready = 0;
  return warm;
}

class Discard final : public engine::RunObserver {
 public:
  void on_output(engine::Stream, std::string_view) override {}
};

}  // namespace

Result<std::unique_ptr<NativeBackend>> NativeBackend::create(
    LauncherProcess launcher, NativeOptions options, const Logger& log, const Clock& clock,
    std::function<void(const std::string& reason)> on_lost) {
  auto pool = std::make_unique<SandboxPool>(std::move(launcher), options.pool, log, clock,
                                            std::move(on_lost));
  TRY_VOID(pool->wait_until_ready(kStartLimit));
  return std::unique_ptr<NativeBackend>(
      new NativeBackend(std::move(options), std::move(pool), log, clock));
}

NativeBackend::NativeBackend(NativeOptions options, std::unique_ptr<SandboxPool> pool,
                             const Logger& log, const Clock& clock)
    : options_(std::move(options)),
      limits_{options_.pool.limits, options_.pool.cpu_seconds_max},
      clock_(clock),
      pool_(std::move(pool)),
      layers_(armed_layers(pool_->controllers(), options_.accept_weaker)),
      warm_(
          warm_options(options_),
          [this](const WarmCommand& command) { return start_warm(command); }, log, clock) {}

Result<std::unique_ptr<engine::Sandbox>> NativeBackend::acquire(const engine::SandboxSpec& spec,
                                                                const engine::Cancellation&) {
  switch (spec.kind) {
    case engine::SandboxKind::kPythonRun:
      return make_python_sandbox(spec.python_code, spec.memory_bytes, kAcquireLimit);
    case engine::SandboxKind::kCommandRun: {
      if (!spec.warm_command.empty()) return warm_.take({spec.warm_command, spec.memory_bytes});
      auto lease = TRY(take(sandbox::Zygote::kNone, spec.memory_bytes, kAcquireLimit));
      return std::make_unique<CommandSandbox>(std::move(lease), limits_, clock_);
    }
    case engine::SandboxKind::kSession: {
      auto lease = TRY(take(sandbox::Zygote::kNone, spec.memory_bytes, kAcquireLimit));
      return std::make_unique<SessionSandbox>(std::move(lease), limits_, clock_);
    }
  }
  return fail(ErrorCode::kUnsupported, "there is no such kind of sandbox");
}

Result<SandboxPool::Lease> NativeBackend::take(sandbox::Zygote zygote, std::uint64_t memory_bytes,
                                               Milliseconds limit) {
  SandboxPool::Lease lease = TRY(pool_->take(zygote, limit));
  if (memory_bytes != 0 && memory_bytes != limits_.limits.memory_bytes) {
    TRY_VOID(pool_->resize(lease, memory_bytes, limit));
  }
  return lease;
}

Result<WarmSandbox> NativeBackend::start_warm(const WarmCommand& command) {
  auto lease = TRY(take(sandbox::Zygote::kNone, command.memory_bytes, kAcquireLimit));
  auto sandbox = std::make_unique<CommandSandbox>(std::move(lease), limits_, clock_);
  TRY_VOID(sandbox->start_warm(command.argv));
  const CommandSandbox* started = sandbox.get();
  return WarmSandbox{std::move(sandbox), [started] { return started->is_waiting(); }};
}

Result<std::unique_ptr<engine::Sandbox>> NativeBackend::make_python_sandbox(
    std::string_view python_code, std::uint64_t memory_bytes, Milliseconds limit) {
  if (!options_.pool.zygotes) {
    auto lease = TRY(take(sandbox::Zygote::kNone, memory_bytes, limit));
    return std::make_unique<FreshPythonSandbox>(std::move(lease), limits_, clock_);
  }
  const sandbox::Zygote wanted = pick_zygote(python_code);
  auto lease = take(wanted, memory_bytes, limit);
  if (lease) return std::make_unique<PythonSandbox>(std::move(*lease), limits_, clock_);
  // Its zygote may just have been lost. The first one can run any program, only slower.
  if (wanted == sandbox::Zygote::kBase || pool_->is_lost()) return fail(std::move(lease).error());
  auto other = TRY(take(sandbox::Zygote::kBase, memory_bytes, limit));
  return std::make_unique<PythonSandbox>(std::move(other), limits_, clock_);
}

engine::BackendStatus NativeBackend::status() const {
  engine::BackendStatus status;
  status.usable = !pool_->is_lost();
  if (!status.usable) status.message = "the launcher is gone";
  status.name = "native";
  status.network_isolation = "network_namespace";
  for (const sandbox::LayerReport& layer : layers_) {
    if (layer.state == sandbox::LayerState::kAccepted) {
      status.accepted_weaknesses.push_back(layer.name);
    }
  }
  // To the pool, one that waits with its process started is in use.
  const std::size_t warm = warm_.ready();
  status.sandboxes_ready = pool_->ready() + warm;
  status.sandboxes_running = std::max(pool_->running(), warm) - warm;
  status.image_digest = options_.image_digest;
  status.languages = options_.languages;
  return status;
}

Result<void> NativeBackend::check(Milliseconds limit) {
  const auto sandbox = TRY(make_python_sandbox({}, 0, limit));
  engine::RunSpec spec;
  spec.program = engine::PythonProgram{"pass", false};
  spec.timeout = limit;
  Discard observer;
  const engine::RunOutcome outcome = TRY(sandbox->run(spec, {}, observer));
  if (outcome.exit_code != 0) {
    return fail(ErrorCode::kUnavailable, "a trivial program does not run in the sandbox");
  }
  return {};
}

}  // namespace cloister::backends::native
