// One connection to a SQLite file, with its prepared statements. Private to this folder.
#pragma once

#include <sqlite3.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"

namespace cloister::store {

enum class Access { kReadOnly, kReadWrite };

class SqliteConnection final : public Connection {
 public:
  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, Access access,
                                                        Milliseconds busy_timeout);

  Result<std::size_t> execute(std::string_view statement,
                              std::span<const Value> parameters) override;
  Result<void> query(std::string_view statement, std::span<const Value> parameters,
                     const RowVisitor& visitor) override;
  Result<void> run_script(std::string_view statements) override;

 private:
  struct CloseDatabase {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  struct CloseStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  struct Prepared {
    std::unique_ptr<sqlite3_stmt, CloseStatement> handle;
    std::vector<int> positions;  // Of $1, $2, ...: SQLite numbers by first appearance.
  };

  explicit SqliteConnection(sqlite3* database) : database_(database) {}
  tl::unexpected<Error> failure(int code, std::string_view statement) const;
  Result<Prepared*> prepare(std::string_view statement);
  Result<void> bind(Prepared& prepared, std::string_view statement,
                    std::span<const Value> parameters);

  std::unique_ptr<sqlite3, CloseDatabase> database_;
  // Statement texts are constants of the program, so there is no limit. After database_: statements
  // are to be finalized before the connection closes.
  std::map<std::string, Prepared, std::less<>> statements_;
};

}  // namespace cloister::store
