#include "net/http_connection.h"

#include <algorithm>
#include <array>
#include <exception>

namespace cloister::net {
namespace {

constexpr std::size_t kBodyBufferBytes = 16384;
// The request of a client that is refused anyway is not waited for any longer.
constexpr Milliseconds kRefusedHeaderTimeout{1000};

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

}  // namespace

HttpConnection::HttpConnection(TimedSocket& socket, const ConnectionEnvironment& environment)
    : socket_(socket),
      environment_(environment),
      input_(environment.limits.max_header_bytes + kBodyBufferBytes),
      parser_(environment.limits.max_header_bytes) {}

void HttpConnection::serve() {
  while (serve_one() == Next::kRequest)
    input_.compact();
}

void HttpConnection::refuse() {
  const SteadyTime deadline = std::chrono::steady_clock::now() + kRefusedHeaderTimeout;
  if (socket_.wait_readable(deadline, environment_.stop_fd) == TimedSocket::Wait::kReadable) {
    answer_unreadable(503);
  }
}

// "5f3a9c01-2a": the prefix differs from process to process, the number from request to request.
void HttpConnection::make_id() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::uint64_t number = environment_.next_id.fetch_add(1, std::memory_order_relaxed);
  std::array<char, 16> digits{};
  std::size_t begin = digits.size();
  do {
    digits[--begin] = kDigits[number % 16];
    number /= 16;
  } while (number > 0);
  id_.assign(environment_.id_prefix)
      .append(1, '-')
      .append(digits.data() + begin, digits.size() - begin);
}

bool HttpConnection::receive(SteadyTime deadline) {
  const auto space = input_.free_space();
  const auto count = socket_.read_some(space, deadline);
  if (!count) {
    if (count.error().code == ErrorCode::kDeadlineExceeded) answer_unreadable(408);
    return false;
  }
  input_.commit(*count);
  return *count > 0;
}

bool HttpConnection::read_head() {
  const HttpServerLimits& limits = environment_.limits;
  if (input_.empty()) {
    const SteadyTime idle_end = std::chrono::steady_clock::now() + limits.idle_timeout;
    if (socket_.wait_readable(idle_end, environment_.stop_fd) != TimedSocket::Wait::kReadable)
      return false;
  }
  const SteadyTime deadline = std::chrono::steady_clock::now() + limits.header_timeout;
  parser_.reset();
  head_bytes_ = 0;
  for (;;) {
    // Empty lines before a request are left over from old clients' bodies.
    while (head_bytes_ == 0 && input_.data().starts_with("\r\n"))
      input_.consume(2);
    if (!input_.empty() && input_.data() != "\r") {
      std::size_t consumed = 0;
      const auto status = parser_.parse(input_.data(), consumed);
      input_.consume(consumed);
      head_bytes_ += consumed;
      switch (status) {
        case RequestHeadParser::Status::kDone:
          input_.set_floor();
          return true;
        case RequestHeadParser::Status::kMalformed:
          answer_unreadable(400);
          return false;
        case RequestHeadParser::Status::kTooLong:
          answer_unreadable(431);
          return false;
        case RequestHeadParser::Status::kNeedMore:
          break;
      }
    }
    if (input_.free_space().empty()) {
      answer_unreadable(431);
      return false;
    }
    if (!receive(deadline)) return false;
  }
}

HttpConnection::Next HttpConnection::serve_one() {
  if (!read_head()) return Next::kClose;
  const SteadyTime start = std::chrono::steady_clock::now();
  const HttpServerLimits& limits = environment_.limits;
  const RequestHead& head = parser_.head();
  make_id();
  BodyReader body(socket_, input_, head, limits.body_timeout, limits.write_timeout);
  ConnectionRequest request(head, body, socket_, id_);
  ConnectionResponse response({.socket = socket_,
                               .body = body,
                               .limits = limits,
                               .stopping = environment_.stopping,
                               .scratch = scratch_,
                               .request_id = id_,
                               .head_only = head.method == "HEAD",
                               .keep_alive = head.keep_alive,
                               .minor_version = head.minor_version});
  std::string route;
  dispatch(request, response, route);
  record(head.method, route, response, head_bytes_ + body.bytes_read(), start);
  if (response.keep_alive() && body.drain(limits.max_drain_bytes, limits.drain_timeout))
    return Next::kRequest;
  if (response.is_complete() && !body.is_finished()) linger();
  return Next::kClose;
}

void HttpConnection::dispatch(ConnectionRequest& request, ConnectionResponse& response,
                              std::string& route) {
  Router::Match match = environment_.router.match(request.method(), request.path());
  route = std::move(match.route);
  if (match.handler != nullptr) {
    request.set_parameters(std::move(match.parameters));
    run_handler(*match.handler, request, response);
    return;
  }
  if (match.without_slash_matches) return redirect_without_slash(request, response);
  const int status = match.allowed_methods.empty() ? 404 : 405;
  PlainAnswer answer = environment_.fallbacks.error(status, &request);
  if (status == 405) answer.headers.emplace_back("allow", join(match.allowed_methods));
  // A client that does not take its answer shows in the response's state.
  static_cast<void>(response.send(answer.status, answer.headers, answer.body));
}

void HttpConnection::run_handler(const Handler& handler, ConnectionRequest& request,
                                 ConnectionResponse& response) {
  std::string problem;
  try {
    handler(request, response);
    if (response.is_started()) return;
    problem = "the handler gave no answer";
  } catch (const std::exception& exception) {
    problem = exception.what();
  } catch (...) {
    problem = "an exception of an unknown type";
  }
  environment_.logger.error("request handler failed",
                            {{"request_id", id_}, {"path", request.path()}, {"problem", problem}});
  if (response.is_started()) return;
  const PlainAnswer answer = environment_.fallbacks.error(500, &request);
  static_cast<void>(response.send(answer.status, answer.headers, answer.body));
}

void HttpConnection::redirect_without_slash(const ConnectionRequest& request,
                                            ConnectionResponse& response) {
  std::string_view path = request.path();
  while (path.ends_with('/'))
    path.remove_suffix(1);
  std::string location = request.base_url();
  location += path;
  if (!request.query().empty()) location.append(1, '?').append(request.query());
  static_cast<void>(response.send(307, {{"location", std::move(location)}}, {}));
}

// The answer to what is not a request; the connection is of no use afterwards.
void HttpConnection::answer_unreadable(int status) {
  const SteadyTime start = std::chrono::steady_clock::now();
  make_id();
  const RequestHead no_head;
  const BodyReader no_body(socket_, input_, no_head, Milliseconds(0), Milliseconds(0));
  ConnectionResponse response({.socket = socket_,
                               .body = no_body,
                               .limits = environment_.limits,
                               .stopping = environment_.stopping,
                               .scratch = scratch_,
                               .request_id = id_,
                               .keep_alive = false});
  const PlainAnswer answer = environment_.fallbacks.error(status, nullptr);
  static_cast<void>(response.send(answer.status, answer.headers, answer.body));
  record("", "", response, head_bytes_ + input_.data().size(), start);
  linger();
}

void HttpConnection::record(std::string_view method, std::string_view route,
                            const ConnectionResponse& response, std::uint64_t request_bytes,
                            SteadyTime start) {
  environment_.metrics.http_request(route, method, response.status(), request_bytes,
                                    response.bytes_written());
  if (!environment_.logger.enabled(LogLevel::kInfo)) return;
  const std::chrono::duration<double, std::milli> elapsed =
      std::chrono::steady_clock::now() - start;
  environment_.logger.info("request", {{"request_id", id_},
                                       {"method", method},
                                       {"route", route.empty() ? "unmatched" : route},
                                       {"status", response.status()},
                                       {"ms", elapsed.count()},
                                       {"request_bytes", request_bytes},
                                       {"response_bytes", response.bytes_written()},
                                       {"complete", response.is_complete()}});
}

// Closing a socket with unread bytes resets it, which can destroy the answer on its way. So the
// client is told that nothing follows, and what it still sends is dropped until it closes or the
// time is over.
void HttpConnection::linger() {
  socket_.shut_down_writing();
  const SteadyTime deadline = std::chrono::steady_clock::now() + environment_.limits.linger_timeout;
  std::uint64_t dropped = 0;
  while (dropped <= environment_.limits.max_drain_bytes &&
         std::chrono::steady_clock::now() < deadline) {
    input_.consume(input_.data().size());
    input_.compact();
    const auto count = socket_.read_some(input_.free_space(), deadline);
    if (!count || *count == 0) return;
    dropped += *count;
  }
}

}  // namespace cloister::net
