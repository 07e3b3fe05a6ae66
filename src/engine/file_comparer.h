// Compares the bytes of two files without a change of their offsets. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.h"

namespace cloister::engine {

class FileComparer {
 public:
  // True when both files have the same `size` bytes at their beginning.
  Result<bool> have_same_bytes(int ours, int theirs, std::uint64_t size);

 private:
  std::unique_ptr<char[]> buffer_;  // Made when the first comparison needs it.
};

}  // namespace cloister::engine
