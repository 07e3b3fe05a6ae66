// Whole answers, whatever the dialect.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/common/json_body.h"
#include "base/error.h"
#include "net/http.h"
#include "observe/log.h"

namespace cloister::api {

struct Answer {
  int status = 200;
  net::Headers headers;
  std::string body;
};

inline constexpr int kClientClosedRequest = 499;  // For the log only: nobody is there to read it.

Answer json_answer(int status, const Json& body);
// As json_answer, for text that is JSON already.
Answer json_text_answer(int status, std::string body);
// {"detail":"<text>"}
Answer detail_answer(int status, std::string_view text);

// The same with the header that says when to come back.
Answer retry_answer(int status, std::string_view text, std::int64_t retry_after_sec);

// Sends the answer. That the client is gone is no error of the handler.
void send(net::Response& response, const Answer& answer);

// The log line with what the client is not told.
void log_failure(const Logger& log, const net::Request& request, const Error& error);

// A system call that found nothing is the server's trouble, not a client's wrong id: clients take
// 404 for more than it says. Such errors become kInternal; all others keep their code.
ErrorCode client_code(const Error& error);

}  // namespace cloister::api
