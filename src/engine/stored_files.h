// The FileStore over a blob store and the metadata store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "blob/blob_store.h"
#include "engine/file_store.h"
#include "store/file_table.h"

namespace cloister::engine {

struct StoredFilesLimits {
  std::uint64_t upload_bytes_max = std::uint64_t{100} << 20;  // A file that came by append().
  // A file that came by append_from(): made inside, by a sandbox that has limits of its own.
  std::uint64_t copy_bytes_max = std::uint64_t{1} << 30;
  Milliseconds time_to_live = std::chrono::hours(1);  // From commit().
};

// Thread safe. A file appears with its record, after its bytes; it disappears with its record,
// before its bytes. So a crash in between leaves bytes without a record, never the reverse, and
// recover() removes them.
class StoredFiles final : public FileStore {
 public:
  // Nothing is owned; all must outlive this object and every FileUpload of it.
  StoredFiles(blob::BlobStore& blobs, store::FileTable& table, const Clock& clock,
              StoredFilesLimits limits);

  Result<std::unique_ptr<FileUpload>> create(std::string_view tenant,
                                             std::uint64_t limit_bytes = 0) override;
  Result<OpenedFile> open(std::string_view tenant, std::string_view id) override;
  Result<std::vector<FileRecord>> list(std::string_view tenant) override;
  Result<void> remove(std::string_view tenant, std::string_view id) override;
  // Also lets the database do its upkeep.
  Result<std::size_t> sweep() override;

  // To be called at start, before anything else: removes what has expired, records whose bytes are
  // not there or not whole (the machine died), and bytes without a record that are older than an
  // hour. Returns how many of each kind.
  struct Recovered {
    std::size_t expired = 0;
    std::size_t broken_records = 0;
    std::size_t orphaned_blobs = 0;
  };
  Result<Recovered> recover();

 private:
  Result<void> remove_bytes(std::string_view id);
  Result<std::size_t> remove_broken_records();
  Result<std::size_t> remove_orphaned_blobs();

  blob::BlobStore& blobs_;
  store::FileTable& table_;
  const Clock& clock_;
  const StoredFilesLimits limits_;
};

}  // namespace cloister::engine
