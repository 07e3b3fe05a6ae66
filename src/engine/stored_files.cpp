#include "engine/stored_files.h"

#include <unordered_set>
#include <utility>

#include "base/id.h"
#include "base/utf8.h"

namespace cloister::engine {
namespace {

constexpr std::chrono::hours kOrphanAge{1};

tl::unexpected<Error> no_such_file(std::string_view id) {
  return fail(ErrorCode::kNotFound, "File with ID '" + repair_utf8(id) + "' not found");
}

tl::unexpected<Error> too_large(std::uint64_t limit_bytes) {
  return fail(ErrorCode::kTooLarge,
              "The file is larger than the maximum of " + std::to_string(limit_bytes) + " bytes");
}

FileRecord to_record(store::FileRow row) {
  return {std::move(row.id), std::move(row.tenant), std::move(row.name),
          row.size_bytes,    row.created_at,        row.expires_at};
}

class StoredUpload final : public FileUpload {
 public:
  StoredUpload(std::unique_ptr<blob::BlobWriter> writer, blob::BlobStore& blobs,
               store::FileTable& table, const Clock& clock, const StoredFilesLimits& limits,
               std::string tenant, std::uint64_t limit_bytes)
      : writer_(std::move(writer)),
        blobs_(blobs),
        table_(table),
        clock_(clock),
        time_to_live_(limits.time_to_live),
        upload_bytes_max_(limit_bytes > 0 ? limit_bytes : limits.upload_bytes_max),
        copy_bytes_max_(limit_bytes > 0 ? limit_bytes : limits.copy_bytes_max),
        tenant_(std::move(tenant)) {}

  Result<void> append(std::string_view bytes) override {
    const std::uint64_t size = writer_->size_bytes();
    if (size > upload_bytes_max_ || bytes.size() > upload_bytes_max_ - size) {
      return too_large(upload_bytes_max_);
    }
    return writer_->append(bytes);
  }

  Result<void> append_from(int fd) override {
    const std::uint64_t size = writer_->size_bytes();
    const std::uint64_t room = copy_bytes_max_ - std::min(size, copy_bytes_max_);
    // One byte beyond the limit tells a file that fits exactly from one that does not.
    const std::uint64_t copied = TRY(writer_->append_from(fd, room + 1));
    if (copied > room) return too_large(copy_bytes_max_);
    return {};
  }

  std::uint64_t size_bytes() const override { return writer_->size_bytes(); }

  Result<FileRecord> commit(std::string name, std::optional<WallTime> expires_at) override {
    if (!is_valid_utf8(name)) name = repair_utf8(name);
    const std::string id = random_uuid();
    TRY_VOID(writer_->commit(id));
    const WallTime now = clock_.wall_now();
    store::FileRow row{id,
                       tenant_,
                       std::move(name),
                       writer_->size_bytes(),
                       now,
                       expires_at.value_or(now + time_to_live_)};
    auto inserted = table_.insert(row);
    if (!inserted) {
      // Nobody knows the id yet. What cannot be removed now, recover() removes at the next start.
      static_cast<void>(blobs_.remove(id));
      return fail(std::move(inserted).error().with("record of a stored file"));
    }
    return to_record(std::move(row));
  }

 private:
  const std::unique_ptr<blob::BlobWriter> writer_;
  blob::BlobStore& blobs_;
  store::FileTable& table_;
  const Clock& clock_;
  const Milliseconds time_to_live_;
  const std::uint64_t upload_bytes_max_;
  const std::uint64_t copy_bytes_max_;
  const std::string tenant_;
};

}  // namespace

StoredFiles::StoredFiles(blob::BlobStore& blobs, store::FileTable& table, const Clock& clock,
                         StoredFilesLimits limits)
    : blobs_(blobs), table_(table), clock_(clock), limits_(limits) {}

Result<std::unique_ptr<FileUpload>> StoredFiles::create(std::string_view tenant,
                                                        std::uint64_t limit_bytes) {
  auto writer = TRY(blobs_.create());
  return std::make_unique<StoredUpload>(std::move(writer), blobs_, table_, clock_, limits_,
                                        std::string(tenant), limit_bytes);
}

Result<OpenedFile> StoredFiles::open(std::string_view tenant, std::string_view id) {
  if (!is_uuid(id)) return no_such_file(id);
  auto row = TRY(table_.find(tenant, id, clock_.wall_now()));
  if (!row) return no_such_file(id);
  auto blob = blobs_.open(id);
  if (!blob) {
    // Removed since the record was read.
    if (blob.error().code == ErrorCode::kNotFound) return no_such_file(id);
    return fail(std::move(blob).error());
  }
  return OpenedFile{to_record(std::move(*row)), std::move(blob->content)};
}

Result<std::vector<FileRecord>> StoredFiles::list(std::string_view tenant) {
  std::vector<FileRecord> records;
  for (store::FileRow& row : TRY(table_.list(tenant, clock_.wall_now()))) {
    records.push_back(to_record(std::move(row)));
  }
  return records;
}

Result<void> StoredFiles::remove_bytes(std::string_view id) {
  auto removed = blobs_.remove(id);
  if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
  return {};
}

Result<void> StoredFiles::remove(std::string_view tenant, std::string_view id) {
  if (!is_uuid(id)) return no_such_file(id);
  if (!TRY(table_.remove(tenant, id, clock_.wall_now()))) return no_such_file(id);
  return remove_bytes(id);
}

Result<std::size_t> StoredFiles::sweep() {
  const std::vector<std::string> ids = TRY(table_.remove_expired(clock_.wall_now()));
  Result<std::size_t> swept = ids.size();
  for (const std::string& id : ids) {
    // One that cannot be removed must not keep the others.
    if (auto removed = remove_bytes(id); !removed) swept = fail(std::move(removed).error());
  }
  if (auto maintained = table_.maintain(); !maintained) swept = fail(std::move(maintained).error());
  return swept;
}

Result<std::size_t> StoredFiles::remove_broken_records() {
  std::size_t count = 0;
  for (const store::FileRow& row : TRY(table_.list_all())) {
    auto blob = blobs_.open(row.id);
    if (blob && blob->size_bytes == row.size_bytes) continue;
    if (!blob && blob.error().code != ErrorCode::kNotFound) return fail(std::move(blob).error());
    TRY_VOID(table_.remove_any(row.id));
    TRY_VOID(remove_bytes(row.id));
    ++count;
  }
  return count;
}

Result<std::size_t> StoredFiles::remove_orphaned_blobs() {
  std::unordered_set<std::string> known;
  for (store::FileRow& row : TRY(table_.list_all()))
    known.insert(std::move(row.id));
  const WallTime newest = clock_.wall_now() - kOrphanAge;
  std::size_t count = 0;
  TRY_VOID(blobs_.visit([&](const blob::BlobInfo& info) -> Result<void> {
    if (info.modified_at > newest || known.contains(info.id)) return {};
    ++count;
    return remove_bytes(info.id);
  }));
  return count;
}

Result<StoredFiles::Recovered> StoredFiles::recover() {
  Recovered recovered;
  recovered.expired = TRY(sweep());
  recovered.broken_records = TRY(remove_broken_records());
  recovered.orphaned_blobs = TRY(remove_orphaned_blobs());
  return recovered;
}

}  // namespace cloister::engine
