// What an operator can set: one typed value each, and the table that describes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cloister::server {

// The defaults are the values here. An empty text means "not set"; what then holds is in the help.
struct Settings {
  std::string host = "127.0.0.1";
  std::int64_t port = 8000;
  bool allow_public = false;
  std::string state_dir;
  std::string file_storage_dir;
  std::string user = "cloister";
  std::string image = "default";

  std::int64_t max_exec_timeout_ms = 60000;
  std::int64_t max_output_bytes = 1000000;
  std::int64_t cpu_time_limit_sec = 5;
  std::int64_t memory_limit_mb = 256;
  std::int64_t workspace_mb = 224;
  std::int64_t workspace_inodes = 65536;
  std::int64_t tmp_mb = 64;
  std::int64_t processes = 64;
  std::int64_t cpu_percent = 100;
  std::int64_t max_file_size_mb = 100;
  std::int64_t file_ttl_sec = 3600;

  std::int64_t max_concurrent_executions = 16;
  double execution_queue_timeout_sec = 5;
  std::int64_t queue_length = 256;
  std::int64_t execution_retry_after_sec = 2;
  std::int64_t capacity_retry_after_sec = 10;
  std::int64_t max_sessions = 64;
  std::int64_t max_request_mb = 32;
  std::int64_t max_connections = 512;
  double drain_timeout_sec = 20;

  std::vector<std::string> dialects = {"onyx", "librechat"};
  std::string librechat_api_key = "dev-ci-key";
  std::string librechat_auth = "key";
  std::string librechat_jwt_keys;
  std::string librechat_prefix = "/v1/librechat";
  std::int64_t librechat_memory_mb = 512;
  std::int64_t librechat_timeout_sec = 30;
  std::int64_t librechat_cpu_time_sec = 120;
  std::int64_t librechat_upload_bytes = 10'485'760;
  std::int64_t librechat_session_ttl_min = 60;
  std::int64_t librechat_session_files = 100;
  std::int64_t librechat_run_files = 10;
  std::int64_t librechat_output_bytes = 65'536;
  std::int64_t compile_timeout_sec = 60;
  std::int64_t compile_cache_mb = 512;
  std::int64_t tool_runs = 64;
  std::int64_t tool_pause_sec = 600;
  bool sweep_on_start = true;

  std::string executor_backend = "native";
  std::int64_t pool_size = 4;
  std::string python_start = "zygote";
  std::vector<std::string> accept_weaker;
  double health_check_interval_sec = 30;
  double backend_check_timeout_sec = 2.5;

  std::string log_level = "info";
  std::string log_format = "plain";
  bool docs = true;
};

struct IntegerKind {
  std::int64_t Settings::* field;
  std::int64_t minimum;
  std::int64_t maximum;
};
struct RealKind {
  double Settings::* field;
  double minimum;
  double maximum;
};
struct TextKind {
  std::string Settings::* field;
};
struct BooleanKind {
  bool Settings::* field;
};
// One of a few words, in any letter case; stored in lower case.
struct ChoiceKind {
  std::string Settings::* field;
  std::vector<std::string_view> choices;
};
// Words separated by commas.
struct ListKind {
  std::vector<std::string> Settings::* field;
};

struct SettingSpec {
  std::string_view name;  // In the file; on the command line with '-' for '_'.
  // Beside CLOISTER_<NAME>: what the replaced systems call it, the first one that is set counts.
  std::vector<std::string_view> legacy_variables;
  std::string_view help;
  std::variant<IntegerKind, RealKind, TextKind, BooleanKind, ChoiceKind, ListKind> kind;
  bool is_secret = false;
};

// Every setting, in the order in which they are shown. Thread safe.
const std::vector<SettingSpec>& settings_table();

// "CLOISTER_MAX_SESSIONS"
std::string environment_name(const SettingSpec& spec);
// "--max-sessions"
std::string option_name(const SettingSpec& spec);
// "an integer from 1 to 65535"
std::string allowed_values(const SettingSpec& spec);
// The value as text, as it would be written in the environment.
std::string value_text(const SettingSpec& spec, const Settings& settings);

}  // namespace cloister::server
