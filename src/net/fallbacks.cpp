#include "net/fallbacks.h"

#include "net/request_head.h"

namespace cloister::net {

FallbackHandlers json_detail_fallbacks() {
  return {[](int status, const Request*) -> PlainAnswer {
    // Reason phrases have no character that JSON would escape.
    std::string body = "{\"detail\":\"";
    body.append(reason_phrase(status)).append("\"}");
    return {status, {{"content-type", "application/json"}}, std::move(body)};
  }};
}

}  // namespace cloister::net
