#include "api/onyx/answer.h"

#include <utility>

#include "base/utf8.h"
#include "net/json_text.h"

namespace cloister::api::onyx {
namespace {

constexpr int kClientClosedRequest = 499;  // For the log only: nobody is there to read it.

}  // namespace

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

Answer error_answer(const Error& error, const OnyxOptions& options) {
  // A system call that found nothing is the server's trouble, not a client's wrong id: clients take
  // 404 for more than it says.
  const bool from_system_call = error.system_errno != 0 && error.code != ErrorCode::kUnavailable &&
                                error.code != ErrorCode::kCancelled;
  switch (from_system_call ? ErrorCode::kInternal : error.code) {
    case ErrorCode::kInvalidArgument:
      return detail_answer(422, error.message);
    case ErrorCode::kNotFound:
      return detail_answer(404, error.message);
    case ErrorCode::kConflict:
      return detail_answer(409, error.message);
    case ErrorCode::kTooLarge:
      return detail_answer(413, error.message);
    case ErrorCode::kSaturated:
      return retry_answer(429,
                          "Execution capacity on this replica is saturated. Retry after the "
                          "Retry-After delay.",
                          options.retry_after_saturated_sec);
    case ErrorCode::kUnavailable:
      return retry_answer(503, "Executor capacity unavailable (unschedulable): " + error.message,
                          options.retry_after_unavailable_sec);
    case ErrorCode::kUnsupported:
      return detail_answer(501, error.message);
    case ErrorCode::kCancelled:
      return detail_answer(kClientClosedRequest, "The client closed the connection");
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kPermission:
    case ErrorCode::kInternal:
      break;
  }
  return detail_answer(500, "Internal Server Error");
}

Answer body_error_answer(const Error& error, const OnyxOptions& options) {
  switch (error.code) {
    case ErrorCode::kDeadlineExceeded:
      return detail_answer(408, "The request body did not arrive in time");
    case ErrorCode::kInvalidArgument:
      return detail_answer(400, kUnreadableBody);
    default:
      return error_answer(error, options);
  }
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

Json output_files_json(const std::vector<engine::OutputFile>& files) {
  Json list = Json::array();
  for (const engine::OutputFile& file : files) {
    Json entry = Json::object();
    entry["path"] = repair_utf8(file.path);
    entry["kind"] = "file";
    entry["file_id"] = file.file_id;
    list.push_back(std::move(entry));
  }
  return list;
}

Json exit_code_json(const engine::RunOutcome& outcome) {
  if (outcome.timed_out || !outcome.exit_code) return nullptr;
  return *outcome.exit_code;
}

std::int64_t duration_ms(const engine::RunOutcome& outcome) {
  return std::chrono::duration_cast<Milliseconds>(outcome.duration).count();
}

}  // namespace cloister::api::onyx
