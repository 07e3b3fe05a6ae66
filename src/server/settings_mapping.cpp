#include "server/settings_mapping.h"

#include <sys/stat.h>

#include <cmath>
#include <filesystem>
#include <system_error>

#include "server/settings_loader.h"

namespace cloister::server {
namespace {

std::size_t size(std::int64_t number) {
  return static_cast<std::size_t>(number);
}

std::uint64_t mebibytes(std::int64_t number) {
  return static_cast<std::uint64_t>(number) * 1024 * 1024;
}

}  // namespace

Milliseconds milliseconds(double seconds) {
  return Milliseconds(std::llround(seconds * 1000));
}

std::string data_directory(const Settings& settings) {
  return settings.state_dir + "/data";
}

std::string images_directory(const Settings& settings) {
  return settings.state_dir + "/images";
}

Result<void> make_private_directory(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return {};
  std::filesystem::create_directories(path, error);
  if (error) return fail_errno("create the directory " + path, error.value());
  if (::chmod(path.c_str(), 0700) != 0) return fail_errno("set the mode of " + path);
  return {};
}

engine::AdmissionLimits admission_limits(const Settings& settings) {
  engine::AdmissionLimits limits;
  limits.slots = size(settings.max_concurrent_executions);
  limits.queue_length = size(settings.queue_length);
  limits.queue_length_per_tenant = size(settings.queue_length);
  limits.queue_timeout = milliseconds(settings.execution_queue_timeout_sec);
  return limits;
}

engine::SessionLimits session_limits(const Settings& settings) {
  engine::SessionLimits limits;
  limits.sessions_max = size(settings.max_sessions);
  return limits;
}

engine::StoredFilesLimits stored_files_limits(const Settings& settings) {
  engine::StoredFilesLimits limits;
  limits.upload_bytes_max = mebibytes(settings.max_file_size_mb);
  limits.time_to_live = std::chrono::seconds(settings.file_ttl_sec);
  return limits;
}

api::operations::HealthLimits health_limits(const Settings& settings) {
  return {milliseconds(settings.health_check_interval_sec),
          milliseconds(settings.backend_check_timeout_sec)};
}

api::operations::OperationsOptions operations_options(
    const Settings& settings, const std::string& version,
    const std::vector<sandbox::LayerReport>& layers) {
  api::operations::OperationsOptions options;
  options.version = version;
  options.docs = settings.docs;
  options.onyx = serves(settings, "onyx");
  options.max_exec_timeout_ms = settings.max_exec_timeout_ms;
  if (serves(settings, "librechat")) options.librechat_prefix = settings.librechat_prefix;
  for (const sandbox::LayerReport& layer : layers) {
    options.isolation_layers.emplace_back(layer.name, to_string(layer.state));
  }
  return options;
}

api::onyx::OnyxOptions onyx_options(const Settings& settings) {
  api::onyx::OnyxOptions options;
  options.max_timeout_ms = settings.max_exec_timeout_ms;
  options.max_output_bytes = size(settings.max_output_bytes);
  options.max_file_size_mb = settings.max_file_size_mb;
  options.max_request_mb = settings.max_request_mb;
  options.retry_after_saturated_sec = settings.execution_retry_after_sec;
  options.retry_after_unavailable_sec = settings.capacity_retry_after_sec;
  return options;
}

net::HttpServerLimits http_limits(const Settings& settings) {
  net::HttpServerLimits limits;
  limits.max_connections = size(settings.max_connections);
  return limits;
}

engine::OutputLimits output_limits(const Settings& settings) {
  engine::OutputLimits limits;
  limits.total_bytes_max = mebibytes(settings.workspace_mb);
  return limits;
}

sandbox::SandboxLimits sandbox_limits(const Settings& settings) {
  sandbox::SandboxLimits limits;
  limits.memory_bytes = mebibytes(settings.memory_limit_mb);
  limits.workspace_bytes = mebibytes(settings.workspace_mb);
  limits.workspace_inodes = static_cast<std::uint64_t>(settings.workspace_inodes);
  limits.tmp_bytes = mebibytes(settings.tmp_mb);
  limits.processes = static_cast<std::uint32_t>(settings.processes);
  limits.cpu_percent = static_cast<std::uint32_t>(settings.cpu_percent);
  limits.cpu_seconds = static_cast<std::uint32_t>(settings.cpu_time_limit_sec);
  return limits;
}

}  // namespace cloister::server
