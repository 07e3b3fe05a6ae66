#include "server/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <optional>
#include <utility>

#include "api/librechat/fallbacks.h"
#include "api/librechat/librechat.h"
#include "api/onyx/onyx.h"
#include "api/operations/operations.h"
#include "blob/local_blob_store.h"
#include "engine/compile_cache.h"
#include "engine/file_backed_sessions.h"
#include "engine/live_tool_runs.h"
#include "engine/sessions.h"
#include "engine/stored_files.h"
#include "engine/stored_session_executor.h"
#include "engine/sweeper.h"
#include "net/http_server.h"
#include "server/librechat_mapping.h"
#include "server/metrics_observer.h"
#include "server/privileges.h"
#include "server/session_log.h"
#include "server/settings_mapping.h"
#include "server/stop_signals.h"
#include "store/migrations.h"
#include "store/sqlite_database.h"

namespace cloister::server {
namespace {

constexpr std::string_view kOnyxPrefix = "/onyx";
constexpr std::array<std::string_view, 4> kLibreChatPrefixes = {"", "/v1", "/librechat",
                                                                "/librechat/v1"};

// Where /health is answered beside the root.
std::vector<std::string> health_prefixes(const Settings& settings) {
  std::vector<std::string> prefixes;
  if (serves(settings, "onyx")) prefixes.emplace_back(kOnyxPrefix);
  if (serves(settings, "librechat")) {
    prefixes.insert(prefixes.end(), kLibreChatPrefixes.begin() + 1, kLibreChatPrefixes.end());
  }
  return prefixes;
}

// The first check also loads what later ones find loaded.
constexpr Milliseconds kFirstCheckLimit{30000};

}  // namespace

struct Server::State {
  std::unique_ptr<store::SqliteDatabase> database;
  std::unique_ptr<blob::LocalBlobStore> blobs;
  std::unique_ptr<store::FileTable> file_table;
  std::unique_ptr<store::SessionTable> session_table;
  std::unique_ptr<store::StoredSessionTable> stored_session_table;
  std::unique_ptr<engine::StoredFiles> files;
};

// Ends the server when its backend is lost: the privileges to make a new one are gone, and whoever
// supervises the process has them. report() is thread safe.
class Server::LostBackend {
 public:
  // `stop` is not owned.
  explicit LostBackend(const StopSignals& stop) : stop_(stop) {}

  void report(const std::string& reason) {
    {
      const std::lock_guard lock(mutex_);
      reason_ = reason;
    }
    stop_.request_stop();
  }
  Result<void> verdict() const {
    const std::lock_guard lock(mutex_);
    if (!reason_) return {};
    return fail(ErrorCode::kUnavailable, "The backend is lost: " + *reason_);
  }

 private:
  const StopSignals& stop_;
  mutable std::mutex mutex_;
  std::optional<std::string> reason_;  // Guarded by mutex_.
};

// In the order of construction; the parts end in the reverse order.
struct Server::Execution {
  Execution(std::unique_ptr<engine::Backend> made_backend, State& state, Metrics& metrics,
            const Settings& settings, const Logger& log, const Clock& clock)
      : backend(std::move(made_backend)),
        observer(metrics),
        admission(admission_limits(settings)),
        executor(*backend, *state.files, admission, observer, clock, output_limits(settings)),
        sessions(*backend, *state.files, admission, *state.session_table, observer, clock,
                 session_limits(settings)),
        session_log(log),
        stored_sessions(*state.files, *state.stored_session_table, session_log, clock,
                        stored_session_limits(settings)),
        compile_cache(*state.files, clock,
                      session_executor_limits(settings).compile_cache_bytes_max),
        session_executor(*backend, stored_sessions, *state.files, admission, compile_cache,
                         observer, clock, session_executor_limits(settings)),
        tool_runs(session_executor, tool_run_limits(settings)),
        health(*backend, log, clock, health_limits(settings)) {}

  // What the last process left behind. `sweeps`: also the sessions whose time is over.
  Result<void> recover(bool sweeps, const Logger& log) {
    TRY_VOID(sessions.recover());
    const std::size_t lost_files = TRY(stored_sessions.recover());
    const std::size_t compiled = TRY(compile_cache.remove_leftovers());
    const std::size_t expired = sweeps ? TRY(stored_sessions.sweep()) : 0;
    log.info("sessions recovered", {{"stored", stored_sessions.size()},
                                    {"expired", expired},
                                    {"lost_files", lost_files},
                                    {"compiled_files_removed", compiled}});
    return {};
  }

  // Refuses new work and ends what waits for somebody outside.
  void shut_down() {
    admission.shut_down();
    tool_runs.shut_down();
  }

  std::unique_ptr<engine::Backend> backend;
  MetricsObserver observer;
  engine::Admission admission;
  engine::Executor executor;
  engine::Sessions sessions;
  SessionLog session_log;
  engine::FileBackedSessions stored_sessions;
  engine::CompileCache compile_cache;
  engine::StoredSessionExecutor session_executor;
  engine::LiveToolRuns tool_runs;
  api::operations::HealthMonitor health;
};

struct Server::Frontend {
  std::unique_ptr<api::operations::Operations> operations;
  net::Router router;
  std::unique_ptr<engine::Sweeper> sweeper;
  std::unique_ptr<net::HttpServer> http;
};

Server::Server(LoadedSettings settings, BackendProvider& provider, ServerIdentity identity,
               std::function<void(std::string_view)> announce)
    : settings_(std::move(settings)),
      provider_(provider),
      identity_(std::move(identity)),
      announce_(std::move(announce)),
      log_(parse_log_level(settings_.values.log_level).value_or(LogLevel::kInfo),
           parse_log_format(settings_.values.log_format).value_or(LogFormat::kPlain), clock_) {}

Server::~Server() = default;

Result<void> Server::run() {
  StopSignals stop = TRY(StopSignals::block());
  LostBackend lost(stop);
  Metrics metrics;
  std::unique_ptr<State> state;
  std::unique_ptr<Execution> execution;
  std::unique_ptr<Frontend> frontend;
  log_settings();
  TRY_VOID(prepare());
  state = TRY(open_state());
  execution = TRY(start_execution(*state, metrics, lost));
  frontend = TRY(start_frontend(*state, *execution, metrics));
  announce(frontend->http->port());
  log_.info("stopping", {{"signal", TRY(stop.wait())}});
  // From here on a second signal ends the process at once.
  stop.release();
  execution->shut_down();
  frontend->http->stop(milliseconds(settings_.values.drain_timeout_sec));
  frontend.reset();
  execution.reset();
  log_.info("stopped");
  return lost.verdict();
}

void Server::log_settings() const {
  for (const std::string& warning : settings_.warnings)
    log_.warning(warning);
  for (const std::string& note : settings_.notes)
    log_.info(note);
  const std::string open = open_apis(settings_.values);
  if (!open.empty() && !is_loopback(settings_.values.host)) {
    log_.warning("other machines can reach this server, and " + open,
                 {{"host", settings_.values.host}});
  }
  for (const std::string& layer : settings_.values.accept_weaker) {
    log_.warning("an isolation layer may be missing", {{"layer", layer}});
  }
}

Result<void> Server::prepare() {
  TRY_VOID(provider_.prepare(settings_.values, log_));
  if (::geteuid() == 0) return drop_privileges();
  for (const std::string& path :
       {data_directory(settings_.values), settings_.values.file_storage_dir}) {
    TRY_VOID(make_private_directory(path));
  }
  return {};
}

Result<void> Server::drop_privileges() {
  const Account account = TRY(find_account(settings_.values.user));
  TRY_VOID(give_directory(data_directory(settings_.values), account));
  TRY_VOID(give_directory(settings_.values.file_storage_dir, account));
  TRY_VOID(become(account));
  log_.info("privileges dropped", {{"user", account.name}});
  return {};
}

Result<std::unique_ptr<Server::State>> Server::open_state() {
  auto state = std::make_unique<State>();
  state->database =
      TRY(store::SqliteDatabase::open({.path = data_directory(settings_.values) + "/cloister.db"}));
  TRY_VOID(store::migrate(*state->database, store::built_in_migrations(), clock_));
  blob::LocalBlobSettings blob_settings;
  blob_settings.directory = settings_.values.file_storage_dir;
  state->blobs = TRY(blob::LocalBlobStore::open_directory(std::move(blob_settings)));
  state->file_table = std::make_unique<store::FileTable>(*state->database);
  state->session_table = std::make_unique<store::SessionTable>(*state->database);
  state->stored_session_table = std::make_unique<store::StoredSessionTable>(*state->database);
  state->files = std::make_unique<engine::StoredFiles>(*state->blobs, *state->file_table, clock_,
                                                       stored_files_limits(settings_.values));
  const engine::StoredFiles::Recovered recovered = TRY(state->files->recover());
  log_.info("files recovered", {{"expired", recovered.expired},
                                {"broken_records", recovered.broken_records},
                                {"orphaned_blobs", recovered.orphaned_blobs}});
  return state;
}

Result<std::unique_ptr<Server::Execution>> Server::start_execution(State& state, Metrics& metrics,
                                                                   LostBackend& lost) {
  std::unique_ptr<engine::Backend> backend = TRY(provider_.create(
      settings_.values, log_, clock_, [&lost](const std::string& reason) { lost.report(reason); }));
  // No request is accepted before a sandbox could be started.
  Result<void> checked = backend->check(kFirstCheckLimit);
  if (!checked) {
    Error error = std::move(checked).error();
    error.message = "No sandbox can be started: " + error.message;
    return fail(std::move(error));
  }
  auto execution = std::make_unique<Execution>(std::move(backend), state, metrics, settings_.values,
                                               log_, clock_);
  TRY_VOID(execution->recover(settings_.values.sweep_on_start, log_));
  execution->health.start();
  return execution;
}

Result<std::unique_ptr<Server::Frontend>> Server::start_frontend(State& state, Execution& execution,
                                                                 Metrics& metrics) {
  const Settings& settings = settings_.values;
  auto frontend = std::make_unique<Frontend>();
  auto render_metrics = [&execution, &metrics, &settings] {
    const engine::BackendStatus status = execution.backend->status();
    CurrentValues current;
    current.executions_limit = static_cast<std::uint64_t>(settings.max_concurrent_executions);
    current.queue_depth = execution.admission.waiting();
    current.sandboxes_ready = status.sandboxes_ready;
    current.sandboxes_running = status.sandboxes_running;
    current.sessions = execution.sessions.size();
    return metrics.serialize(current);
  };
  frontend->operations = std::make_unique<api::operations::Operations>(
      execution.health, std::move(render_metrics),
      operations_options(settings, identity_.version, provider_.layers()));
  frontend->operations->add_routes(frontend->router, health_prefixes(settings));
  TRY_VOID(add_dialects(frontend->router, state, execution, metrics));

  engine::SweeperSettings sweeping;
  sweeping.on_error = [this](const Error& error) {
    log_.error("sweep failed", {{"error", error.describe()}});
  };
  frontend->sweeper = std::make_unique<engine::Sweeper>(
      execution.sessions, *state.files, clock_, std::move(sweeping), &execution.stored_sessions);
  net::FallbackHandlers fallbacks = net::json_detail_fallbacks();
  if (serves(settings, "librechat")) {
    fallbacks = api::librechat::fallbacks(std::move(fallbacks), settings.librechat_prefix);
  }
  frontend->http = std::make_unique<net::HttpServer>(frontend->router, std::move(fallbacks), log_,
                                                     metrics, http_limits(settings));
  TRY_VOID(frontend->http->start(settings.host, static_cast<std::uint16_t>(settings.port)));
  return frontend;
}

Result<void> Server::add_dialects(net::Router& router, State& state, Execution& execution,
                                  Metrics& metrics) const {
  const Settings& settings = settings_.values;
  if (serves(settings, "onyx")) {
    const api::onyx::OnyxServices services{execution.executor, *state.files, execution.sessions,
                                           metrics, log_};
    for (const std::string_view prefix : {std::string_view(), kOnyxPrefix}) {
      api::onyx::add_routes(router, prefix, services, onyx_options(settings));
    }
  }
  // After the others: it takes over the paths that it shares with them.
  if (serves(settings, "librechat")) {
    const api::librechat::LibreChatServices services{
        execution.session_executor,
        execution.stored_sessions,
        execution.tool_runs,
        [&backend = *execution.backend] { return backend.status(); },
        metrics,
        log_,
        clock_};
    api::librechat::add_routes(router, {kLibreChatPrefixes.begin(), kLibreChatPrefixes.end()},
                               services, TRY(librechat_options(settings)));
  }
  return {};
}

void Server::announce(int port) const {
  const std::string address = base_address(settings_.values.host, port);
  log_.info("serving", {{"address", address}, {"version", identity_.version}});
  const std::string_view request =
      serves(settings_.values, "onyx")
          ? "/v1/execute -H 'content-type: application/json' -d '{\"code\":\"print(6*7)\"}'"
          : "/exec -H \"x-api-key: ${CI_API_KEY:-dev-ci-key}\" -H 'content-type: application/json' "
            "-d '{\"lang\":\"py\",\"code\":\"print(6*7)\"}'";
  announce_(fmt::format("Cloister {0} serves on {1}. Try:\n  curl -sS {1}{2}\n", identity_.version,
                        address, request));
}

std::string base_address(std::string_view host, int port) {
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  const bool is_bare_v6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  return is_bare_v6 ? fmt::format("http://[{}]:{}", host, port)
                    : fmt::format("http://{}:{}", host, port);
}

}  // namespace cloister::server
