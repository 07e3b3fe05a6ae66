// The Database in one SQLite file: write-ahead log, one writer, a few readers.
//
// What is promised: a committed transaction survives the death of this process at any moment. When
// the machine dies the last transactions may be lost, but the file stays consistent
// (synchronous=NORMAL).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/database.h"

namespace cloister::store {

class SqliteConnection;

struct SqliteSettings {
  std::string path;  // Made when it is not there, mode 0600. Its directory must exist.
  std::size_t readers = 4;
  Milliseconds busy_timeout{5000};  // How long to wait for another process that holds a lock.
};

class SqliteDatabase final : public Database {
 public:
  static Result<std::unique_ptr<SqliteDatabase>> open(const SqliteSettings& settings);
  ~SqliteDatabase() override;

  Result<void> write(const std::function<Result<void>(Connection&)>& work) override;
  Result<std::size_t> execute(std::string_view statement,
                              std::span<const Value> parameters) override;
  Result<void> query(std::string_view statement, std::span<const Value> parameters,
                     const RowVisitor& visitor) override;
  // Moves the write-ahead log into the file, beside readers and the writer. Between two calls the
  // log grows; beyond 64 MiB the writer does it itself, at the price of flushing the disk.
  Result<void> maintain() override;

 private:
  SqliteDatabase(std::unique_ptr<SqliteConnection> writer,
                 std::unique_ptr<SqliteConnection> maintainer,
                 std::vector<std::unique_ptr<SqliteConnection>> readers);

  std::mutex writer_mutex_;
  const std::unique_ptr<SqliteConnection> writer_;  // Used with writer_mutex_ held.

  std::mutex maintainer_mutex_;
  const std::unique_ptr<SqliteConnection> maintainer_;  // Used with maintainer_mutex_ held.

  std::mutex readers_mutex_;
  std::condition_variable reader_returned_;
  // Guarded by readers_mutex_: connections that nobody uses.
  std::vector<std::unique_ptr<SqliteConnection>> idle_readers_;
};

}  // namespace cloister::store
