// The dialect of Onyx's code interpreter: executions, files and sessions over HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "engine/executor.h"
#include "engine/file_store.h"
#include "engine/session_manager.h"
#include "net/http.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace cloister::api::onyx {

// This dialect has no authentication: all of its clients are one tenant.
inline constexpr std::string_view kTenant = "onyx";

struct OnyxOptions {
  std::int64_t max_timeout_ms = 60000;
  std::size_t max_output_bytes = 1000000;  // Of each stream.
  std::int64_t max_file_size_mb = 100;
  std::int64_t max_request_mb = 32;
  std::int64_t retry_after_saturated_sec = 2;
  std::int64_t retry_after_unavailable_sec = 10;
};

// What the handlers work with. Nothing is owned; all must outlive the router with the routes.
struct OnyxServices {
  engine::Executor& executor;
  engine::FileStore& files;
  engine::SessionManager& sessions;
  Metrics& metrics;
  const Logger& log;
};

// Adds every route of the dialect under `prefix` ("" or "/onyx"). The handlers are thread safe.
void add_routes(net::Router& router, std::string_view prefix, const OnyxServices& services,
                const OnyxOptions& options);

}  // namespace cloister::api::onyx
