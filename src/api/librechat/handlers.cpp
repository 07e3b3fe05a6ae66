#include "api/librechat/handlers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/librechat/names.h"
#include "api/librechat/route_response.h"

namespace cloister::api::librechat {
namespace {

constexpr std::size_t kOutputBytesMin = 65'536;  // LibreChat reads pictures through stdout.
// Of a body that somebody without a key sends, only to tell whether it is JSON.
constexpr std::size_t kUnknownBodyBytesMax = 65'536;

LibreChatOptions checked(LibreChatOptions options) {
  options.output_bytes_max = std::max(options.output_bytes_max, kOutputBytesMin);
  return options;
}

}  // namespace

Handlers::Handlers(const LibreChatServices& services, const LibreChatOptions& options)
    : services_(services),
      options_(checked(options)),
      authenticator_(options.auth, services.clock),
      transcripts_(2 * options.tool_runs_max, options_.output_bytes_max) {}

Outcome<Json> Handlers::read_json(net::Request& request, bool is_known) const {
  const std::size_t limit =
      is_known ? static_cast<std::size_t>(options_.request_mb_max) << 20U : kUnknownBodyBytesMax;
  const Result<std::string> text = request.read_whole_body(limit);
  if (!text && !is_known) return tl::unexpected(unauthorized_answer());
  if (!text) {
    if (text.error().code == ErrorCode::kTooLarge) {
      return tl::unexpected(refusal_answer(
          413, fmt::format("Request body exceeds maximum of {} MB", options_.request_mb_max)));
    }
    log_failure(services_.log, request, text.error());
    return tl::unexpected(body_failure_answer(text.error(), options_));
  }
  tl::expected<Json, BodyProblem> body = read_object(request.header("content-type"), *text);
  if (!is_known && (body || !body.error().is_syntax)) {
    return tl::unexpected(unauthorized_answer());
  }
  if (!body) return tl::unexpected(body_problem_answer(body.error()));
  // Old clients repeat their key here. An answer that echoes the body must not spread it.
  body->erase("LIBRECHAT_CODE_API_KEY");
  return std::move(*body);
}

void Handlers::run(Method method, net::Request& request, net::Response& response) const {
  RouteResponse route(response, route_headers(request, allows_pages()));
  const std::optional<std::string> tenant = authenticator_.tenant_of(request);
  if (!tenant) return send(route, unauthorized_answer());
  (this->*method)(Call{request, route, *tenant});
}

void Handlers::run(JsonMethod method, net::Request& request, net::Response& response) const {
  RouteResponse route(response, route_headers(request, allows_pages()));
  const std::optional<std::string> tenant = authenticator_.tenant_of(request);
  const Outcome<Json> body = read_json(request, tenant.has_value());
  if (!body) return send(route, body.error());
  (this->*method)(Call{request, route, *tenant}, *body);
}

void Handlers::run_open(Method method, net::Request& request, net::Response& response) const {
  RouteResponse route(response, route_headers(request, allows_pages()));
  const std::string nobody;
  (this->*method)(Call{request, route, nobody});
}

void Handlers::preflight(net::Request& request, net::Response& response) const {
  RouteResponse route(response, route_headers(request, allows_pages()));
  send_preflight(request, route);
}

bool Handlers::knows_session(const net::Request& request) const {
  const std::optional<std::string> tenant = authenticator_.tenant_of(request);
  if (!tenant) return false;
  const std::string& id = request.parameters().front();
  return is_id(id) && services_.sessions.find(*tenant, id).has_value();
}

void Handlers::refuse(const Call& call, const Error& error, std::string_view hidden) const {
  log_failure(services_.log, call.request, error);
  send(call.response, failure_answer(error, options_, hidden));
}

Result<bool> Handlers::exists(const std::string& tenant, const std::string& session_id) const {
  const Result<engine::StoredSession> session = services_.sessions.find(tenant, session_id);
  if (session) return true;
  if (client_code(session.error()) == ErrorCode::kNotFound) return false;
  return fail(session.error());
}

}  // namespace cloister::api::librechat
