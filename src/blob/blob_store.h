// Bytes under an id. What the bytes are, whose, and for how long is kept elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace cloister::blob {

struct BlobInfo {
  std::string id;
  std::uint64_t size_bytes = 0;
  WallTime modified_at{};
};

struct OpenedBlob {
  UniqueFd content;  // Read-only, at the beginning. Stays readable when the blob is removed.
  std::uint64_t size_bytes = 0;
};

// A blob that is being written. Used by one thread. Dropping it without commit() leaves nothing
// behind. Must not outlive its store.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  // kUnavailable when the storage is full.
  virtual Result<void> append(std::string_view bytes) = 0;
  // Copies a file from its current offset to its end, `limit_bytes` at most, in the kernel where
  // possible. Returns how many bytes were copied.
  virtual Result<std::uint64_t> append_from(int fd, std::uint64_t limit_bytes) = 0;
  virtual std::uint64_t size_bytes() const = 0;
  // Makes the bytes visible under `id`, all at once. To be called once, last. kConflict when the id
  // is taken, kInvalidArgument when it is not a UUID.
  virtual Result<void> commit(std::string_view id) = 0;
};

// Thread safe. An `id` may be any text; what is not the id of a blob gives kNotFound.
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  virtual Result<std::unique_ptr<BlobWriter>> create() = 0;
  virtual Result<OpenedBlob> open(std::string_view id) = 0;
  virtual Result<void> remove(std::string_view id) = 0;
  // Calls `visitor` for every blob, in no order; stops at its first error. Blobs that come or go
  // meanwhile may be missed. The visitor may remove the blob that it is given.
  virtual Result<void> visit(const std::function<Result<void>(const BlobInfo&)>& visitor) = 0;
};

}  // namespace cloister::blob
