#include "backends/native/message_channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace cloister::backends::native {
namespace {

constexpr char kMore = 'C';
constexpr char kLast = 'E';

}  // namespace

MessageChannel::Received MessageChannel::receive(bool is_hung_up) {
  std::array<char, kMaxPartBytes + 1> part;
  // MSG_TRUNC: the true size of a datagram that is too long. Without room for control data the
  // kernel closes descriptors that came along.
  const ssize_t size = ::recv(socket_, part.data(), part.size(), MSG_DONTWAIT | MSG_TRUNC);
  if (size < 0) {
    return errno == EAGAIN || errno == EINTR ? Received::kNothing : Received::kClosed;
  }
  // An empty datagram looks like the end.
  if (size == 0) return is_hung_up ? Received::kClosed : Received::kMalformed;
  const auto bytes = static_cast<std::size_t>(size);
  const bool is_last = part[0] == kLast;
  if (bytes > part.size() || (!is_last && part[0] != kMore) ||
      message_.size() + bytes - 1 > kMaxMessageBytes) {
    return Received::kMalformed;
  }
  message_.append(part.data() + 1, bytes - 1);
  return is_last ? Received::kMessage : Received::kNothing;
}

std::string MessageChannel::take_message() {
  return std::exchange(message_, {});
}

void MessageChannel::reply(std::string answer) {
  reply_ = std::move(answer);
  sent_ = 0;
  has_reply_ = true;
}

bool MessageChannel::send() {
  while (has_reply_) {
    const std::size_t count = std::min(reply_.size() - sent_, kMaxPartBytes);
    const bool is_last = sent_ + count == reply_.size();
    char kind = is_last ? kLast : kMore;
    std::array<iovec, 2> parts{{{&kind, 1}, {reply_.data() + sent_, count}}};
    msghdr header{};
    header.msg_iov = parts.data();
    header.msg_iovlen = parts.size();
    if (::sendmsg(socket_, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == ENOBUFS;
    }
    sent_ += count;
    if (is_last) {
      has_reply_ = false;
      reply_ = {};
    }
  }
  return true;
}

}  // namespace cloister::backends::native
