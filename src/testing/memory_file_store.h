// A FileStore without disk and database.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/file_store.h"

namespace cloister::fakes {

struct MemoryFileStoreLimits {
  std::uint64_t file_bytes_max = std::uint64_t{100} << 20;
  Milliseconds time_to_live = std::chrono::hours(1);
};

// Behaves as engine::StoredFiles does. Thread safe.
class MemoryFileStore final : public engine::FileStore {
 public:
  // `clock` is not owned and must outlive the store.
  explicit MemoryFileStore(const Clock& clock, MemoryFileStoreLimits limits = {})
      : clock_(clock), limits_(limits) {}

  Result<std::unique_ptr<engine::FileUpload>> create(std::string_view tenant,
                                                     std::uint64_t limit_bytes = 0) override;
  Result<engine::OpenedFile> open(std::string_view tenant, std::string_view id) override;
  Result<std::vector<engine::FileRecord>> list(std::string_view tenant) override;
  Result<void> remove(std::string_view tenant, std::string_view id) override;
  Result<std::size_t> sweep() override;

  // Short cuts for tests.
  std::string add(std::string_view tenant, std::string_view name, std::string_view bytes);
  std::string content(std::string_view tenant, std::string_view id);
  // After `successes` more of them, every commit() fails with `error`.
  void fail_commits_after(std::size_t successes, Error error);
  std::size_t size() const;
  // Of one tenant, expired ones not counted.
  std::size_t size(std::string_view tenant) { return list(tenant).value().size(); }

 private:
  class Upload;
  struct Entry {
    engine::FileRecord record;
    std::string bytes;
  };
  Result<engine::FileRecord> commit(std::string tenant, const std::string& name, std::string bytes,
                                    std::optional<WallTime> expires_at);
  // Requires mutex_. The end when there is none, or it is another tenant's, or it has expired.
  std::map<std::string, Entry, std::less<>>::iterator find(std::string_view tenant,
                                                           std::string_view id);

  const Clock& clock_;
  const MemoryFileStoreLimits limits_;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::map<std::string, Entry, std::less<>> entries_;
  std::optional<Error> commit_error_;
  std::size_t commits_before_error_ = 0;
};

}  // namespace cloister::fakes
