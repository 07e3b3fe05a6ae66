// A connected stream socket whose every blocking call has a deadline.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace cloister::net {

// TCP or AF_UNIX. Owns the descriptor, which must be non-blocking: calls try first and poll only
// when they must wait. Used by one thread, except shut_down(). Errors: kDeadlineExceeded when the
// peer is too slow, kCancelled when it is gone. Never raises SIGPIPE.
class TimedSocket {
 public:
  TimedSocket() = default;
  explicit TimedSocket(UniqueFd fd) : fd_(std::move(fd)) {}

  // At least one byte, or 0 at the end of the peer's data.
  Result<std::size_t> read_some(std::span<char> buffer, SteadyTime deadline);

  // All of the pieces, in as few packets as possible. Changes the pieces. `stall` bounds the time
  // between two moments of progress, not the whole.
  Result<void> write_all(std::span<iovec> pieces, Milliseconds stall);
  Result<void> write_all(std::string_view bytes, Milliseconds stall);
  // `size` bytes of a regular file from its current offset; kInternal when the file is shorter.
  Result<void> send_file(int file, std::uint64_t size, Milliseconds stall);

  enum class Wait { kReadable, kInterrupted, kTimedOut };
  // Until there is something to read (data, an end, or an error), or `interrupt_fd` is readable.
  // Readable wins when both are.
  Wait wait_readable(SteadyTime deadline, int interrupt_fd) const;

  // Ends both directions, so that blocked calls return. May be called from another thread while the
  // socket is open.
  void shut_down();
  // Tells the peer that no more bytes follow.
  void shut_down_writing();

  int fd() const { return fd_.get(); }
  bool is_open() const { return fd_.is_open(); }

 private:
  Result<void> wait_writable(Milliseconds stall) const;

  UniqueFd fd_;
};

}  // namespace cloister::net
