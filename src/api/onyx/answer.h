// Whole answers of this dialect, and the one place where errors become statuses.
#pragma once

#include <string>
#include <string_view>

#include "api/onyx/json_body.h"
#include "api/onyx/onyx.h"
#include "base/error.h"
#include "net/http.h"

namespace cloister::api::onyx {

struct Answer {
  int status = 200;
  net::Headers headers;
  std::string body;
};

Answer json_answer(int status, const Json& body);
// As json_answer, for text that is JSON already.
Answer json_text_answer(int status, std::string body);
// {"detail":"<text>"}
Answer detail_answer(int status, std::string_view text);

// The same with the header that says when to come back.
Answer retry_answer(int status, std::string_view text, std::int64_t retry_after_sec);

// An error of the engine. kInternal and other surprises do not show their text to the client.
Answer error_answer(const Error& error, const OnyxOptions& options);

// An error of reading the request's body.
Answer body_error_answer(const Error& error, const OnyxOptions& options);
inline constexpr std::string_view kUnreadableBody = "There was an error parsing the body";

// Sends the answer. That the client is gone is no error of the handler.
void send(net::Response& response, const Answer& answer);

// The log line with what the client is not told.
void log_failure(const Logger& log, const net::Request& request, const Error& error);

// [{"path","kind","file_id"}]
Json output_files_json(const std::vector<engine::OutputFile>& files);
// Null when the run timed out.
Json exit_code_json(const engine::RunOutcome& outcome);
std::int64_t duration_ms(const engine::RunOutcome& outcome);

}  // namespace cloister::api::onyx
