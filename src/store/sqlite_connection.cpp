#include "store/sqlite_connection.h"

#include <utility>

#include "base/scope_exit.h"

namespace cloister::store {
namespace {

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  bool is_null(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  std::int64_t number(int column) const override {
    return sqlite3_column_int64(statement_, column);
  }
  std::string text(int column) const override {
    const void* const bytes = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    if (bytes == nullptr) return {};
    return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
  }

 private:
  sqlite3_stmt* const statement_;
};

ErrorCode code_of(int code) {
  if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY) {
    return ErrorCode::kConflict;
  }
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInternal;
  }
}

// The text outlives the step, and the binding is cleared after it: no copy is needed.
int bind_one(sqlite3_stmt* statement, int position, const Value& value) {
  if (const std::int64_t* const number = value.number()) {
    return sqlite3_bind_int64(statement, position, *number);
  }
  if (const std::string_view* const text = value.text()) {
    // A null pointer would bind NULL instead of the empty text.
    const char* const bytes = text->empty() ? "" : text->data();
    return sqlite3_bind_text64(statement, position, bytes, text->size(), nullptr, SQLITE_UTF8);
  }
  return sqlite3_bind_null(statement, position);
}

std::vector<int> positions_of(sqlite3_stmt* statement) {
  std::vector<int> positions;
  while (true) {
    const std::string name = "$" + std::to_string(positions.size() + 1);
    const int position = sqlite3_bind_parameter_index(statement, name.c_str());
    if (position == 0) return positions;
    positions.push_back(position);
  }
}

}  // namespace

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path,
                                                                 Access access,
                                                                 Milliseconds busy_timeout) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(handle));
  if (code != SQLITE_OK) return connection->failure(code, "open");
  sqlite3_busy_timeout(handle, static_cast<int>(busy_timeout.count()));
  TRY_VOID(connection->run_script(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
      "PRAGMA trusted_schema = OFF;"));
  if (access == Access::kReadOnly) TRY_VOID(connection->run_script("PRAGMA query_only = ON;"));
  return connection;
}

tl::unexpected<Error> SqliteConnection::failure(int code, std::string_view statement) const {
  Error error{code_of(code), "The metadata store failed", 0, {}};
  const char* const reason = database_ ? sqlite3_errmsg(database_.get()) : sqlite3_errstr(code);
  error.context = std::string(reason) + " in: " + std::string(statement.substr(0, 200));
  return fail(std::move(error));
}

Result<SqliteConnection::Prepared*> SqliteConnection::prepare(std::string_view statement) {
  if (const auto known = statements_.find(statement); known != statements_.end()) {
    return &known->second;
  }
  sqlite3_stmt* handle = nullptr;
  const int code =
      sqlite3_prepare_v3(database_.get(), statement.data(), static_cast<int>(statement.size()),
                         SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) return failure(code, statement);
  Prepared prepared{std::unique_ptr<sqlite3_stmt, CloseStatement>(handle), positions_of(handle)};
  return &statements_.emplace(statement, std::move(prepared)).first->second;
}

Result<void> SqliteConnection::bind(Prepared& prepared, std::string_view statement,
                                    std::span<const Value> parameters) {
  if (parameters.size() != prepared.positions.size()) {
    return fail(Error{ErrorCode::kInternal, "The metadata store failed", 0,
                      "wrong number of parameters for: " + std::string(statement)});
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const int code = bind_one(prepared.handle.get(), prepared.positions[i], parameters[i]);
    if (code != SQLITE_OK) return failure(code, statement);
  }
  return {};
}

Result<std::size_t> SqliteConnection::execute(std::string_view statement,
                                              std::span<const Value> parameters) {
  TRY_VOID(query(statement, parameters, [](const Row&) -> Result<void> { return {}; }));
  return static_cast<std::size_t>(sqlite3_changes64(database_.get()));
}

Result<void> SqliteConnection::query(std::string_view statement, std::span<const Value> parameters,
                                     const RowVisitor& visitor) {
  Prepared* const prepared = TRY(prepare(statement));
  sqlite3_stmt* const handle = prepared->handle.get();
  const ScopeExit reset([handle] {
    sqlite3_reset(handle);
    sqlite3_clear_bindings(handle);
  });
  TRY_VOID(bind(*prepared, statement, parameters));
  while (true) {
    const int code = sqlite3_step(handle);
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_ROW) return failure(code, statement);
    TRY_VOID(visitor(SqliteRow(handle)));
  }
}

Result<void> SqliteConnection::run_script(std::string_view statements) {
  const std::string text(statements);
  const int code = sqlite3_exec(database_.get(), text.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code, statements);
  return {};
}

}  // namespace cloister::store
