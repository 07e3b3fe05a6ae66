// The numbers that /metrics shows: the series that operators of Onyx's service know, and this
// server's own.
//
// Every series with a known set of label values exists from the start, as 0. Label values are words
// of this program (operations, routes, reasons), never text of a client.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace cloister {

// How an execution ended.
enum class ExecutionEnd {
  kOk,     // Exit code 0.
  kError,  // Another exit code, or a signal.
  kTimedOut,
  kCancelled,
  kOutOfMemory,
  kFailed,  // The sandbox did not start or broke.
};

// Where the time of an execution went.
struct ExecutionPhases {
  Microseconds queue{0};
  Microseconds start{0};
  Microseconds run{0};
  Microseconds collect{0};
};

// Values that mirror a state elsewhere, taken at the moment of a scrape.
struct CurrentValues {
  std::uint64_t executions_limit = 0;
  std::uint64_t queue_depth = 0;
  std::uint64_t sandboxes_ready = 0;
  std::uint64_t sandboxes_running = 0;
  std::uint64_t sessions = 0;
};

// Thread safe. Owns its registry; no state is global.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // `operation` is execute, execute_stream, session_create, session_bash or another word of this
  // program.
  void execution_rejected(std::string_view operation, ErrorCode reason);
  void execution_started(std::string_view operation);
  // Follows execution_started once.
  void execution_ended(std::string_view operation, const ExecutionPhases& phases, ExecutionEnd end);

  // `stream` is stdout or stderr.
  void output_bytes(std::string_view stream, std::uint64_t bytes);
  void file_stored();

  // `route` is the pattern of the route, or empty when none matched. Unknown methods count as
  // "other".
  void http_request(std::string_view route, std::string_view method, int status,
                    std::uint64_t request_bytes, std::uint64_t response_bytes);

  // Everything in Prometheus text format 0.0.4.
  std::string serialize(const CurrentValues& current);

 private:
  struct Series;
  std::unique_ptr<Series> series_;
};

// What `serialize` returns has this content type.
inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace cloister
