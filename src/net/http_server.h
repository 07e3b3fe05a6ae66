// Listens, and runs a thread for each connection.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "net/fallbacks.h"
#include "net/http.h"
#include "net/http_connection.h"
#include "net/http_server_limits.h"
#include "net/timed_socket.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace cloister::net {

// start() once, stop() once, both from the owner's thread; the rest is thread safe. Handlers run on
// the connections' threads.
class HttpServer {
 public:
  // Nothing is owned but copies of the fallbacks and limits. The router must not change any more.
  HttpServer(const Router& router, FallbackHandlers fallbacks, const Logger& logger,
             Metrics& metrics, const HttpServerLimits& limits = {});
  // Stops without patience.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Returns when connections are accepted. Port 0 takes a free one.
  Result<void> start(const std::string& host, std::uint16_t port);
  // The port in use, after start().
  std::uint16_t port() const { return port_; }

  // Accepts no more, closes idle connections, lets running requests end for `patience`, then shuts
  // down their sockets, and returns when the last handler has returned.
  void stop(Milliseconds patience);

  std::size_t connection_count() const;

 private:
  struct Connection {
    HttpServer& server;
    TimedSocket socket;
    bool refused = false;
    pthread_t thread{};
  };
  using Connections = std::list<Connection>;

  void accept_connections();
  void accept_one();
  bool start_thread(Connections::iterator connection);
  static void* run_connection(void* connection);
  void serve(Connection& connection);
  void retire(Connection& connection);

  // Constant after construction.
  const Router& router_;
  const FallbackHandlers fallbacks_;
  const Logger& logger_;
  Metrics& metrics_;
  const HttpServerLimits limits_;
  const std::string id_prefix_;

  // Constant after start().
  UniqueFd listener_;
  UniqueFd stop_event_;
  std::uint16_t port_ = 0;

  std::atomic<std::uint64_t> next_id_{1};
  std::atomic<bool> stopping_{false};

  mutable std::mutex mutex_;
  std::condition_variable connection_ended_;
  // Guarded by mutex_.
  Connections connections_;
  std::size_t refused_ = 0;
  std::vector<pthread_t> ended_threads_;

  std::thread acceptor_;
};

}  // namespace cloister::net
