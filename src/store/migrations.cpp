#include "store/migrations.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "embedded/store_migrations.h"

namespace cloister::store {
namespace {

struct Applied {
  std::string name;
  std::string checksum;
};

constexpr std::string_view kTable =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "name TEXT NOT NULL PRIMARY KEY, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL)";

Result<std::vector<Applied>> read_applied(Connection& connection) {
  std::vector<Applied> applied;
  TRY_VOID(connection.query("SELECT name, checksum FROM schema_migrations ORDER BY name", {},
                            [&](const Row& row) -> Result<void> {
                              applied.push_back({row.text(0), row.text(1)});
                              return {};
                            }));
  return applied;
}

// What is applied must be a prefix of what is known, unchanged.
Result<void> check_applied(const std::vector<Applied>& applied,
                           std::span<const Migration> migrations) {
  for (std::size_t i = 0; i < applied.size(); ++i) {
    if (i >= migrations.size() || applied[i].name != migrations[i].name) {
      return fail(ErrorCode::kConflict,
                  "The database has the migration " + applied[i].name +
                      ", which this program does not know at this place; use a newer program");
    }
    if (applied[i].checksum != checksum_of(migrations[i].script)) {
      return fail(ErrorCode::kConflict, "The migration " + applied[i].name +
                                            " was changed after it had been applied to the "
                                            "database; restore the released text");
    }
  }
  return {};
}

Result<void> apply(Connection& connection, const Migration& migration, const Clock& clock) {
  TRY_VOID(connection.run_script(migration.script));
  const std::string checksum = checksum_of(migration.script);
  const std::array<Value, 3> values{migration.name, checksum, clock.wall_now()};
  TRY_VOID(connection.execute(
      "INSERT INTO schema_migrations (name, checksum, applied_at) VALUES ($1, $2, $3)", values));
  return {};
}

// True when nothing was missing. Reads the state again, as another process may be migrating, too.
Result<bool> apply_next(Connection& connection, std::span<const Migration> migrations,
                        const Clock& clock) {
  const std::vector<Applied> applied = TRY(read_applied(connection));
  TRY_VOID(check_applied(applied, migrations));
  if (applied.size() == migrations.size()) return true;
  const Migration& next = migrations[applied.size()];
  auto done = apply(connection, next, clock);
  if (!done) return fail(std::move(done).error().with("migration " + std::string(next.name)));
  return false;
}

}  // namespace

std::span<const Migration> built_in_migrations() {
  static const std::array<Migration, 2> migrations{{
      {"0001_files_and_sessions", embedded::store_migrations::n0001_files_and_sessions_sql()},
      {"0002_stored_sessions", embedded::store_migrations::n0002_stored_sessions_sql()},
  }};
  return migrations;
}

std::string checksum_of(std::string_view script) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char character : script) {
    hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3U;
  }
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

Result<void> migrate(Database& database, std::span<const Migration> migrations,
                     const Clock& clock) {
  TRY_VOID(database.execute(kTable, {}));
  bool complete = false;
  while (!complete) {
    auto step = database.write([&](Connection& connection) -> Result<void> {
      complete = TRY(apply_next(connection, migrations, clock));
      return {};
    });
    if (!step) return step;
  }
  return {};
}

}  // namespace cloister::store
