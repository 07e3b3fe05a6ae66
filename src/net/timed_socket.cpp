#include "net/timed_socket.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace cloister::net {
namespace {

constexpr std::uint64_t kSendFilePiece = std::uint64_t{1} << 30;

int milliseconds_until(SteadyTime deadline) {
  const auto left =
      std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000));
}

// The number of ready descriptors; 0 when the deadline passes. Polling own descriptors does not
// fail.
int poll_until(std::span<pollfd> entries, SteadyTime deadline) {
  for (;;) {
    const int count = ::poll(entries.data(), entries.size(), milliseconds_until(deadline));
    if (count >= 0 || errno != EINTR) return std::max(count, 0);
  }
}

bool would_block(int error_number) {
  return error_number == EAGAIN || error_number == EWOULDBLOCK;
}

tl::unexpected<Error> fail_transfer(const char* call, int error_number) {
  Error error{ErrorCode::kInternal, call, error_number, {}};
  switch (error_number) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
      error.code = ErrorCode::kCancelled;
      break;
    default:
      break;
  }
  return fail(std::move(error));
}

// Skips `count` bytes at the beginning of the pieces.
std::span<iovec> skip_bytes(std::span<iovec> pieces, std::size_t count) {
  while (!pieces.empty() && count >= pieces.front().iov_len) {
    count -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (count > 0) {
    iovec& piece = pieces.front();
    piece.iov_base = static_cast<char*>(piece.iov_base) + count;
    piece.iov_len -= count;
  }
  return pieces;
}

// sendfile(2) has no MSG_NOSIGNAL: blocks SIGPIPE for this thread, and takes back the one it
// caused.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeGuard() {
    const timespec at_once{};
    if (!was_pending_) {
      while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

}  // namespace

Result<std::size_t> TimedSocket::read_some(std::span<char> buffer, SteadyTime deadline) {
  for (;;) {
    const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (count >= 0) return static_cast<std::size_t>(count);
    const int error_number = errno;
    if (error_number == EINTR) continue;
    if (!would_block(error_number)) return fail_transfer("recv", error_number);
    std::array<pollfd, 1> entry{{{fd_.get(), POLLIN, 0}}};
    if (poll_until(entry, deadline) == 0) {
      return fail(ErrorCode::kDeadlineExceeded, "the peer sent nothing in time");
    }
  }
}

Result<void> TimedSocket::wait_writable(Milliseconds stall) const {
  std::array<pollfd, 1> entry{{{fd_.get(), POLLOUT, 0}}};
  if (poll_until(entry, std::chrono::steady_clock::now() + stall) == 0) {
    return fail(ErrorCode::kDeadlineExceeded, "the peer took nothing in time");
  }
  return {};
}

Result<void> TimedSocket::write_all(std::span<iovec> pieces, Milliseconds stall) {
  pieces = skip_bytes(pieces, 0);
  while (!pieces.empty()) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t count = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (count >= 0) {
      pieces = skip_bytes(pieces, static_cast<std::size_t>(count));
      continue;
    }
    const int error_number = errno;
    if (error_number == EINTR) continue;
    if (!would_block(error_number)) return fail_transfer("sendmsg", error_number);
    TRY_VOID(wait_writable(stall));
  }
  return {};
}

Result<void> TimedSocket::write_all(std::string_view bytes, Milliseconds stall) {
  // iovec has no const form; sendmsg does not write.
  std::array<iovec, 1> piece{{{const_cast<char*>(bytes.data()), bytes.size()}}};
  return write_all(piece, stall);
}

Result<void> TimedSocket::send_file(int file, std::uint64_t size, Milliseconds stall) {
  const SigpipeGuard guard;
  while (size > 0) {
    const ssize_t count = ::sendfile(fd_.get(), file, nullptr,
                                     static_cast<std::size_t>(std::min(size, kSendFilePiece)));
    if (count > 0) {
      size -= static_cast<std::uint64_t>(count);
      continue;
    }
    const int error_number = errno;
    if (count == 0) return fail(ErrorCode::kInternal, "the file is shorter than announced");
    if (error_number == EINTR) continue;
    if (!would_block(error_number)) return fail_transfer("sendfile", error_number);
    TRY_VOID(wait_writable(stall));
  }
  return {};
}

TimedSocket::Wait TimedSocket::wait_readable(SteadyTime deadline, int interrupt_fd) const {
  std::array<pollfd, 2> entries{{{fd_.get(), POLLIN, 0}, {interrupt_fd, POLLIN, 0}}};
  if (poll_until(entries, deadline) == 0) return Wait::kTimedOut;
  return entries[0].revents != 0 ? Wait::kReadable : Wait::kInterrupted;
}

void TimedSocket::shut_down() {
  ::shutdown(fd_.get(), SHUT_RDWR);
}

void TimedSocket::shut_down_writing() {
  ::shutdown(fd_.get(), SHUT_WR);
}

}  // namespace cloister::net
