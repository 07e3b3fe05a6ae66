#include "testing/memory_file_store.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "base/id.h"
#include "base/utf8.h"
#include "testing/memory_file.h"

namespace cloister::fakes {
namespace {

tl::unexpected<Error> no_such_file(std::string_view id) {
  return fail(ErrorCode::kNotFound, "File with ID '" + repair_utf8(id) + "' not found");
}

}  // namespace

class MemoryFileStore::Upload final : public engine::FileUpload {
 public:
  Upload(MemoryFileStore& store, std::string tenant, std::uint64_t limit_bytes)
      : store_(store),
        tenant_(std::move(tenant)),
        limit_bytes_(limit_bytes > 0 ? limit_bytes : store.limits_.file_bytes_max) {}

  Result<void> append(std::string_view bytes) override {
    if (bytes.size() > limit_bytes_ - bytes_.size()) {
      return fail(ErrorCode::kTooLarge, "The file is larger than the maximum.");
    }
    bytes_ += bytes;
    return {};
  }

  Result<void> append_from(int fd) override {
    std::array<char, 16384> buffer{};
    while (true) {
      const ssize_t count = ::read(fd, buffer.data(), buffer.size());
      if (count < 0) return fail_errno("read");
      if (count == 0) return {};
      TRY_VOID(append({buffer.data(), static_cast<std::size_t>(count)}));
    }
  }

  std::uint64_t size_bytes() const override { return bytes_.size(); }

  Result<engine::FileRecord> commit(std::string name, std::optional<WallTime> expires_at) override {
    return store_.commit(tenant_, name, std::move(bytes_), expires_at);
  }

 private:
  MemoryFileStore& store_;
  const std::string tenant_;
  const std::uint64_t limit_bytes_;
  std::string bytes_;
};

Result<std::unique_ptr<engine::FileUpload>> MemoryFileStore::create(std::string_view tenant,
                                                                    std::uint64_t limit_bytes) {
  return std::make_unique<Upload>(*this, std::string(tenant), limit_bytes);
}

Result<engine::FileRecord> MemoryFileStore::commit(std::string tenant, const std::string& name,
                                                   std::string bytes,
                                                   std::optional<WallTime> expires_at) {
  const WallTime now = clock_.wall_now();
  const std::lock_guard lock(mutex_);
  if (commit_error_ && commits_before_error_ == 0) return fail(*commit_error_);
  if (commit_error_) --commits_before_error_;
  engine::FileRecord record{random_uuid(),
                            std::move(tenant),
                            repair_utf8(name),
                            bytes.size(),
                            now,
                            expires_at.value_or(now + limits_.time_to_live)};
  entries_.emplace(record.id, Entry{record, std::move(bytes)});
  return record;
}

std::map<std::string, MemoryFileStore::Entry, std::less<>>::iterator MemoryFileStore::find(
    std::string_view tenant, std::string_view id) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.record.tenant != tenant) return entries_.end();
  if (found->second.record.expires_at <= clock_.wall_now()) return entries_.end();
  return found;
}

Result<engine::OpenedFile> MemoryFileStore::open(std::string_view tenant, std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto found = find(tenant, id);
  if (found == entries_.end()) return no_such_file(id);
  return engine::OpenedFile{found->second.record, memory_file(found->second.bytes)};
}

Result<std::vector<engine::FileRecord>> MemoryFileStore::list(std::string_view tenant) {
  const std::lock_guard lock(mutex_);
  std::vector<engine::FileRecord> records;
  for (const auto& [id, entry] : entries_) {
    if (find(tenant, id) != entries_.end()) records.push_back(entry.record);
  }
  return records;
}

Result<void> MemoryFileStore::remove(std::string_view tenant, std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto found = find(tenant, id);
  if (found == entries_.end()) return no_such_file(id);
  entries_.erase(found);
  return {};
}

Result<std::size_t> MemoryFileStore::sweep() {
  const std::lock_guard lock(mutex_);
  const WallTime now = clock_.wall_now();
  return std::erase_if(entries_,
                       [now](const auto& item) { return item.second.record.expires_at <= now; });
}

std::string MemoryFileStore::add(std::string_view tenant, std::string_view name,
                                 std::string_view bytes) {
  return commit(std::string(tenant), std::string(name), std::string(bytes), std::nullopt)
      .value()
      .id;
}

std::string MemoryFileStore::content(std::string_view tenant, std::string_view id) {
  return read_file(open(tenant, id).value().content.get());
}

void MemoryFileStore::fail_commits_after(std::size_t successes, Error error) {
  const std::lock_guard lock(mutex_);
  commit_error_ = std::move(error);
  commits_before_error_ = successes;
}

std::size_t MemoryFileStore::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace cloister::fakes
