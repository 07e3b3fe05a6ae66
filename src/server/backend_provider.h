// Where the server gets its backend from.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "engine/backend.h"
#include "observe/log.h"
#include "sandbox/layers.h"
#include "server/settings.h"

namespace cloister::server {

// Makes one backend, in two steps with the loss of privileges between them. Used by one thread.
class BackendProvider {
 public:
  virtual ~BackendProvider() = default;
  // Does what needs the privileges that the server was started with: starts the launcher.
  virtual Result<void> prepare(const Settings& settings, const Logger& log) = 0;
  // The backend, ready to be checked. After prepare(), once. `log` and `clock` outlive the backend.
  // `on_lost` is called at most once, from another thread, when it has become useless for good.
  virtual Result<std::unique_ptr<engine::Backend>> create(
      const Settings& settings, const Logger& log, const Clock& clock,
      std::function<void(const std::string& reason)> on_lost) = 0;
  // The layers as the running launcher reported them. After create().
  virtual std::vector<sandbox::LayerReport> layers() const = 0;
};

}  // namespace cloister::server
