// The answers of this dialect that are no successes, and the one place where errors become
// statuses. Their bodies have `detail` and `error`: different readers look at different ones.
#pragma once

#include <cstdint>
#include <string_view>

#include "api/common/answer.h"
#include "api/common/json_request.h"
#include "api/librechat/librechat.h"
#include "base/error.h"

namespace cloister::api::librechat {

// {"detail":"<text>","error":"<text>"}
Answer refusal_answer(int status, std::string_view text);
// 401
Answer unauthorized_answer();
// 422: `detail` is the list, `error` a sentence about its first entry.
Answer schema_answer(const SchemaErrors& errors);

// An error of the engine. kInternal and other surprises show `hidden` in place of their text.
Answer failure_answer(const Error& error, const LibreChatOptions& options,
                      std::string_view hidden = "Internal server error");

// An error of reading the request's body.
Answer body_failure_answer(const Error& error, const LibreChatOptions& options);
// What is not the JSON object that the route takes.
Answer body_problem_answer(const BodyProblem& problem);

// The text that a refusal has for people.
std::string text_of(const Answer& answer);

}  // namespace cloister::api::librechat
