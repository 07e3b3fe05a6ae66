// A response whose every answer has a few headers more.
#pragma once

#include <utility>

#include "net/http.h"

namespace cloister::api::librechat {

// Used by one thread at a time. `response` is not owned.
class RouteResponse final : public net::Response {
 public:
  RouteResponse(net::Response& response, net::Headers extra)
      : response_(response), extra_(std::move(extra)) {}

  Result<void> send(int status, const net::Headers& headers, std::string_view body) override {
    return response_.send(status, with_extra(headers), body);
  }
  Result<void> send_file(int status, const net::Headers& headers, int fd,
                         std::uint64_t size) override {
    return response_.send_file(status, with_extra(headers), fd, size);
  }
  Result<void> begin_stream(int status, const net::Headers& headers) override {
    return response_.begin_stream(status, with_extra(headers));
  }
  Result<void> write(std::string_view bytes) override { return response_.write(bytes); }
  Result<void> end_stream() override { return response_.end_stream(); }
  bool is_started() const override { return response_.is_started(); }

 private:
  net::Headers with_extra(net::Headers headers) const {
    headers.insert(headers.end(), extra_.begin(), extra_.end());
    return headers;
  }

  net::Response& response_;
  const net::Headers extra_;
};

// What every answer to this request has: the execution profile that the client expects, and, with
// `cors`, what lets the web page that asked read it.
net::Headers route_headers(const net::Request& request, bool cors);

// The answer to a browser that asks whether a page may send such a request.
void send_preflight(const net::Request& request, net::Response& response);

}  // namespace cloister::api::librechat
