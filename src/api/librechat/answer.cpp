#include "api/librechat/answer.h"

#include <fmt/format.h>

#include <string>

namespace cloister::api::librechat {
namespace {

Answer rate_limited_answer(std::int64_t seconds) {
  const std::string text =
      fmt::format("Execution capacity is saturated. Try again in {} seconds.", seconds);
  Json body = Json::object();
  body["error"] = "rate_limited";
  body["message"] = text;
  body["detail"] = text;
  body["retry_after_seconds"] = seconds;
  Answer answer = json_answer(429, body);
  answer.headers.emplace_back("retry-after", std::to_string(seconds));
  return answer;
}

// "files.0.id: Field required"
std::string sentence_of(const Json& entry) {
  std::string place;
  for (const Json& step : entry["loc"]) {
    if (&step == &entry["loc"].front()) continue;  // "body", "query"
    if (!place.empty()) place += '.';
    place += step.is_string() ? step.get<std::string>() : step.dump();
  }
  const auto message = entry["msg"].get<std::string>();
  return place.empty() ? message : place + ": " + message;
}

}  // namespace

Answer refusal_answer(int status, std::string_view text) {
  Json body = Json::object();
  body["detail"] = text;
  body["error"] = text;
  return json_answer(status, body);
}

Answer unauthorized_answer() {
  return refusal_answer(401, "Invalid API key");
}

Answer schema_answer(const SchemaErrors& errors) {
  Json body = Json::object();
  body["detail"] = errors.list();
  body["error"] = errors.empty() ? std::string("Invalid request") : sentence_of(errors.list()[0]);
  return json_answer(422, body);
}

Answer failure_answer(const Error& error, const LibreChatOptions& options,
                      std::string_view hidden) {
  switch (client_code(error)) {
    case ErrorCode::kInvalidArgument:
      return refusal_answer(400, error.message);
    case ErrorCode::kNotFound:
      return refusal_answer(404, error.message);
    case ErrorCode::kConflict:
      return refusal_answer(409, error.message);
    case ErrorCode::kTooLarge:
      return refusal_answer(413, error.message);
    case ErrorCode::kSaturated:
      return rate_limited_answer(options.retry_after_saturated_sec);
    case ErrorCode::kUnavailable: {
      Answer answer = refusal_answer(503, "Execution capacity is unavailable: " + error.message);
      answer.headers.emplace_back("retry-after",
                                  std::to_string(options.retry_after_unavailable_sec));
      return answer;
    }
    case ErrorCode::kUnsupported:
      return refusal_answer(501, error.message);
    case ErrorCode::kCancelled:
      return refusal_answer(kClientClosedRequest, "The client closed the connection");
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kPermission:
    case ErrorCode::kInternal:
      break;
  }
  return refusal_answer(500, hidden);
}

Answer body_failure_answer(const Error& error, const LibreChatOptions& options) {
  switch (error.code) {
    case ErrorCode::kDeadlineExceeded:
      return refusal_answer(408, "The request body did not arrive in time");
    case ErrorCode::kInvalidArgument:
      return refusal_answer(400, kUnreadableBody);
    default:
      return failure_answer(error, options);
  }
}

Answer body_problem_answer(const BodyProblem& problem) {
  if (problem.errors.empty()) return refusal_answer(400, kUnreadableBody);
  return schema_answer(problem.errors);
}

std::string text_of(const Answer& answer) {
  const auto body = parse_json(answer.body);
  if (body && body->is_object()) {
    for (const char* name : {"message", "error"}) {
      const auto found = body->find(name);
      if (found != body->end() && found->is_string()) return found->get<std::string>();
    }
  }
  return "Internal server error";
}

}  // namespace cloister::api::librechat
