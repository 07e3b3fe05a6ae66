// The routes for whoever runs the server: /health, /ready, /metrics, /openapi.json, /docs, and the
// documents of other APIs below their prefix.
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
  // The APIs that are served, for their documents.
  bool onyx = true;
  std::int64_t max_exec_timeout_ms = 60000;
  std::string librechat_prefix;  // Of the proxy's own routes; empty: this API is not served.
};

// An OpenAPI document, served at <base>/openapi.json, with a page that shows it at <base>/docs.
struct ApiDocument {
  std::string base;
  std::string text;
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
  void add_document(net::Router& router, const ApiDocument& document) const;

  HealthMonitor& health_;
  const std::function<std::string()> metrics_;
  const OperationsOptions options_;
  const std::vector<ApiDocument> documents_;
};

// The body of /health and /ready.
std::string health_body(const HealthReport& report, const OperationsOptions& options);

// The committed OpenAPI documents with this server's version, paths and limits.
std::string onyx_document(const OperationsOptions& options);
std::string librechat_document(const OperationsOptions& options);

// The documents of the APIs that are served. The first API's is at the root.
std::vector<ApiDocument> api_documents(const OperationsOptions& options);

}  // namespace cloister::api::operations
