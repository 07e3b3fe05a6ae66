#include "api/onyx/answer.h"

#include "base/utf8.h"

namespace cloister::api::onyx {

Answer error_answer(const Error& error, const OnyxOptions& options) {
  switch (client_code(error)) {
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
