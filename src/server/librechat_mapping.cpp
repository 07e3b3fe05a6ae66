#include "server/librechat_mapping.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace cloister::server {
namespace {

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) words.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return words;
}

Result<std::vector<api::librechat::JwtKey>> read_jwt_keys(const std::string& path) {
  if (path.empty()) return std::vector<api::librechat::JwtKey>();
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(ErrorCode::kNotFound, "librechat_jwt_keys: " + path + " cannot be read");
  }
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  auto keys = api::librechat::parse_jwt_keys(text);
  if (keys) return keys;
  Error error = std::move(keys).error();
  error.message = "librechat_jwt_keys: " + path + ": " + error.message;
  return fail(std::move(error));
}

}  // namespace

Result<api::librechat::LibreChatOptions> librechat_options(const Settings& settings) {
  api::librechat::LibreChatOptions options;
  const std::string& prefix = settings.librechat_prefix;
  if (!prefix.starts_with('/') || prefix.ends_with('/') ||
      prefix.find_first_of("{}?#% ") != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument,
                "librechat_prefix: '" + prefix + "' is not a path such as /v1/librechat");
  }
  options.api_prefix = prefix;
  options.auth.keys = split_words(settings.librechat_api_key);
  options.auth.off = settings.librechat_auth == "off";
  options.auth.jwt_keys = TRY(read_jwt_keys(settings.librechat_jwt_keys));
  if (!options.auth.off && options.auth.keys.empty() && options.auth.jwt_keys.empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        "librechat_api_key: without a key nobody can use the LibreChat API; set CI_API_KEY");
  }
  options.timeout_max = std::chrono::seconds(settings.librechat_timeout_sec);
  options.tool_timeout_max = std::max<Milliseconds>(options.timeout_max, options.tool_timeout_max);
  options.memory_bytes = static_cast<std::uint64_t>(settings.librechat_memory_mb) * kMebibyte;
  options.output_bytes_max = static_cast<std::size_t>(settings.librechat_output_bytes);
  options.request_mb_max = settings.max_request_mb;
  options.upload_bytes_max = static_cast<std::uint64_t>(settings.librechat_upload_bytes);
  options.session_files_max = static_cast<std::size_t>(settings.librechat_session_files);
  options.run_files_max = static_cast<std::size_t>(settings.librechat_run_files);
  options.tool_runs_max = static_cast<std::size_t>(settings.tool_runs);
  options.retry_after_saturated_sec = settings.execution_retry_after_sec;
  options.retry_after_unavailable_sec = settings.capacity_retry_after_sec;
  return options;
}

engine::StoredSessionLimits stored_session_limits(const Settings& settings) {
  engine::StoredSessionLimits limits;
  limits.time_to_live = std::chrono::minutes(settings.librechat_session_ttl_min);
  limits.files_max = static_cast<std::size_t>(settings.librechat_session_files);
  limits.upload_bytes_max = static_cast<std::uint64_t>(settings.librechat_upload_bytes);
  return limits;
}

engine::SessionExecutorLimits session_executor_limits(const Settings& settings) {
  engine::SessionExecutorLimits limits;
  limits.memory_bytes = static_cast<std::uint64_t>(settings.librechat_memory_mb) * kMebibyte;
  limits.compile_timeout = std::chrono::seconds(settings.compile_timeout_sec);
  limits.cpu_seconds = static_cast<std::uint32_t>(settings.librechat_cpu_time_sec);
  limits.output_total_bytes_max = static_cast<std::uint64_t>(settings.workspace_mb) * kMebibyte;
  limits.output_file_bytes_max = limits.output_total_bytes_max;
  limits.compile_cache_bytes_max =
      static_cast<std::uint64_t>(settings.compile_cache_mb) * kMebibyte;
  return limits;
}

engine::ToolRunLimits tool_run_limits(const Settings& settings) {
  engine::ToolRunLimits limits;
  limits.runs_max = static_cast<std::size_t>(settings.tool_runs);
  limits.pause_max = std::chrono::seconds(settings.tool_pause_sec);
  return limits;
}

}  // namespace cloister::server
