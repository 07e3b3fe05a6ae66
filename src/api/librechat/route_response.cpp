#include "api/librechat/route_response.h"

namespace cloister::api::librechat {

net::Headers route_headers(const net::Request& request, bool cors) {
  net::Headers headers;
  // There is one kind of sandbox here: a run is as stateful as the session it names.
  const bool stateful = request.header("x-codeapi-expected-profile") == "stateful";
  headers.emplace_back("x-codeapi-execution-profile", stateful ? "stateful" : "default");
  if (!cors) return headers;
  headers.emplace_back("vary", "Origin");
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return headers;
  headers.emplace_back("access-control-allow-origin", origin);
  headers.emplace_back("access-control-allow-credentials", "true");
  headers.emplace_back("access-control-expose-headers",
                       "content-disposition, retry-after, x-request-id, x-session-id");
  return headers;
}

void send_preflight(const net::Request& request, net::Response& response) {
  net::Headers headers = {
      {"access-control-allow-methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"},
      {"access-control-max-age", "600"}};
  const std::string_view wanted = request.header("access-control-request-headers");
  if (!wanted.empty()) headers.emplace_back("access-control-allow-headers", wanted);
  (void)response.send(204, headers, {});
}

}  // namespace cloister::api::librechat
