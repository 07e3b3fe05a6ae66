#include "base/error.h"

#include <cerrno>
#include <system_error>

namespace cloister {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kTooLarge:
      return "too_large";
    case ErrorCode::kSaturated:
      return "saturated";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kDeadlineExceeded:
      return "deadline_exceeded";
    case ErrorCode::kPermission:
      return "permission";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

namespace {

ErrorCode code_of(int error_number) {
  switch (error_number) {
    case ENOENT:
      return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
      return ErrorCode::kPermission;
    case ETIMEDOUT:
      return ErrorCode::kDeadlineExceeded;
    case EFBIG:
    case ENAMETOOLONG:
      return ErrorCode::kTooLarge;
    default:
      return ErrorCode::kInternal;
  }
}

}  // namespace

Error&& Error::with(std::string_view step) && {
  if (!context.empty()) context += "; ";
  context += step;
  return std::move(*this);
}

std::string Error::describe() const {
  std::string text = message;
  if (system_errno != 0) text += ": " + std::generic_category().message(system_errno);
  if (!context.empty()) text += " (" + context + ")";
  return text;
}

tl::unexpected<Error> fail_errno(std::string what, int error_number) {
  return tl::unexpected<Error>(Error{code_of(error_number), std::move(what), error_number, {}});
}

tl::unexpected<Error> fail_errno(std::string what) {
  const int error_number = errno;
  return fail_errno(std::move(what), error_number);
}

}  // namespace cloister
