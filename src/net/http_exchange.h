// One request and its response on a connection: the implementations of Request and Response.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "net/body_reader.h"
#include "net/http.h"
#include "net/http_server_limits.h"
#include "net/request_head.h"
#include "net/timed_socket.h"

namespace cloister::net {

class ConnectionRequest final : public Request {
 public:
  // Nothing is owned but the parameters.
  ConnectionRequest(const RequestHead& head, BodyReader& body, TimedSocket& socket,
                    std::string_view id)
      : head_(head), body_(body), socket_(socket), id_(id) {}

  void set_parameters(std::vector<std::string> parameters) { parameters_ = std::move(parameters); }

  std::string_view method() const override { return head_.method; }
  std::string_view path() const override { return head_.path; }
  std::string_view query() const override { return head_.query; }
  std::string_view header(std::string_view name) const override;
  bool has_header(std::string_view name) const override { return head_.find(name) != nullptr; }
  const std::vector<std::string>& parameters() const override { return parameters_; }
  std::string_view id() const override { return id_; }
  Result<std::size_t> read_body(std::span<char> buffer) override { return body_.read(buffer); }
  Result<std::string> read_whole_body(std::size_t limit_bytes) override;
  int hangup_fd() const override { return socket_.fd(); }
  std::string base_url() const override;

 private:
  const RequestHead& head_;
  BodyReader& body_;
  TimedSocket& socket_;
  const std::string_view id_;
  std::vector<std::string> parameters_;
};

// Writes the head with the first bytes of the body in one system call. Names of headers are written
// in lower case and in the order given; control characters in values become spaces. content-length,
// transfer-encoding and connection follow from how the response is sent, whatever the handler
// gives.
class ConnectionResponse final : public Response {
 public:
  struct Context {
    TimedSocket& socket;
    const BodyReader& body;
    const HttpServerLimits& limits;
    const std::atomic<bool>& stopping;
    std::string& scratch;  // Reused from request to request.
    std::string_view request_id;
    bool head_only = false;  // For HEAD.
    bool keep_alive = true;  // What the client wishes.
    int minor_version = 1;
  };
  explicit ConnectionResponse(const Context& context)
      : context_(context), keep_alive_(context.keep_alive) {}

  Result<void> send(int status, const Headers& headers, std::string_view body) override;
  Result<void> send_file(int status, const Headers& headers, int fd, std::uint64_t size) override;
  Result<void> begin_stream(int status, const Headers& headers) override;
  Result<void> write(std::string_view bytes) override;
  Result<void> end_stream() override;
  bool is_started() const override { return state_ != State::kNotStarted; }

  // Whether the client can tell where the response ends.
  bool is_complete() const { return state_ == State::kComplete; }
  // Whether the connection is kept after this response.
  bool keep_alive() const { return keep_alive_ && is_complete(); }
  int status() const { return status_; }
  std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  enum class State { kNotStarted, kSending, kStreaming, kComplete, kFailed };
  enum class Framing { kNoBody, kLength, kStream };

  Result<void> start(State next);
  void format_head(int status, const Headers& headers, Framing framing, std::uint64_t length);
  void append_header(std::string_view name, std::string_view value);
  Result<void> transmit(std::span<iovec> pieces);
  Result<void> finish(Result<void> result);

  const Context context_;
  State state_ = State::kNotStarted;
  bool keep_alive_;
  bool chunked_ = false;
  bool body_suppressed_ = false;
  int status_ = 0;
  std::uint64_t bytes_written_ = 0;
};

}  // namespace cloister::net
