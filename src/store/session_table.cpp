#include "store/session_table.h"

#include <array>

namespace cloister::store {

Result<void> SessionTable::insert(const SessionRow& row) {
  const std::array<Value, 4> values{row.id, row.tenant, row.created_at, row.expires_at};
  TRY_VOID(database_.execute(
      "INSERT INTO sessions (id, tenant, created_at, expires_at) VALUES ($1, $2, $3, $4)", values));
  return {};
}

Result<std::optional<SessionRow>> SessionTable::find(std::string_view tenant, std::string_view id) {
  const std::array<Value, 2> values{tenant, id};
  std::optional<SessionRow> found;
  TRY_VOID(database_.query(
      "SELECT id, tenant, created_at, expires_at, ended_at, end_reason FROM sessions "
      "WHERE tenant = $1 AND id = $2",
      values, [&](const Row& row) -> Result<void> {
        found = SessionRow{row.text(0), row.text(1),          row.time(2),
                           row.time(3), row.optional_time(4), row.text(5)};
        return {};
      }));
  return found;
}

Result<void> SessionTable::mark_ended(std::string_view id, WallTime at, std::string_view reason) {
  const std::array<Value, 3> values{at, reason, id};
  TRY_VOID(database_.execute(
      "UPDATE sessions SET ended_at = $1, end_reason = $2 WHERE id = $3 AND ended_at IS NULL",
      values));
  return {};
}

Result<std::size_t> SessionTable::mark_all_ended(WallTime at, std::string_view reason) {
  const std::array<Value, 2> values{at, reason};
  return database_.execute(
      "UPDATE sessions SET ended_at = $1, end_reason = $2 WHERE ended_at IS NULL", values);
}

Result<std::size_t> SessionTable::remove_ended_before(WallTime before) {
  const std::array<Value, 1> values{before};
  return database_.execute("DELETE FROM sessions WHERE ended_at < $1", values);
}

}  // namespace cloister::store
