// The routes for whoever runs the server: /health, /ready, /metrics, /openapi.json, /docs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/operations/health_monitor.h"
#include "net/http.h"

namespace cloister::api::operations {

struct OperationsOptions {
  std::string version;
  bool docs = true;
  // Name and state of each isolation layer, for /health.
  std::vector<std::pair<std::string, std::string>> isolation_layers;
  std::int64_t max_exec_timeout_ms = 60000;  // For the OpenAPI document.
};

// Thread safe once its routes are added; must outlive the router that got them.
class Operations {
 public:
  // `health` is not owned. `metrics` returns the text of /metrics and is called on many threads.
  Operations(HealthMonitor& health, std::function<std::string()> metrics,
             OperationsOptions options);

  // Health is also answered under each of `prefixes`, for clients with a prefixed base address.
  void add_routes(net::Router& router, const std::vector<std::string>& prefixes) const;

 private:
  void add_docs(net::Router& router) const;

  HealthMonitor& health_;
  const std::function<std::string()> metrics_;
  const OperationsOptions options_;
  const std::string openapi_;
};

// The body of /health and /ready.
std::string health_body(const HealthReport& report, const OperationsOptions& options);

// The committed OpenAPI document with this server's version and limits.
std::string openapi_document(const OperationsOptions& options);

}  // namespace cloister::api::operations
