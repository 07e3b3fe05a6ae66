// A server on a free loopback port and a client that sends exactly the given bytes, for tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "net/header_parameters.h"
#include "net/http_server.h"
#include "net/socket_open.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace cloister::net {

struct ClientResponse {
  int status = 0;
  std::string head;  // With the status line, without the empty line.
  std::string body;  // Chunks put together.

  std::string header(std::string_view name) const {
    std::string_view rest = head;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find("\r\n"), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 2, rest.size()));
      const std::size_t colon = line.find(": ");
      if (colon != std::string_view::npos && line.substr(0, colon) == name)
        return std::string(line.substr(colon + 2));
    }
    return {};
  }
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) {
    auto socket = connect_tcp("127.0.0.1", port, Milliseconds(5000));
    EXPECT_TRUE(socket.has_value());
    if (socket) socket_ = std::move(*socket);
  }

  bool send(std::string_view bytes) {
    return socket_.write_all(bytes, Milliseconds(10'000)).has_value();
  }
  void close() { socket_ = TimedSocket(); }
  TimedSocket& socket() { return socket_; }

  // Reads until the text occurs; false at the end of the connection.
  bool read_until(std::string_view text) {
    while (received_.find(text) == std::string::npos) {
      if (!receive()) return false;
    }
    return true;
  }
  // Everything until the server closes. Nothing when it does not close in time.
  std::optional<std::string> read_to_end() {
    while (receive()) {
    }
    return ended_ ? std::optional(std::exchange(received_, {})) : std::nullopt;
  }
  bool is_closed_by_server() { return read_to_end() == ""; }
  const std::string& received() const { return received_; }

  // The next response; status 0 when it is cut short. `has_body` is false after HEAD.
  ClientResponse read_response(bool has_body = true) {
    if (!read_until("\r\n\r\n")) return {};
    ClientResponse response;
    response.head = take(received_.find("\r\n\r\n") + 4);
    response.head.resize(response.head.size() - 4);
    if (response.head.size() < 12) return {};
    response.status = std::stoi(response.head.substr(9, 3));
    if (!has_body || response.status == 204 || response.status == 100) return response;
    const bool good = response.header("transfer-encoding") == "chunked"
                          ? read_chunks(response.body)
                          : read_counted(response.header("content-length"), response.body);
    return good ? response : ClientResponse();
  }

  ClientResponse request(std::string_view bytes) {
    if (!send(bytes)) return {};
    return read_response();
  }

 private:
  bool receive() {
    std::array<char, 65536> buffer{};
    const auto count =
        socket_.read_some(buffer, std::chrono::steady_clock::now() + std::chrono::seconds(10));
    ended_ = count ? *count == 0 : count.error().code == ErrorCode::kCancelled;
    if (!count || *count == 0) return false;
    received_.append(buffer.data(), *count);
    return true;
  }
  std::string take(std::size_t count) {
    std::string taken = received_.substr(0, count);
    received_.erase(0, count);
    return taken;
  }
  bool read_counted(const std::string& length, std::string& body) {
    if (length.empty()) return false;
    const std::size_t size = std::stoul(length);
    while (received_.size() < size) {
      if (!receive()) return false;
    }
    body = take(size);
    return true;
  }
  bool read_chunks(std::string& body) {
    for (;;) {
      if (!read_until("\r\n")) return false;
      const std::string line = take(received_.find("\r\n") + 2);
      const std::size_t size = std::stoul(line, nullptr, 16);
      while (received_.size() < size + 2) {
        if (!receive()) return false;
      }
      body += take(size);
      if (take(2) != "\r\n") return false;
      if (size == 0) return true;
    }
  }

  TimedSocket socket_;
  std::string received_;
  bool ended_ = false;
};

// Tests add routes, then call start().
class HttpServerFixture : public testing::Test {
 protected:
  void start(const HttpServerLimits& limits = {}) {
    server_ =
        std::make_unique<HttpServer>(router_, json_detail_fallbacks(), logger_, metrics_, limits);
    const auto started = server_->start("127.0.0.1", 0);
    ASSERT_TRUE(started.has_value());
    ASSERT_NE(server_->port(), 0);
  }
  RawClient connect() { return RawClient(server_->port()); }

  SystemClock clock_;
  Logger logger_{LogLevel::kError, LogFormat::kPlain, clock_};
  Metrics metrics_;
  Router router_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace cloister::net
