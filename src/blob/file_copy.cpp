#include "blob/file_copy.h"

#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>

namespace cloister::blob {
namespace {

// A bound on one call, so that a signal or a kill never waits for gigabytes.
constexpr std::uint64_t kStepBytes = std::uint64_t{8} << 20;
constexpr std::size_t kBufferBytes = std::size_t{128} << 10;

bool is_not_supported(int error_number) {
  return error_number == EXDEV || error_number == EINVAL || error_number == ENOSYS ||
         error_number == EOPNOTSUPP || error_number == EPERM || error_number == EBADF;
}

// Repeats `step(byte count)` until the limit, the end of the file, or a call that this pair of
// files does not support; the caller then goes on with a plainer way.
template <typename Step>
Result<void> copy_in_kernel(const char* name, std::uint64_t limit_bytes, std::uint64_t& copied,
                            Step step) {
  while (copied < limit_bytes) {
    const ssize_t count =
        step(static_cast<std::size_t>(std::min(limit_bytes - copied, kStepBytes)));
    if (count > 0) {
      copied += static_cast<std::uint64_t>(count);
    } else if (count == 0 || is_not_supported(errno)) {
      return {};
    } else if (errno != EINTR) {
      return fail_errno(name);
    }
  }
  return {};
}

Result<void> copy_by_buffer(int from, int to, std::uint64_t limit_bytes, std::uint64_t& copied) {
  std::unique_ptr<char[]> buffer;
  while (copied < limit_bytes) {
    if (!buffer) buffer = std::make_unique<char[]>(kBufferBytes);
    const std::uint64_t wanted = std::min<std::uint64_t>(limit_bytes - copied, kBufferBytes);
    const ssize_t count = ::read(from, buffer.get(), static_cast<std::size_t>(wanted));
    if (count == 0) return {};
    if (count < 0) {
      if (errno == EINTR) continue;
      return fail_errno("read the file to be copied");
    }
    TRY_VOID(write_all(to, buffer.get(), static_cast<std::size_t>(count)));
    copied += static_cast<std::uint64_t>(count);
  }
  return {};
}

}  // namespace

Result<std::uint64_t> copy_bytes(int from, int to, std::uint64_t limit_bytes) {
  std::uint64_t copied = 0;
  // Some file systems answer 0 here for a file that has bytes, so that 0 is no proof of the end:
  // only read() decides that.
  TRY_VOID(copy_in_kernel("copy_file_range", limit_bytes, copied, [&](std::size_t count) {
    return ::copy_file_range(from, nullptr, to, nullptr, count, 0);
  }));
  TRY_VOID(copy_in_kernel("sendfile", limit_bytes, copied,
                          [&](std::size_t count) { return ::sendfile(to, from, nullptr, count); }));
  TRY_VOID(copy_by_buffer(from, to, limit_bytes, copied));
  return copied;
}

Result<void> write_all(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t count = ::write(fd, bytes, size);
    if (count < 0) {
      if (errno == EINTR) continue;
      return fail_errno("write");
    }
    bytes += count;
    size -= static_cast<std::size_t>(count);
  }
  return {};
}

}  // namespace cloister::blob
