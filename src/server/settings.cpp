#include "server/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace cloister::server {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kTenYearsSec = 315'360'000;

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

void add_network(std::vector<SettingSpec>& table) {
  table.insert(
      table.end(),
      {{"host", {"HOST", "CI_HOST"}, "Address to listen on.", TextKind{&Settings::host}},
       {"port",
        {"PORT", "CI_PORT"},
        "Port to listen on; 0 lets the system choose.",
        IntegerKind{&Settings::port, 0, 65535}},
       {"allow_public",
        {},
        "Listen on an address that other machines can reach, although an API is open to everybody.",
        BooleanKind{&Settings::allow_public}},
       {"max_connections",
        {},
        "Open connections at a time; more are answered with status 503.",
        IntegerKind{&Settings::max_connections, 1, 10000}},
       {"max_request_mb",
        {},
        "Largest JSON body of a request, in MiB.",
        IntegerKind{&Settings::max_request_mb, 1, 1024}},
       {"dialects",
        {},
        "The APIs that are served: onyx, librechat.",
        ListKind{&Settings::dialects}},
       {"drain_timeout_sec",
        {},
        "Longest wait for requests under way when the server is told to stop.",
        RealKind{&Settings::drain_timeout_sec, 0, 3600}},
       {"docs", {}, "Serve the API reference page at /docs.", BooleanKind{&Settings::docs}}});
}

void add_state(std::vector<SettingSpec>& table) {
  table.insert(
      table.end(),
      {{"state_dir",
        {},
        "Directory of the database, the files and the images. Empty: /var/lib/cloister for root, "
        "else cloister in the user's data directory.",
        TextKind{&Settings::state_dir}},
       {"file_storage_dir",
        {"FILE_STORAGE_DIR", "CI_FILE_STORAGE_PATH"},
        "Directory of the stored files' bytes. Empty: data/blobs in state_dir.",
        TextKind{&Settings::file_storage_dir}},
       {"max_file_size_mb",
        {"MAX_FILE_SIZE_MB"},
        "Largest upload, in MiB.",
        IntegerKind{&Settings::max_file_size_mb, 1, 102400}},
       {"file_ttl_sec",
        {"FILE_TTL_SEC"},
        "Seconds after its upload at which a file is deleted.",
        IntegerKind{&Settings::file_ttl_sec, 1, kTenYearsSec}},
       {"user",
        {},
        "Account that the server changes to when it is started as root.",
        TextKind{&Settings::user}}});
}

void add_limits(std::vector<SettingSpec>& table) {
  table.insert(table.end(), {{"max_exec_timeout_ms",
                              {"MAX_EXEC_TIMEOUT_MS"},
                              "Largest timeout_ms a client may ask for.",
                              IntegerKind{&Settings::max_exec_timeout_ms, 1, kDayMs}},
                             {"max_output_bytes",
                              {"MAX_OUTPUT_BYTES"},
                              "Bytes kept of each output stream.",
                              IntegerKind{&Settings::max_output_bytes, 0, 1'000'000'000}},
                             {"cpu_time_limit_sec",
                              {"CPU_TIME_LIMIT_SEC"},
                              "CPU seconds of each process in a sandbox.",
                              IntegerKind{&Settings::cpu_time_limit_sec, 1, 86400}},
                             {"memory_limit_mb",
                              {"MEMORY_LIMIT_MB"},
                              "Memory of a sandbox in MiB, files in its workspace included.",
                              IntegerKind{&Settings::memory_limit_mb, 16, 1'048'576}},
                             {"workspace_mb",
                              {},
                              "Size of a workspace, in MiB.",
                              IntegerKind{&Settings::workspace_mb, 1, 1'048'576}},
                             {"workspace_inodes",
                              {},
                              "Files and directories in a workspace.",
                              IntegerKind{&Settings::workspace_inodes, 16, 100'000'000}},
                             {"tmp_mb",
                              {},
                              "Size of a sandbox's /tmp, in MiB.",
                              IntegerKind{&Settings::tmp_mb, 1, 1'048'576}},
                             {"processes",
                              {},
                              "Processes and threads of a sandbox.",
                              IntegerKind{&Settings::processes, 1, 32768}},
                             {"cpu_percent",
                              {},
                              "CPU of a sandbox, in percent of one core; 0 means no limit.",
                              IntegerKind{&Settings::cpu_percent, 0, 100000}}});
}

void add_capacity(std::vector<SettingSpec>& table) {
  table.insert(table.end(), {{"max_concurrent_executions",
                              {"MAX_CONCURRENT_EXECUTIONS"},
                              "Executions at a time.",
                              IntegerKind{&Settings::max_concurrent_executions, 1, 10000}},
                             {"execution_queue_timeout_sec",
                              {"EXECUTION_QUEUE_TIMEOUT_SEC"},
                              "Longest wait for a slot before status 429; 0 means no wait.",
                              RealKind{&Settings::execution_queue_timeout_sec, 0, 3600}},
                             {"queue_length",
                              {},
                              "Requests that may wait for a slot; with more, 429 at once.",
                              IntegerKind{&Settings::queue_length, 0, 100000}},
                             {"execution_retry_after_sec",
                              {"EXECUTION_RETRY_AFTER_SEC"},
                              "Retry-After sent with 429.",
                              IntegerKind{&Settings::execution_retry_after_sec, 1, 3600}},
                             {"capacity_retry_after_sec",
                              {"CAPACITY_RETRY_AFTER_SEC"},
                              "Retry-After sent with 503.",
                              IntegerKind{&Settings::capacity_retry_after_sec, 1, 3600}},
                             {"max_sessions",
                              {},
                              "Sessions at a time.",
                              IntegerKind{&Settings::max_sessions, 0, 100000}}});
}

void add_sandboxes(std::vector<SettingSpec>& table) {
  table.insert(
      table.end(),
      {{"executor_backend",
        {"EXECUTOR_BACKEND"},
        "Where sandboxes run.",
        ChoiceKind{&Settings::executor_backend, {"native"}}},
       {"image", {}, "Image that sandboxes run on.", TextKind{&Settings::image}},
       {"pool_size", {}, "Sandboxes kept ready.", IntegerKind{&Settings::pool_size, 0, 1000}},
       {"python_start",
        {},
        "zygote: fork an interpreter that has its modules loaded. fresh: start one with exec, "
        "slower, so that runs do not share an address layout.",
        ChoiceKind{&Settings::python_start, {"zygote", "fresh"}}},
       {"accept_weaker",
        {},
        "Isolation layers that may be missing, as 'cloister doctor' names them.",
        ListKind{&Settings::accept_weaker}},
       {"health_check_interval_sec",
        {"HEALTH_CHECK_INTERVAL_SEC"},
        "Seconds between two checks of the backend.",
        RealKind{&Settings::health_check_interval_sec, 0.1, 86400}},
       {"backend_check_timeout_sec",
        {"BACKEND_CHECK_TIMEOUT_SEC"},
        "Longest check of the backend.",
        RealKind{&Settings::backend_check_timeout_sec, 0.1, 600}}});
}

void add_librechat(std::vector<SettingSpec>& table) {
  table.insert(
      table.end(),
      {{"librechat_api_key",
        {"CI_API_KEY", "CI_CI_API_KEY"},
        "Key that clients of the LibreChat API send. Several are separated by commas.",
        TextKind{&Settings::librechat_api_key},
        true},
       {"librechat_auth",
        {},
        "off: the LibreChat API asks for no key.",
        ChoiceKind{&Settings::librechat_auth, {"key", "off"}}},
       {"librechat_jwt_keys",
        {},
        "File with public keys (PEM or JWKS) of tokens that LibreChat signs. Empty: none.",
        TextKind{&Settings::librechat_jwt_keys}},
       {"librechat_prefix",
        {"CI_API_PREFIX"},
        "Path of the proxy's own routes.",
        TextKind{&Settings::librechat_prefix}},
       {"librechat_memory_mb",
        {"CI_MAX_MEMORY_MB"},
        "Memory of a LibreChat program's sandbox in MiB, files in its workspace included.",
        IntegerKind{&Settings::librechat_memory_mb, 32, 1'048'576}},
       {"librechat_timeout_sec",
        {"CI_MAX_RUN_TIMEOUT_SECONDS"},
        "Time of a LibreChat program that asks for none, and the most that one may ask for.",
        IntegerKind{&Settings::librechat_timeout_sec, 1, 86400}},
       {"librechat_cpu_time_sec",
        {},
        "CPU seconds of each process of a LibreChat program.",
        IntegerKind{&Settings::librechat_cpu_time_sec, 1, 86400}},
       {"librechat_output_bytes",
        {},
        "Bytes kept of each output stream of a LibreChat program.",
        IntegerKind{&Settings::librechat_output_bytes, 65'536, 1'000'000'000}},
       {"librechat_upload_bytes",
        {"CI_MAX_FILE_SIZE_BYTES"},
        "Largest upload to the LibreChat API, in bytes.",
        IntegerKind{&Settings::librechat_upload_bytes, 1, 100'000'000'000}},
       {"librechat_session_ttl_min",
        {"CI_SESSION_TTL_MINUTES"},
        "Minutes after its creation at which a LibreChat session ends, with its files.",
        IntegerKind{&Settings::librechat_session_ttl_min, 1, kTenYearsSec / 60}},
       {"librechat_session_files",
        {"CI_MAX_FILES_PER_SESSION"},
        "Files of a LibreChat session, older versions not counted.",
        IntegerKind{&Settings::librechat_session_files, 1, 100000}},
       {"librechat_run_files",
        {"CI_MAX_FILES_PER_RUN"},
        "Files that one call of the proxy's runs route may name.",
        IntegerKind{&Settings::librechat_run_files, 1, 1000}},
       {"compile_timeout_sec",
        {},
        "Time of a compiler, beside the program's own.",
        IntegerKind{&Settings::compile_timeout_sec, 1, 3600}},
       {"compile_cache_mb",
        {},
        "Compiled programs that are kept, in MiB.",
        IntegerKind{&Settings::compile_cache_mb, 0, 1'048'576}},
       {"tool_runs",
        {},
        "Programs with tools at a time, those that wait for results included.",
        IntegerKind{&Settings::tool_runs, 1, 10000}},
       {"tool_pause_sec",
        {},
        "Longest wait of a program for the results of its tools.",
        IntegerKind{&Settings::tool_pause_sec, 1, 86400}},
       {"sweep_on_start",
        {"CI_SANDBOX_SWEEP_ON_STARTUP"},
        "Remove sessions that expired while the server was away before serving.",
        BooleanKind{&Settings::sweep_on_start}}});
}

void add_logging(std::vector<SettingSpec>& table) {
  table.insert(table.end(),
               {{"log_level",
                 {"LOG_LEVEL"},
                 "Least important message that is logged.",
                 ChoiceKind{&Settings::log_level,
                            {"debug", "info", "warn", "warning", "error", "critical"}}},
                {"log_format",
                 {"LOG_FORMAT"},
                 "Form of the log.",
                 ChoiceKind{&Settings::log_format, {"plain", "json"}}}});
}

}  // namespace

const std::vector<SettingSpec>& settings_table() {
  static const std::vector<SettingSpec> table = [] {
    std::vector<SettingSpec> result;
    add_network(result);
    add_state(result);
    add_limits(result);
    add_capacity(result);
    add_librechat(result);
    add_sandboxes(result);
    add_logging(result);
    return result;
  }();
  return table;
}

std::string environment_name(const SettingSpec& spec) {
  std::string result = "CLOISTER_";
  for (const char letter : spec.name) {
    result += letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  }
  return result;
}

std::string option_name(const SettingSpec& spec) {
  std::string result = "--" + std::string(spec.name);
  std::replace(result.begin(), result.end(), '_', '-');
  return result;
}

std::string allowed_values(const SettingSpec& spec) {
  return std::visit(Overloaded{
                        [](const IntegerKind& kind) {
                          return fmt::format("an integer from {} to {}", kind.minimum,
                                             kind.maximum);
                        },
                        [](const RealKind& kind) {
                          return fmt::format("a number from {} to {}", kind.minimum, kind.maximum);
                        },
                        [](const TextKind&) { return std::string("a text"); },
                        [](const BooleanKind&) { return std::string("true or false"); },
                        [](const ChoiceKind& kind) {
                          return fmt::format("one of: {}", fmt::join(kind.choices, ", "));
                        },
                        [](const ListKind&) { return std::string("words separated by commas"); },
                    },
                    spec.kind);
}

std::string value_text(const SettingSpec& spec, const Settings& settings) {
  return std::visit(
      Overloaded{
          [&](const IntegerKind& kind) { return std::to_string(settings.*kind.field); },
          [&](const RealKind& kind) { return fmt::format("{}", settings.*kind.field); },
          [&](const TextKind& kind) { return settings.*kind.field; },
          [&](const BooleanKind& kind) {
            return std::string(settings.*kind.field ? "true" : "false");
          },
          [&](const ChoiceKind& kind) { return settings.*kind.field; },
          [&](const ListKind& kind) {
            return fmt::format("{}", fmt::join(settings.*kind.field, ","));
          },
      },
      spec.kind);
}

}  // namespace cloister::server
