#include "net/http_exchange.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "net/header_parameters.h"
#include "net/socket_open.h"

namespace cloister::net {
namespace {

constexpr std::size_t kReadPiece = 16384;

iovec piece_of(std::string_view bytes) {
  // iovec has no const form; sendmsg does not write.
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

bool has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

void append_number(std::string& text, std::uint64_t number, int base = 10) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  text.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

// The value of the date header; formatted once a second and thread.
std::string_view http_date() {
  struct Cache {
    std::time_t second = 0;
    std::array<char, 32> text{};
    std::size_t size = 0;
  };
  thread_local Cache cache;
  const std::time_t now = std::time(nullptr);
  if (now != cache.second || cache.size == 0) {
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    cache.size =
        std::strftime(cache.text.data(), cache.text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    cache.second = now;
  }
  return {cache.text.data(), cache.size};
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

}  // namespace

std::string_view ConnectionRequest::header(std::string_view name) const {
  const std::string_view* value = head_.find(name);
  return value == nullptr ? std::string_view() : *value;
}

Result<std::string> ConnectionRequest::read_whole_body(std::size_t limit_bytes) {
  if (body_.announced_bytes() > limit_bytes) {
    return fail(ErrorCode::kTooLarge,
                "The request body is larger than " + std::to_string(limit_bytes) + " bytes.");
  }
  std::string text;
  if (body_.is_finished()) return text;
  std::size_t used = 0;
  for (;;) {
    // One byte more than announced or allowed, so that the end or the excess shows without growing.
    const std::size_t wanted = body_.announced_bytes() > 0
                                   ? static_cast<std::size_t>(body_.announced_bytes())
                                   : std::min(kReadPiece, limit_bytes - used + 1);
    text.resize(used + std::min(wanted, std::max(kReadPiece, used)));
    used += TRY(body_.read(std::span(text).subspan(used)));
    if (used > limit_bytes) {
      return fail(ErrorCode::kTooLarge,
                  "The request body is larger than " + std::to_string(limit_bytes) + " bytes.");
    }
    if (body_.is_finished()) break;
  }
  text.resize(used);
  return text;
}

std::string ConnectionRequest::base_url() const {
  if (!head_.host.empty()) return "http://" + std::string(head_.host);
  return "http://" + local_address(socket_.fd());
}

Result<void> ConnectionResponse::start(State next) {
  if (is_started()) return fail(ErrorCode::kInternal, "a response was started twice");
  state_ = next;
  return {};
}

void ConnectionResponse::append_header(std::string_view name, std::string_view value) {
  std::string& head = context_.scratch;
  for (const char c : name)
    head += is_control(c) || c == ':' ? '-' : lower(c);
  head += ": ";
  const std::size_t begin = head.size();
  head += value;
  std::replace_if(head.begin() + static_cast<std::ptrdiff_t>(begin), head.end(), is_control, ' ');
  head += "\r\n";
}

void ConnectionResponse::format_head(int status, const Headers& headers, Framing framing,
                                     std::uint64_t length) {
  status_ = status;
  const bool old_client = context_.minor_version == 0;
  chunked_ = framing == Framing::kStream && !old_client;
  body_suppressed_ = context_.head_only || has_no_body(status);
  if (context_.stopping || !context_.body.can_reach_end(context_.limits.max_drain_bytes) ||
      (framing == Framing::kStream && old_client)) {
    keep_alive_ = false;
  }
  std::string& head = context_.scratch;
  head.assign("HTTP/1.1 ");
  append_number(head, static_cast<std::uint64_t>(std::clamp(status, 100, 999)));
  head.append(1, ' ').append(reason_phrase(status)).append("\r\n");
  bool connection_written = false;
  for (const auto& [name, value] : headers) {
    if (equal_ignoring_case(name, "content-length") ||
        equal_ignoring_case(name, "transfer-encoding"))
      continue;
    if (equal_ignoring_case(name, "connection")) {
      if (equal_ignoring_case(value, "close")) keep_alive_ = false;
      if (!keep_alive_ || connection_written) continue;
      connection_written = true;
    }
    append_header(name, value);
  }
  append_header("date", http_date());
  append_header("x-request-id", context_.request_id);
  if (!keep_alive_) {
    append_header("connection", "close");
  } else if (old_client && !connection_written) {
    append_header("connection", "keep-alive");
  }
  if (framing == Framing::kLength && !has_no_body(status)) {
    head.append("content-length: ");
    append_number(head, length);
    head.append("\r\n");
  } else if (chunked_ && !has_no_body(status)) {
    head.append("transfer-encoding: chunked\r\n");
  }
  head.append("\r\n");
}

Result<void> ConnectionResponse::transmit(std::span<iovec> pieces) {
  std::uint64_t size = 0;
  for (const iovec& piece : pieces)
    size += piece.iov_len;
  TRY_VOID(context_.socket.write_all(pieces, context_.limits.write_timeout));
  bytes_written_ += size;
  return {};
}

Result<void> ConnectionResponse::finish(Result<void> result) {
  state_ = result ? State::kComplete : State::kFailed;
  return result;
}

Result<void> ConnectionResponse::send(int status, const Headers& headers, std::string_view body) {
  TRY_VOID(start(State::kSending));
  format_head(status, headers, Framing::kLength, body.size());
  if (body_suppressed_) body = {};
  std::array<iovec, 2> pieces{{piece_of(context_.scratch), piece_of(body)}};
  return finish(transmit(pieces));
}

Result<void> ConnectionResponse::send_file(int status, const Headers& headers, int fd,
                                           std::uint64_t size) {
  TRY_VOID(start(State::kSending));
  format_head(status, headers, Framing::kLength, size);
  std::array<iovec, 1> pieces{{piece_of(context_.scratch)}};
  auto result = transmit(pieces);
  if (result && !body_suppressed_) {
    result = context_.socket.send_file(fd, size, context_.limits.write_timeout);
    if (result) bytes_written_ += size;
  }
  return finish(std::move(result));
}

Result<void> ConnectionResponse::begin_stream(int status, const Headers& headers) {
  TRY_VOID(start(State::kStreaming));
  format_head(status, headers, Framing::kStream, 0);
  std::array<iovec, 1> pieces{{piece_of(context_.scratch)}};
  auto result = transmit(pieces);
  if (!result) return finish(std::move(result));
  return {};
}

Result<void> ConnectionResponse::write(std::string_view bytes) {
  if (state_ == State::kFailed) return fail(ErrorCode::kCancelled, "the client is gone");
  if (state_ != State::kStreaming) return fail(ErrorCode::kInternal, "write outside of a stream");
  // An empty chunk would end the stream.
  if (bytes.empty() || body_suppressed_) return {};
  std::string& frame = context_.scratch;
  frame.clear();
  if (chunked_) {
    append_number(frame, bytes.size(), 16);
    frame += "\r\n";
  }
  std::array<iovec, 3> pieces{{piece_of(frame), piece_of(bytes), piece_of(chunked_ ? "\r\n" : "")}};
  auto result = transmit(pieces);
  if (!result) return finish(std::move(result));
  return {};
}

Result<void> ConnectionResponse::end_stream() {
  if (state_ == State::kFailed) return fail(ErrorCode::kCancelled, "the client is gone");
  if (state_ != State::kStreaming)
    return fail(ErrorCode::kInternal, "the end of a stream that did not begin");
  if (!chunked_ || body_suppressed_) return finish({});
  std::array<iovec, 1> pieces{{piece_of("0\r\n\r\n")}};
  return finish(transmit(pieces));
}

}  // namespace cloister::net
