#include "net/http_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <utility>

#include "base/id.h"
#include "net/socket_open.h"

namespace cloister::net {
namespace {

// How long accepting pauses when the process has no descriptors or memory left.
constexpr int kExhaustedPauseMs = 100;
// Above what the C library demands, whatever it is configured to.
constexpr std::size_t kLeastStackBytes = 65536;

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::size_t kStackFactor = 8;  // Instrumented frames are larger.
#else
constexpr std::size_t kStackFactor = 1;
#endif

// True for a connection that failed before it was accepted, which concerns only its client.
bool is_clients_failure(int error_number) {
  switch (error_number) {
    case ECONNABORTED:
    case EINTR:
    case EAGAIN:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

void join_all(const std::vector<pthread_t>& threads) {
  for (const pthread_t thread : threads)
    ::pthread_join(thread, nullptr);
}

}  // namespace

HttpServer::HttpServer(const Router& router, FallbackHandlers fallbacks, const Logger& logger,
                       Metrics& metrics, const HttpServerLimits& limits)
    : router_(router),
      fallbacks_(std::move(fallbacks)),
      logger_(logger),
      metrics_(metrics),
      limits_(limits),
      id_prefix_(random_hex(4)) {}

HttpServer::~HttpServer() {
  stop(Milliseconds(0));
}

Result<void> HttpServer::start(const std::string& host, std::uint16_t port) {
  stop_event_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_event_.is_open()) return fail_errno("eventfd");
  listener_ = TRY(listen_tcp(host, port, limits_.accept_backlog));
  port_ = local_port(listener_.get());
  acceptor_ = std::thread([this] { accept_connections(); });
  return {};
}

void HttpServer::accept_connections() {
  std::array<pollfd, 2> entries{{{listener_.get(), POLLIN, 0}, {stop_event_.get(), POLLIN, 0}}};
  while (!stopping_) {
    if (::poll(entries.data(), entries.size(), -1) > 0 && entries[0].revents != 0) accept_one();
  }
}

void HttpServer::accept_one() {
  UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.is_open()) {
    const int error_number = errno;
    if (is_clients_failure(error_number)) return;
    logger_.error("cannot accept connections", {{"errno", error_number}});
    pollfd stop{stop_event_.get(), POLLIN, 0};
    ::poll(&stop, 1, kExhaustedPauseMs);
    return;
  }
  set_no_delay(fd.get());
  Connections::iterator connection;
  {
    const std::lock_guard lock(mutex_);
    const bool refused = connections_.size() - refused_ >= limits_.max_connections;
    if (refused && refused_ >= limits_.max_refusals) return;
    if (refused) ++refused_;
    connections_.push_back({*this, TimedSocket(std::move(fd)), refused, {}});
    connection = std::prev(connections_.end());
    if (start_thread(connection)) return;
    if (refused) --refused_;
    connections_.erase(connection);
  }
  logger_.error("cannot start a thread for a connection");
}

bool HttpServer::start_thread(Connections::iterator connection) {
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return false;
  const std::size_t stack = std::max(limits_.stack_bytes, kLeastStackBytes) * kStackFactor;
  const bool started = ::pthread_attr_setstacksize(&attributes, stack) == 0 &&
                       ::pthread_create(&connection->thread, &attributes,
                                        &HttpServer::run_connection, &*connection) == 0;
  ::pthread_attr_destroy(&attributes);
  return started;
}

void* HttpServer::run_connection(void* connection) {
  auto& self = *static_cast<Connection*>(connection);
  HttpServer& server = self.server;
  server.serve(self);
  server.retire(self);
  return nullptr;
}

void HttpServer::serve(Connection& connection) {
  const ConnectionEnvironment environment{router_,  fallbacks_, logger_,
                                          metrics_, limits_,    id_prefix_,
                                          next_id_, stopping_,  stop_event_.get()};
  // Handlers' exceptions are answered by the connection; what comes here is memory that ran out
  // between requests, which must not end the other connections.
  try {
    HttpConnection http(connection.socket, environment);
    if (connection.refused) {
      http.refuse();
    } else {
      http.serve();
    }
  } catch (const std::exception& exception) {
    logger_.error("connection failed", {{"problem", exception.what()}});
  }
}

// A thread cannot join itself: each joins those that ended before it, and stop() the last ones.
void HttpServer::retire(Connection& connection) {
  std::vector<pthread_t> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(ended_threads_);
    // The creator holds the mutex until it has stored the thread's id.
    ended_threads_.push_back(connection.thread);
    if (connection.refused) --refused_;
    connections_.remove_if([&](const Connection& candidate) { return &candidate == &connection; });
    connection_ended_.notify_all();
  }
  join_all(ended);
}

void HttpServer::stop(Milliseconds patience) {
  if (!acceptor_.joinable()) return;
  stopping_ = true;
  const std::uint64_t one = 1;
  // An eventfd takes 2^64 - 2 such writes before one fails.
  static_cast<void>(!::write(stop_event_.get(), &one, sizeof(one)));
  acceptor_.join();
  listener_.reset();
  std::vector<pthread_t> ended;
  {
    std::unique_lock lock(mutex_);
    const auto all_ended = [this] { return connections_.empty(); };
    if (!connection_ended_.wait_for(lock, patience, all_ended)) {
      logger_.warning("requests are still running; closing their connections",
                      {{"connections", connections_.size()}});
      for (Connection& connection : connections_)
        connection.socket.shut_down();
      connection_ended_.wait(lock, all_ended);
    }
    ended.swap(ended_threads_);
  }
  join_all(ended);
}

std::size_t HttpServer::connection_count() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

}  // namespace cloister::net
