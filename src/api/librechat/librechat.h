// The dialect of LibreChat's code interpreter, and of the proxy that it replaces: executions in
// many languages over stored sessions, files, and programs that call tools.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "api/librechat/auth.h"
#include "base/clock.h"
#include "engine/backend.h"
#include "engine/session_executor.h"
#include "engine/stored_sessions.h"
#include "engine/tool_runs.h"
#include "net/http.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace cloister::api::librechat {

// The limits of the engine that appear here serve messages and time-outs; the engine enforces its
// own.
struct LibreChatOptions {
  AuthOptions auth;
  // Answer requests of web pages from any origin. Without a key (auth.off) that would let every
  // page that somebody near this server opens use it, so it is off then whatever this says.
  bool cors = true;
  std::string api_prefix = "/v1/librechat";  // Of the proxy's own routes.
  Milliseconds timeout_max{30'000};          // Also what a run without a time-out gets.
  Milliseconds tool_timeout_max{300'000};    // Of a program with tools.
  std::size_t tool_runs_max = 64;            // Such programs at a time.
  std::uint64_t memory_bytes = std::uint64_t{512} << 20;
  std::size_t output_bytes_max = 65'536;  // Of each stream; at least that much.
  std::int64_t request_mb_max = 32;       // Of a JSON body.
  std::uint64_t upload_bytes_max = std::uint64_t{10} << 20;
  std::size_t session_files_max = 100;
  std::size_t run_files_max = 10;     // That a call of /runs may name.
  std::size_t references_max = 1000;  // Of any other run: LibreChat sends many.
  std::size_t batch_files_max = 200;  // Of one upload.
  std::int64_t retry_after_saturated_sec = 2;
  std::int64_t retry_after_unavailable_sec = 10;
  // An answer that takes longer begins with white space, repeated as often.
  Milliseconds early_answer_after{3'000};
};

// What the handlers work with. Nothing is owned; all must outlive the router with the routes.
struct LibreChatServices {
  engine::SessionExecutor& executor;
  engine::StoredSessions& sessions;
  engine::ToolRuns& tool_runs;
  // Cheap. The first word of each of its language lines names a language of the runtimes' table.
  std::function<engine::BackendStatus()> backend_status;
  Metrics& metrics;
  const Logger& log;
  const Clock& clock;
};

// Adds LibreChat's routes under each of `prefixes` ("", "/v1", ...), and the proxy's own under
// options.api_prefix. To be called after other dialects have added theirs: GET <prefix>/files/{id}
// of another dialect stays theirs for every id but those of sessions that the caller owns here. The
// handlers are thread safe.
void add_routes(net::Router& router, const std::vector<std::string>& prefixes,
                const LibreChatServices& services, const LibreChatOptions& options);

}  // namespace cloister::api::librechat
