// The answers that no handler gives: unknown paths, wrong methods, failed handlers, broken
// requests.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "net/http.h"

namespace cloister::net {

struct PlainAnswer {
  int status = 500;
  Headers headers;
  std::string body;
};

// Decides the shape of these answers; the statuses and the headers that HTTP prescribes (allow) are
// the server's. Called on connection threads, so thread safe. All must be set.
struct FallbackHandlers {
  // By status: 404 and 405 (with a request), 500 (after a handler failed), and, when no request
  // could be read, 400, 408, 431 and 503. `request` is null then.
  std::function<PlainAnswer(int status, const Request* request)> error;
};

// {"detail":"Not Found"} and the like, as application/json.
FallbackHandlers json_detail_fallbacks();

}  // namespace cloister::net
