// Stored files: bytes with an id, a name and an owner, deleted when their time to live is over.
//
// Metadata is in the metadata store, bytes in the blob store. A file exists from the moment its
// record is committed, which is after its bytes are durable. Thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace cloister::engine {

struct FileRecord {
  std::string id;      // Random UUID, version 4.
  std::string tenant;  // Every look-up is qualified by it.
  std::string name;  // Valid UTF-8 as the client sent it, or the workspace path; never a host path.
  std::uint64_t size_bytes = 0;
  WallTime created_at{};
  WallTime expires_at{};
};

struct OpenedFile {
  FileRecord record;
  UniqueFd content;  // Read-only, at the beginning.
};

// Bytes on their way into the store. Dropping it without commit() leaves nothing behind.
class FileUpload {
 public:
  virtual ~FileUpload() = default;
  // kTooLarge once the limit of the upload is passed; kUnavailable when the disk is full.
  virtual Result<void> append(std::string_view bytes) = 0;
  // Copies a regular file from its current offset to its end, in the kernel where possible.
  virtual Result<void> append_from(int fd) = 0;
  virtual std::uint64_t size_bytes() const = 0;
  // Makes bytes and record durable. To be called once, last. Without a time the file lives as long
  // as files of the store do.
  virtual Result<FileRecord> commit(std::string name,
                                    std::optional<WallTime> expires_at = std::nullopt) = 0;
};

class FileStore {
 public:
  virtual ~FileStore() = default;
  // `limit_bytes` bounds the file, however its bytes come; 0: the store's own limits.
  virtual Result<std::unique_ptr<FileUpload>> create(std::string_view tenant,
                                                     std::uint64_t limit_bytes = 0) = 0;
  // `id` may be any text; what is not an existing id of this tenant gives kNotFound.
  virtual Result<OpenedFile> open(std::string_view tenant, std::string_view id) = 0;
  virtual Result<std::vector<FileRecord>> list(std::string_view tenant) = 0;
  virtual Result<void> remove(std::string_view tenant, std::string_view id) = 0;
  // Deletes what has expired; returns how many.
  virtual Result<std::size_t> sweep() = 0;
};

}  // namespace cloister::engine
