#include "api/onyx/handlers.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace cloister::api::onyx {

Handlers::Outcome<std::string> Handlers::read_body(net::Request& request) const {
  const auto limit = static_cast<std::size_t>(options_.max_request_mb) * 1024 * 1024;
  Result<std::string> body = request.read_whole_body(limit);
  if (body) return std::move(*body);
  if (body.error().code == ErrorCode::kTooLarge) {
    return tl::unexpected(detail_answer(
        413, fmt::format("Request body exceeds maximum of {} MB", options_.max_request_mb)));
  }
  log_failure(services_.log, request, body.error());
  return tl::unexpected(body_error_answer(body.error(), options_));
}

Handlers::Outcome<void> Handlers::check_timeout(std::int64_t timeout_ms) const {
  if (timeout_ms <= options_.max_timeout_ms) return {};
  return tl::unexpected(detail_answer(
      422, fmt::format("timeout_ms exceeds maximum of {} ms", options_.max_timeout_ms)));
}

void add_routes(net::Router& router, std::string_view prefix, const OnyxServices& services,
                const OnyxOptions& options) {
  const auto handlers = std::make_shared<const Handlers>(services, options);
  using Method = void (Handlers::*)(net::Request&, net::Response&) const;
  const auto add = [&](std::string_view verb, std::string_view pattern, Method method) {
    router.add(verb, std::string(prefix) + std::string(pattern),
               [handlers, method](net::Request& request, net::Response& response) {
                 ((*handlers).*method)(request, response);
               });
  };
  add("POST", "/v1/execute", &Handlers::execute);
  add("POST", "/v1/execute/stream", &Handlers::execute_stream);
  add("POST", "/v1/files", &Handlers::upload_file);
  add("GET", "/v1/files", &Handlers::list_files);
  add("GET", "/v1/files/{file_id}", &Handlers::download_file);
  add("DELETE", "/v1/files/{file_id}", &Handlers::delete_file);
  add("POST", "/v1/sessions", &Handlers::create_session);
  add("DELETE", "/v1/sessions/{session_id}", &Handlers::delete_session);
  add("POST", "/v1/sessions/{session_id}/bash", &Handlers::session_bash);
}

}  // namespace cloister::api::onyx
