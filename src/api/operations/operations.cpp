#include "api/operations/operations.h"

#include <embedded/docs.h>
#include <embedded/openapi.h>

#include <nlohmann/json.hpp>

#include "observe/metrics.h"

namespace cloister::api::operations {
namespace {

using Json = nlohmann::ordered_json;

// Nothing from another origin, no inline code. Swagger UI's style sheet has its icons inline.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

void send_text(net::Response& response, int status, std::string_view type, std::string_view body) {
  // A client that is gone cannot be told anything.
  (void)response.send(
      status, {{"content-type", std::string(type)}, {"x-content-type-options", "nosniff"}}, body);
}

void send_asset(net::Response& response, std::string_view type, std::string_view body) {
  (void)response.send(200,
                      {{"content-type", std::string(type)},
                       {"cache-control", "public, max-age=3600"},
                       {"content-security-policy", std::string(kContentSecurityPolicy)},
                       {"x-content-type-options", "nosniff"},
                       {"referrer-policy", "no-referrer"}},
                      body);
}

net::Handler asset(std::string_view type, std::string_view body) {
  return [type, body](net::Request&, net::Response& response) { send_asset(response, type, body); };
}

}  // namespace

std::string health_body(const HealthReport& report, const OperationsOptions& options) {
  Json body = Json::object();
  body["status"] = report.usable ? "ok" : "error";
  body["message"] = text_or_null(report.message);
  body["version"] = options.version;
  body["executor_backend"] = text_or_null(report.backend.name);
  body["network_isolation"] = text_or_null(report.backend.network_isolation);
  body["image_digest"] = text_or_null(report.backend.image_digest);
  body["languages"] = Json(report.backend.languages);
  Json layers = Json::object();
  for (const auto& [name, state] : options.isolation_layers)
    layers[name] = state;
  body["isolation"] = std::move(layers);
  body["accepted_weaknesses"] = Json(report.backend.accepted_weaknesses);
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string onyx_document(const OperationsOptions& options) {
  Json document = Json::parse(embedded::openapi::onyx_json(), nullptr, false);
  document["info"]["version"] = options.version;
  Json& schemas = document["components"]["schemas"];
  for (const char* name : {"ExecuteRequest", "BashRequest"}) {
    schemas[name]["properties"]["timeout_ms"]["maximum"] = options.max_exec_timeout_ms;
  }
  return document.dump();
}

std::string librechat_document(const OperationsOptions& options) {
  constexpr std::string_view kUsualPrefix = "/v1/librechat";
  Json document = Json::parse(embedded::openapi::librechat_json(), nullptr, false);
  document["info"]["version"] = options.version;
  Json paths = Json::object();
  for (const auto& [path, entry] : document["paths"].items()) {
    const bool is_proxy = path.starts_with(kUsualPrefix);
    paths[is_proxy ? options.librechat_prefix + path.substr(kUsualPrefix.size()) : path] = entry;
  }
  document["paths"] = std::move(paths);
  return document.dump();
}

std::vector<ApiDocument> api_documents(const OperationsOptions& options) {
  std::vector<ApiDocument> documents;
  if (options.onyx) documents.push_back({"", onyx_document(options)});
  if (options.librechat_prefix.empty()) return documents;
  const std::string text = librechat_document(options);
  if (!options.onyx) documents.push_back({"", text});
  documents.push_back({options.librechat_prefix, text});
  return documents;
}

Operations::Operations(HealthMonitor& health, std::function<std::string()> metrics,
                       OperationsOptions options)
    : health_(health),
      metrics_(std::move(metrics)),
      options_(std::move(options)),
      documents_(api_documents(options_)) {}

void Operations::add_routes(net::Router& router, const std::vector<std::string>& prefixes) const {
  const net::Handler health = [this](net::Request&, net::Response& response) {
    const HealthReport report = health_.current();
    send_text(response, report.stale ? 503 : 200, "application/json",
              health_body(report, options_));
  };
  const net::Handler ready = [this](net::Request&, net::Response& response) {
    const HealthReport report = health_.check_now();
    send_text(response, report.usable ? 200 : 503, "application/json",
              health_body(report, options_));
  };
  router.add("GET", "/health", health);
  router.add("GET", "/ready", ready);
  for (const std::string& prefix : prefixes) {
    router.add("GET", prefix + "/health", health);
    router.add("GET", prefix + "/ready", ready);
  }
  router.add("GET", "/metrics", [this](net::Request&, net::Response& response) {
    send_text(response, 200, kMetricsContentType, metrics_());
  });
  for (const ApiDocument& document : documents_)
    add_document(router, document);
}

// The page finds its parts and the document beside itself, whatever the base.
void Operations::add_document(net::Router& router, const ApiDocument& document) const {
  namespace docs = embedded::docs;
  const std::string& base = document.base;
  router.add("GET", base + "/openapi.json", [&document](net::Request&, net::Response& response) {
    send_text(response, 200, "application/json", document.text);
  });
  if (!options_.docs) return;
  router.add("GET", base + "/docs", asset("text/html; charset=utf-8", docs::docs_html()));
  router.add("GET", base + "/docs/init.js",
             asset("text/javascript; charset=utf-8", docs::init_js()));
  router.add("GET", base + "/docs/page.css", asset("text/css; charset=utf-8", docs::page_css()));
  router.add("GET", base + "/docs/swagger-ui.css",
             asset("text/css; charset=utf-8", docs::swagger_ui_css()));
  router.add("GET", base + "/docs/swagger-ui-bundle.js",
             asset("text/javascript; charset=utf-8", docs::swagger_ui_bundle_js()));
  router.add("GET", base + "/docs/favicon.png", asset("image/png", docs::favicon_32x32_png()));
}

}  // namespace cloister::api::operations
