// The records of stored files. Thread safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "store/database.h"

namespace cloister::store {

struct FileRow {
  std::string id;
  std::string tenant;
  std::string name;  // Valid UTF-8.
  std::uint64_t size_bytes = 0;
  WallTime created_at{};
  WallTime expires_at{};
};

class FileTable {
 public:
  // Not owned; must outlive the table.
  explicit FileTable(Database& database) : database_(database) {}

  // kConflict when the id is taken.
  Result<void> insert(const FileRow& row);
  // Only what has not expired at `now`.
  Result<std::optional<FileRow>> find(std::string_view tenant, std::string_view id, WallTime now);
  // Only what has not expired at `now`, oldest first.
  Result<std::vector<FileRow>> list(std::string_view tenant, WallTime now);
  // All tenants, expired ones too.
  Result<std::vector<FileRow>> list_all();
  // True when there was such a record, not expired at `now`.
  Result<bool> remove(std::string_view tenant, std::string_view id, WallTime now);
  // Whatever its tenant and expiry.
  Result<void> remove_any(std::string_view id);
  // Removes what has expired at `now`; returns the ids.
  Result<std::vector<std::string>> remove_expired(WallTime now);

  // Database::maintain(), for the one who calls remove_expired() from time to time.
  Result<void> maintain() { return database_.maintain(); }

 private:
  Database& database_;
};

}  // namespace cloister::store
