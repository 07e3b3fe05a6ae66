// Errors as values: Result<T>, Error and TRY.
//
// Every function that can fail for a reason outside the program returns Result<T>. Programmer
// errors are assertions. Exceptions come from libraries only and are caught where the library is
// called.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace cloister {

// A closed list: each dialect maps it once to its own status codes.
enum class ErrorCode {
  kInvalidArgument,   // The request is wrong and repeating it cannot help.
  kNotFound,          // The id is not known to this caller.
  kConflict,          // The state of the object forbids the operation.
  kTooLarge,          // A declared limit on size is exceeded.
  kSaturated,         // A bounded queue is full or the wait for a place was too long; retry later.
  kUnavailable,       // The capacity or the backend is not there at present.
  kUnsupported,       // This backend or image cannot do it.
  kCancelled,         // The caller went away or asked to stop.
  kDeadlineExceeded,  // The peer was too slow.
  kPermission,        // The operating system refuses.
  kInternal,          // Anything else.
};

std::string_view to_string(ErrorCode code);

// What went wrong. `message` is fit for a client: it says what was wrong and what to do. `context`
// is for the log: the steps that led there, innermost first.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  int system_errno = 0;  // 0 when no system call is involved.
  std::string context;

  // Adds one step to the context and returns the error, for use in a return statement.
  Error&& with(std::string_view step) &&;

  // The message, the context and the text of the errno on one line, for the log.
  std::string describe() const;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message), 0, {}});
}

inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

// An error from a failed system call. `what` names the call and its object: "open /proc/self/stat".
// Reads errno first, so it may be called directly after the call with the call's name built inside.
tl::unexpected<Error> fail_errno(std::string what, int error_number);
tl::unexpected<Error> fail_errno(std::string what);

}  // namespace cloister

// Evaluates to the value of a Result, or returns its error from the enclosing function.
#define TRY(expression)                                                        \
  ({                                                                           \
    auto try_result_ = (expression);                                           \
    if (!try_result_) return ::tl::unexpected(std::move(try_result_).error()); \
    std::move(try_result_).value();                                            \
  })

// The same for Result<void>, usable as a statement.
#define TRY_VOID(expression)                                                   \
  do {                                                                         \
    auto try_result_ = (expression);                                           \
    if (!try_result_) return ::tl::unexpected(std::move(try_result_).error()); \
  } while (false)
