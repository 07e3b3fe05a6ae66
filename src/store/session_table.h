// The records of sessions, those that are over included. Thread safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "store/database.h"

namespace cloister::store {

struct SessionRow {
  std::string id;
  std::string tenant;
  WallTime created_at{};
  WallTime expires_at{};
  std::optional<WallTime> ended_at;
  std::string end_reason;  // Empty while the session lives.
};

class SessionTable {
 public:
  // Not owned; must outlive the table.
  explicit SessionTable(Database& database) : database_(database) {}

  // Of a session that begins: `ended_at` and `end_reason` are not looked at.
  Result<void> insert(const SessionRow& row);
  Result<std::optional<SessionRow>> find(std::string_view tenant, std::string_view id);
  // Does nothing for a session that has ended.
  Result<void> mark_ended(std::string_view id, WallTime at, std::string_view reason);
  // All that have not ended; returns how many.
  Result<std::size_t> mark_all_ended(WallTime at, std::string_view reason);
  // Removes the records of sessions that ended before `before`; returns how many.
  Result<std::size_t> remove_ended_before(WallTime before);

 private:
  Database& database_;
};

}  // namespace cloister::store
