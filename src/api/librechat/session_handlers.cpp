#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "api/librechat/handlers.h"
#include "api/librechat/languages.h"
#include "api/librechat/names.h"
#include "api/librechat/timestamps.h"
#include "base/utf8.h"

namespace cloister::api::librechat {
namespace {

double minutes_between(WallTime begin, WallTime end) {
  const std::chrono::duration<double, std::ratio<60>> age = end - begin;
  return std::round(age.count() * 100) / 100;
}

Json session_json(const engine::StoredSession& session, WallTime now) {
  Json entry = Json::object();
  entry["session_id"] = session.id;
  entry["language"] = session.language;
  entry["created_at"] = iso_naive(session.created_at);
  entry["last_activity"] = iso_naive(session.last_used_at);
  entry["age_minutes"] = minutes_between(session.created_at, now);
  entry["is_expired"] = session.expires_at <= now;
  return entry;
}

}  // namespace

void Handlers::proxy_list_sessions(const Call& call) const {
  const Result<std::vector<engine::StoredSession>> sessions =
      services_.sessions.list(call.tenant, true);
  if (!sessions) return refuse(call, sessions.error());
  const WallTime now = services_.clock.wall_now();
  Json list = Json::array();
  for (const engine::StoredSession& session : *sessions)
    list.push_back(session_json(session, now));
  Json body = Json::object();
  body["total"] = list.size();
  body["sessions"] = std::move(list);
  send(call.response, json_answer(200, body));
}

void Handlers::proxy_delete_session(const Call& call) const {
  const std::string& id = call.request.parameters().front();
  const std::string echo = repair_utf8(id);
  const Result<void> removed = is_id(id) ? services_.sessions.remove(call.tenant, id)
                                         : fail(ErrorCode::kNotFound, "no such session");
  if (removed) {
    Json body = Json::object();
    body["success"] = true;
    body["message"] = fmt::format("Session '{}' deleted successfully", echo);
    return send(call.response, json_answer(200, body));
  }
  if (client_code(removed.error()) != ErrorCode::kNotFound) return refuse(call, removed.error());
  send(call.response,
       refusal_answer(404, fmt::format("Session '{}' not found or already deleted", echo)));
}

void Handlers::proxy_health(const Call& call) const {
  const engine::BackendStatus status = services_.backend_status();
  Json body = Json::object();
  body["status"] = status.usable ? "ok" : "error";
  body["backend"] = status.name;
  body["languages"] = Json(installed_languages(status));
  if (!status.usable) body["message"] = status.message;
  send(call.response, json_answer(status.usable ? 200 : 503, body));
}

}  // namespace cloister::api::librechat
