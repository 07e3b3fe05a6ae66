// The composition root: makes every part of the server, in order, and runs it until it is told to
// stop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "net/http.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "server/backend_provider.h"
#include "server/settings_loader.h"

namespace cloister::server {

struct ServerIdentity {
  std::string version;
};

// Used by one thread, the first of the process.
class Server {
 public:
  // `provider` is not owned and must outlive the server. `announce` gets the lines for the
  // terminal.
  Server(LoadedSettings settings, BackendProvider& provider, ServerIdentity identity,
         std::function<void(std::string_view)> announce);
  ~Server();

  // Serves until SIGTERM or SIGINT, then lets requests under way end. A second signal ends them.
  // An error means that the server could not start; everything that was started has ended.
  Result<void> run();

 private:
  class LostBackend;
  struct State;      // Database, files: what a restart finds again.
  struct Execution;  // Backend and engine.
  struct Frontend;   // Routes and the HTTP server.

  Result<void> prepare();
  Result<void> drop_privileges();
  void log_settings() const;
  Result<std::unique_ptr<State>> open_state();
  Result<std::unique_ptr<Execution>> start_execution(State& state, Metrics& metrics,
                                                     LostBackend& lost);
  Result<std::unique_ptr<Frontend>> start_frontend(State& state, Execution& execution,
                                                   Metrics& metrics);
  Result<void> add_dialects(net::Router& router, State& state, Execution& execution,
                            Metrics& metrics) const;
  void announce(int port) const;

  const LoadedSettings settings_;
  BackendProvider& provider_;
  const ServerIdentity identity_;
  const std::function<void(std::string_view)> announce_;
  const SystemClock clock_;
  const Logger log_;
};

// "http://127.0.0.1:8000", as a client on this machine reaches the address.
std::string base_address(std::string_view host, int port);

}  // namespace cloister::server
