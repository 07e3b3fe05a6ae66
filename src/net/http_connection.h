// Serves one connection: reads requests one after the other and has them answered.
#pragma once

#include <atomic>
#include <string>

#include "net/fallbacks.h"
#include "net/http.h"
#include "net/http_exchange.h"
#include "net/http_server_limits.h"
#include "net/input_buffer.h"
#include "net/request_head.h"
#include "net/timed_socket.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace cloister::net {

// What all connections of a server share. Nothing is owned.
struct ConnectionEnvironment {
  const Router& router;
  const FallbackHandlers& fallbacks;
  const Logger& logger;
  Metrics& metrics;
  const HttpServerLimits& limits;
  const std::string& id_prefix;
  std::atomic<std::uint64_t>& next_id;
  const std::atomic<bool>& stopping;
  int stop_fd;  // Readable once the server stops.
};

class HttpConnection {
 public:
  HttpConnection(TimedSocket& socket, const ConnectionEnvironment& environment);

  // Until the client leaves, the server stops, or something fails. Leaves the socket open.
  void serve();
  // Reads one request and answers 503, for a server that has no room.
  void refuse();

 private:
  enum class Next { kRequest, kClose };

  Next serve_one();
  // False when there is no request: the connection is to be closed, after an answer if one is due.
  bool read_head();
  bool receive(SteadyTime deadline);
  void dispatch(ConnectionRequest& request, ConnectionResponse& response, std::string& route);
  void run_handler(const Handler& handler, ConnectionRequest& request,
                   ConnectionResponse& response);
  void redirect_without_slash(const ConnectionRequest& request, ConnectionResponse& response);
  void answer_unreadable(int status);
  void record(std::string_view method, std::string_view route, const ConnectionResponse& response,
              std::uint64_t request_bytes, SteadyTime start);
  void linger();
  void make_id();

  TimedSocket& socket_;
  const ConnectionEnvironment& environment_;
  InputBuffer input_;
  RequestHeadParser parser_;
  std::string id_;
  std::string scratch_;
  std::size_t head_bytes_ = 0;
};

}  // namespace cloister::net
