#include "store/file_table.h"

#include <array>
#include <utility>

namespace cloister::store {
namespace {

FileRow read_row(const Row& row) {
  return {row.text(0), row.text(1), row.text(2), static_cast<std::uint64_t>(row.number(3)),
          row.time(4), row.time(5)};
}

Result<std::vector<FileRow>> read_rows(Database& database, std::string_view statement,
                                       std::span<const Value> parameters) {
  std::vector<FileRow> rows;
  TRY_VOID(database.query(statement, parameters, [&](const Row& row) -> Result<void> {
    rows.push_back(read_row(row));
    return {};
  }));
  return rows;
}

}  // namespace

Result<void> FileTable::insert(const FileRow& row) {
  const std::array<Value, 6> values{row.id,         row.tenant,
                                    row.name,       static_cast<std::int64_t>(row.size_bytes),
                                    row.created_at, row.expires_at};
  TRY_VOID(
      database_.execute("INSERT INTO files (id, tenant, name, size_bytes, created_at, expires_at) "
                        "VALUES ($1, $2, $3, $4, $5, $6)",
                        values));
  return {};
}

Result<std::optional<FileRow>> FileTable::find(std::string_view tenant, std::string_view id,
                                               WallTime now) {
  const std::array<Value, 3> values{tenant, id, now};
  std::vector<FileRow> rows =
      TRY(read_rows(database_,
                    "SELECT id, tenant, name, size_bytes, created_at, expires_at FROM files "
                    "WHERE tenant = $1 AND id = $2 AND expires_at > $3",
                    values));
  if (rows.empty()) return std::optional<FileRow>();
  return std::optional<FileRow>(std::move(rows.front()));
}

Result<std::vector<FileRow>> FileTable::list(std::string_view tenant, WallTime now) {
  const std::array<Value, 2> values{tenant, now};
  return read_rows(database_,
                   "SELECT id, tenant, name, size_bytes, created_at, expires_at FROM files "
                   "WHERE tenant = $1 AND expires_at > $2 ORDER BY created_at, id",
                   values);
}

Result<std::vector<FileRow>> FileTable::list_all() {
  return read_rows(database_,
                   "SELECT id, tenant, name, size_bytes, created_at, expires_at FROM files", {});
}

Result<bool> FileTable::remove(std::string_view tenant, std::string_view id, WallTime now) {
  const std::array<Value, 3> values{tenant, id, now};
  const std::size_t removed = TRY(database_.execute(
      "DELETE FROM files WHERE tenant = $1 AND id = $2 AND expires_at > $3", values));
  return removed > 0;
}

Result<void> FileTable::remove_any(std::string_view id) {
  const std::array<Value, 1> values{id};
  TRY_VOID(database_.execute("DELETE FROM files WHERE id = $1", values));
  return {};
}

Result<std::vector<std::string>> FileTable::remove_expired(WallTime now) {
  std::vector<std::string> ids;
  TRY_VOID(database_.write([&](Connection& connection) {
    const std::array<Value, 1> values{now};
    return connection.query("DELETE FROM files WHERE expires_at <= $1 RETURNING id", values,
                            [&](const Row& row) -> Result<void> {
                              ids.push_back(row.text(0));
                              return {};
                            });
  }));
  return ids;
}

}  // namespace cloister::store
