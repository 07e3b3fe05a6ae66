// Copies bytes between descriptors without a way through user space where the kernel can.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace cloister::blob {

// Copies from the current offset of `from` to its end, `limit_bytes` at most, to the current offset
// of `to`, and returns how many. Tries copy_file_range(2), then sendfile(2), then read and write;
// each goes on where the one before it stopped.
Result<std::uint64_t> copy_bytes(int from, int to, std::uint64_t limit_bytes);

// Writes all of the bytes.
Result<void> write_all(int fd, const char* bytes, std::size_t size);

}  // namespace cloister::blob
