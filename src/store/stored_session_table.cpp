#include "store/stored_session_table.h"

#include <array>
#include <utility>

namespace cloister::store {
namespace {

#define SESSION_COLUMNS "tenant, id, language, runs, created_at, last_used_at, expires_at"
#define FILE_COLUMNS                                               \
  "id, tenant, session_id, path, file_id, size_bytes, is_current," \
  " is_read_only, is_executable, created_at"

StoredSessionRow read_session(const Row& row) {
  StoredSessionRow session;
  session.tenant = row.text(0);
  session.id = row.text(1);
  session.language = row.text(2);
  session.runs = static_cast<std::uint64_t>(row.number(3));
  session.created_at = row.time(4);
  session.last_used_at = row.time(5);
  session.expires_at = row.time(6);
  return session;
}

SessionFileRow read_file(const Row& row) {
  SessionFileRow file;
  file.id = row.text(0);
  file.tenant = row.text(1);
  file.session_id = row.text(2);
  file.path = row.text(3);
  file.file_id = row.text(4);
  file.size_bytes = static_cast<std::uint64_t>(row.number(5));
  file.is_current = row.number(6) != 0;
  file.is_read_only = row.number(7) != 0;
  file.is_executable = row.number(8) != 0;
  file.created_at = row.time(9);
  return file;
}

// `source` is a Database or a Connection.
template <typename Source>
Result<std::vector<StoredSessionRow>> read_sessions(Source& source, std::string_view statement,
                                                    std::span<const Value> parameters) {
  std::vector<StoredSessionRow> rows;
  TRY_VOID(source.query(statement, parameters, [&](const Row& row) -> Result<void> {
    rows.push_back(read_session(row));
    return {};
  }));
  return rows;
}

template <typename Source>
Result<std::vector<SessionFileRow>> read_files(Source& source, std::string_view statement,
                                               std::span<const Value> parameters) {
  std::vector<SessionFileRow> rows;
  TRY_VOID(source.query(statement, parameters, [&](const Row& row) -> Result<void> {
    rows.push_back(read_file(row));
    return {};
  }));
  return rows;
}

template <typename Source>
Result<std::int64_t> read_number(Source& source, std::string_view statement,
                                 std::span<const Value> parameters) {
  std::int64_t number = 0;
  TRY_VOID(source.query(statement, parameters, [&](const Row& row) -> Result<void> {
    number = row.number(0);
    return {};
  }));
  return number;
}

template <typename T>
std::optional<T> first_of(std::vector<T> rows) {
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

// One transaction; its value when it is committed.
template <typename T, typename Work>
Result<T> write_returning(Database& database, Work work) {
  T value{};
  auto written = database.write([&](Connection& connection) -> Result<void> {
    auto done = work(connection);
    if (!done) return fail(std::move(done).error());
    value = std::move(*done);
    return {};
  });
  if (!written) return fail(std::move(written).error());
  return value;
}

Result<std::optional<std::vector<SessionFileRow>>> remove_session(Connection& connection,
                                                                  const StoredSessionRow& session) {
  const std::array<Value, 3> same{session.tenant, session.id, session.created_at};
  const std::int64_t found = TRY(read_number(connection,
                                             "SELECT COUNT(*) FROM stored_sessions "
                                             "WHERE tenant = $1 AND id = $2 AND created_at = $3",
                                             same));
  if (found == 0) return std::optional<std::vector<SessionFileRow>>();
  const std::array<Value, 2> key{session.tenant, session.id};
  std::optional<std::vector<SessionFileRow>> removed =
      TRY(read_files(connection,
                     "DELETE FROM session_files WHERE tenant = $1 AND session_id = $2 "
                     "RETURNING " FILE_COLUMNS,
                     key));
  TRY_VOID(connection.execute("DELETE FROM stored_sessions WHERE tenant = $1 AND id = $2", key));
  return removed;
}

// One set of changes within its transaction.
class Application {
 public:
  Application(Connection& connection, const StoredSessionRow& session,
              const SessionChanges& changes)
      : connection_(connection), session_(session), changes_(changes) {}

  Result<std::vector<bool>> run() {
    TRY_VOID(note_use());
    TRY_VOID(retire());
    const std::array<Value, 2> values{session_.tenant, session_.id};
    current_ = static_cast<std::size_t>(
        TRY(read_number(connection_,
                        "SELECT COUNT(*) FROM session_files "
                        "WHERE tenant = $1 AND session_id = $2 AND is_current = 1",
                        values)));
    ordinal_ = TRY(read_number(connection_,
                               "SELECT COALESCE(MAX(ordinal), 0) FROM session_files "
                               "WHERE tenant = $1 AND session_id = $2",
                               values));
    std::vector<bool> is_in;
    is_in.reserve(changes_.added.size());
    for (const SessionFileRow& file : changes_.added)
      is_in.push_back(TRY(add(file)));
    return is_in;
  }

 private:
  Result<void> note_use() {
    const std::string language = changes_.ran_language.value_or("");
    const std::array<Value, 7> values{changes_.at,
                                      std::int64_t{changes_.ran_language ? 1 : 0},
                                      std::int64_t{changes_.ran_language ? 1 : 0},
                                      language,
                                      session_.tenant,
                                      session_.id,
                                      session_.created_at};
    const std::size_t found =
        TRY(connection_.execute("UPDATE stored_sessions SET last_used_at = $1, runs = runs + $2, "
                                "language = CASE WHEN $3 = 1 THEN $4 ELSE language END "
                                "WHERE tenant = $5 AND id = $6 AND created_at = $7",
                                values));
    if (found > 0) return {};
    return fail(ErrorCode::kNotFound, "Session '" + session_.id + "' not found or already deleted");
  }

  Result<void> retire() {
    for (const std::string& id : changes_.retired) {
      const std::array<Value, 3> values{session_.tenant, session_.id, id};
      TRY_VOID(connection_.execute(
          "UPDATE session_files SET is_current = 0 "
          "WHERE tenant = $1 AND session_id = $2 AND id = $3 AND is_current = 1",
          values));
    }
    return {};
  }

  Result<bool> add(const SessionFileRow& file) {
    const std::array<Value, 3> where{session_.tenant, session_.id, file.path};
    const std::size_t superseded = TRY(connection_.execute(
        "UPDATE session_files SET is_current = 0 "
        "WHERE tenant = $1 AND session_id = $2 AND path = $3 AND is_current = 1",
        where));
    if (superseded == 0) {
      if (current_ >= changes_.files_max) return false;
      ++current_;
    }
    const std::array<Value, 10> values{file.id,
                                       session_.tenant,
                                       session_.id,
                                       ++ordinal_,
                                       file.path,
                                       file.file_id,
                                       static_cast<std::int64_t>(file.size_bytes),
                                       std::int64_t{file.is_read_only ? 1 : 0},
                                       std::int64_t{file.is_executable ? 1 : 0},
                                       file.created_at};
    TRY_VOID(connection_.execute(
        "INSERT INTO session_files (id, tenant, session_id, ordinal, path, file_id, size_bytes, "
        "is_current, is_read_only, is_executable, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10)",
        values));
    return true;
  }

  Connection& connection_;
  const StoredSessionRow& session_;
  const SessionChanges& changes_;
  std::size_t current_ = 0;
  std::int64_t ordinal_ = 0;
};

}  // namespace

Result<void> StoredSessionTable::insert(const StoredSessionRow& row) {
  const std::array<Value, 7> values{
      row.tenant,     row.id,           row.language,  static_cast<std::int64_t>(row.runs),
      row.created_at, row.last_used_at, row.expires_at};
  TRY_VOID(database_.execute("INSERT INTO stored_sessions (" SESSION_COLUMNS
                             ") VALUES ($1, $2, $3, $4, $5, $6, $7)",
                             values));
  return {};
}

Result<std::optional<StoredSessionRow>> StoredSessionTable::find(std::string_view tenant,
                                                                 std::string_view id) {
  const std::array<Value, 2> values{tenant, id};
  return first_of(TRY(read_sessions(
      database_, "SELECT " SESSION_COLUMNS " FROM stored_sessions WHERE tenant = $1 AND id = $2",
      values)));
}

Result<std::vector<StoredSessionRow>> StoredSessionTable::list(std::string_view tenant,
                                                               WallTime now, bool with_runs_only) {
  const std::array<Value, 3> values{tenant, now, std::int64_t{with_runs_only ? 1 : 0}};
  return read_sessions(database_,
                       "SELECT " SESSION_COLUMNS
                       " FROM stored_sessions "
                       "WHERE tenant = $1 AND expires_at > $2 AND runs >= $3 "
                       "ORDER BY created_at, id",
                       values);
}

Result<std::vector<StoredSessionRow>> StoredSessionTable::list_expired(WallTime now) {
  const std::array<Value, 1> values{now};
  return read_sessions(
      database_, "SELECT " SESSION_COLUMNS " FROM stored_sessions WHERE expires_at <= $1", values);
}

Result<std::size_t> StoredSessionTable::count() {
  return static_cast<std::size_t>(
      TRY(read_number(database_, "SELECT COUNT(*) FROM stored_sessions", {})));
}

Result<std::vector<bool>> StoredSessionTable::apply(const StoredSessionRow& session,
                                                    const SessionChanges& changes) {
  return write_returning<std::vector<bool>>(database_, [&](Connection& connection) {
    return Application(connection, session, changes).run();
  });
}

Result<std::optional<std::vector<SessionFileRow>>> StoredSessionTable::remove(
    const StoredSessionRow& session) {
  return write_returning<std::optional<std::vector<SessionFileRow>>>(
      database_, [&](Connection& connection) { return remove_session(connection, session); });
}

Result<std::vector<SessionFileRow>> StoredSessionTable::files(std::string_view tenant,
                                                              std::string_view session_id) {
  const std::array<Value, 2> values{tenant, session_id};
  return read_files(database_,
                    "SELECT " FILE_COLUMNS
                    " FROM session_files WHERE tenant = $1 AND session_id = $2 ORDER BY ordinal",
                    values);
}

Result<std::optional<SessionFileRow>> StoredSessionTable::find_file(std::string_view tenant,
                                                                    std::string_view session_id,
                                                                    std::string_view file_id,
                                                                    WallTime now) {
  const std::array<Value, 5> values{file_id, tenant, session_id, session_id, now};
  return first_of(TRY(read_files(
      database_,
      "SELECT " FILE_COLUMNS
      " FROM session_files WHERE id = $1 AND tenant = $2 AND ($3 = '' OR session_id = $4) "
      "AND EXISTS (SELECT 1 FROM stored_sessions WHERE stored_sessions.tenant = "
      "session_files.tenant AND stored_sessions.id = session_files.session_id "
      "AND stored_sessions.expires_at > $5)",
      values)));
}

Result<std::optional<SessionFileRow>> StoredSessionTable::remove_file(std::string_view tenant,
                                                                      std::string_view session_id,
                                                                      std::string_view file_id) {
  const std::array<Value, 3> values{tenant, session_id, file_id};
  return first_of(
      TRY(write_returning<std::vector<SessionFileRow>>(database_, [&](Connection& connection) {
        return read_files(connection,
                          "DELETE FROM session_files "
                          "WHERE tenant = $1 AND session_id = $2 AND id = $3 "
                          "RETURNING " FILE_COLUMNS,
                          values);
      })));
}

Result<std::vector<SessionFileRow>> StoredSessionTable::list_all_files() {
  return read_files(database_, "SELECT " FILE_COLUMNS " FROM session_files", {});
}

}  // namespace cloister::store
