#include "server/native_provider.h"

#include <utility>

#include "backends/native/native_backend.h"
#include "server/settings_loader.h"
#include "server/settings_mapping.h"

namespace cloister::server {
namespace {

namespace native = backends::native;

// What the client of the contract relies on.
constexpr std::string_view kNeededLanguage = "python";

}  // namespace

Result<void> NativeProvider::prepare(const Settings& settings, const Logger& log) {
  const images::ImageStore store(images_directory(settings));
  Result<images::StoredImage> image = store.resolve(settings.image);
  if (!image) {
    Error error = std::move(image).error();
    error.message = "image: " + error.message + ". 'cloister image build' makes the default one";
    return fail(std::move(error));
  }
  if (image->manifest.find_language(kNeededLanguage) == nullptr) {
    return fail(ErrorCode::kUnsupported, "image: '" + settings.image + "' has no Python");
  }
  native::LauncherOptions options;
  options.program = TRY(native::default_launcher_path());
  options.image_root = image->rootfs;
  options.accept_weaker = settings.accept_weaker;
  options.zygotes = settings.python_start == "zygote";
  launcher_.emplace(TRY(native::LauncherProcess::start(options)));
  log.info("launcher started", {{"pid", launcher_->pid()},
                                {"image", image->manifest.name},
                                {"digest", image->manifest.digest}});
  image_ = std::move(*image);
  return {};
}

Result<std::unique_ptr<engine::Backend>> NativeProvider::create(
    const Settings& settings, const Logger& log, const Clock& clock,
    std::function<void(const std::string& reason)> on_lost) {
  native::NativeOptions options;
  options.pool.ready = static_cast<std::size_t>(settings.pool_size);
  options.pool.zygotes = settings.python_start == "zygote";
  options.pool.limits = sandbox_limits(settings);
  if (serves(settings, "librechat")) {
    options.pool.cpu_seconds_max = static_cast<std::uint32_t>(settings.librechat_cpu_time_sec);
  }
  options.accept_weaker = settings.accept_weaker;
  options.image_digest = image_->manifest.digest;
  for (const images::Language& language : image_->manifest.languages) {
    options.languages.push_back(language.name + " " + language.version);
  }
  native::LauncherProcess launcher = std::move(*launcher_);
  launcher_.reset();
  std::unique_ptr<native::NativeBackend> backend = TRY(native::NativeBackend::create(
      std::move(launcher), std::move(options), log, clock, std::move(on_lost)));
  layers_ = backend->layers();
  return backend;
}

}  // namespace cloister::server
