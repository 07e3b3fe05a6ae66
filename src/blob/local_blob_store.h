// Blobs as files of one directory of this machine.
//
// Layout, everything mode 0700 or 0600 and owned by this process:
//   <directory>/lock        held by the process that uses the directory
//   <directory>/tmp/        files that are being written
//   <directory>/ab/<id>     blobs, by the first two digits of the id
//
// What is promised. A blob is written under tmp/ and moved to its place by one rename, so it is
// whole or not there. After commit() returned:
//   - the death of this process at any moment, also by SIGKILL, loses nothing: the bytes are in the
//     kernel's page cache and the rename has happened;
//   - the death of the machine (power, kernel) may lose or empty the blobs of the last seconds
//   under
//     Durability::kProcessDeath, which costs no disk flush, and loses nothing under
//     Durability::kMachineDeath, which flushes the file and its directories in every commit() and
//     so takes milliseconds, or tens of them, a blob.
// What a dead process left in tmp/ is removed by open_directory().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "blob/blob_store.h"

namespace cloister::blob {

enum class Durability { kProcessDeath, kMachineDeath };

struct LocalBlobSettings {
  std::string directory;  // Made when it is not there, with its parents.
  Durability durability = Durability::kProcessDeath;
};

// Thread safe. One process at a time uses a directory.
class LocalBlobStore final : public BlobStore {
 public:
  // kConflict when another process uses the directory; kPermission when it belongs to another user.
  static Result<std::unique_ptr<LocalBlobStore>> open_directory(LocalBlobSettings settings);

  Result<std::unique_ptr<BlobWriter>> create() override;
  Result<OpenedBlob> open(std::string_view id) override;
  Result<void> remove(std::string_view id) override;
  Result<void> visit(const std::function<Result<void>(const BlobInfo&)>& visitor) override;

 private:
  LocalBlobStore(LocalBlobSettings settings, UniqueFd root, UniqueFd temporary, UniqueFd lock);

  // Constant after construction:
  const LocalBlobSettings settings_;
  const UniqueFd root_;
  const UniqueFd temporary_;
  const UniqueFd lock_;
};

}  // namespace cloister::blob
