#include "api/common/answer.h"

#include <utility>

#include "net/json_text.h"

namespace cloister::api {

Answer json_text_answer(int status, std::string body) {
  return {status, {{"content-type", "application/json"}}, std::move(body)};
}

Answer json_answer(int status, const Json& body) {
  return json_text_answer(status, net::to_json_text(body));
}

Answer detail_answer(int status, std::string_view text) {
  Json body = Json::object();
  body["detail"] = text;
  return json_answer(status, body);
}

Answer retry_answer(int status, std::string_view text, std::int64_t retry_after_sec) {
  Answer answer = detail_answer(status, text);
  answer.headers.emplace_back("retry-after", std::to_string(retry_after_sec));
  return answer;
}

void send(net::Response& response, const Answer& answer) {
  (void)response.send(answer.status, answer.headers, answer.body);
}

void log_failure(const Logger& log, const net::Request& request, const Error& error) {
  const bool surprising = error.code == ErrorCode::kInternal ||
                          error.code == ErrorCode::kPermission ||
                          error.code == ErrorCode::kUnavailable;
  log.log(
      surprising ? LogLevel::kError : LogLevel::kDebug, "request failed",
      {{"request_id", request.id()}, {"code", to_string(error.code)}, {"error", error.describe()}});
}

ErrorCode client_code(const Error& error) {
  const bool from_system_call = error.system_errno != 0 && error.code != ErrorCode::kUnavailable &&
                                error.code != ErrorCode::kCancelled;
  return from_system_call ? ErrorCode::kInternal : error.code;
}

}  // namespace cloister::api
