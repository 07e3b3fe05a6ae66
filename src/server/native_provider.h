// The backend of this machine: the image, the launcher, the pool.
#pragma once

#include <optional>
#include <string>

#include "backends/native/launcher_process.h"
#include "images/image_store.h"
#include "server/backend_provider.h"

namespace cloister::server {

class NativeProvider final : public BackendProvider {
 public:
  // Resolves the image and starts the launcher beside the running program.
  Result<void> prepare(const Settings& settings, const Logger& log) override;
  Result<std::unique_ptr<engine::Backend>> create(
      const Settings& settings, const Logger& log, const Clock& clock,
      std::function<void(const std::string& reason)> on_lost) override;
  std::vector<sandbox::LayerReport> layers() const override { return layers_; }

 private:
  std::optional<images::StoredImage> image_;
  std::optional<backends::native::LauncherProcess> launcher_;
  std::vector<sandbox::LayerReport> layers_;
};

}  // namespace cloister::server
