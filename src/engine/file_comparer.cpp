#include "engine/file_comparer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace cloister::engine {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{128} << 10;

// As many bytes as there are, up to `size`; does not move the offset.
Result<std::size_t> read_block(int fd, char* buffer, std::size_t size, std::uint64_t offset) {
  std::size_t count = 0;
  while (count < size) {
    const ssize_t part =
        ::pread(fd, buffer + count, size - count, static_cast<off_t>(offset + count));
    if (part == 0) break;
    if (part < 0) {
      if (errno == EINTR) continue;
      return fail_errno("read a file to compare it");
    }
    count += static_cast<std::size_t>(part);
  }
  return count;
}

}  // namespace

Result<bool> FileComparer::have_same_bytes(int ours, int theirs, std::uint64_t size) {
  if (!buffer_) buffer_ = std::make_unique<char[]>(2 * kBlockBytes);
  char* const our_block = buffer_.get();
  char* const their_block = buffer_.get() + kBlockBytes;
  for (std::uint64_t offset = 0; offset < size; offset += kBlockBytes) {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(size - offset, kBlockBytes));
    const std::size_t our_size = TRY(read_block(ours, our_block, wanted, offset));
    const std::size_t their_size = TRY(read_block(theirs, their_block, wanted, offset));
    if (our_size != wanted || their_size != wanted) return false;
    if (std::memcmp(our_block, their_block, wanted) != 0) return false;
  }
  return true;
}

}  // namespace cloister::engine
