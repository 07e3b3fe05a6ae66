#include "store/sqlite_database.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "base/scope_exit.h"
#include "base/unique_fd.h"
#include "store/sqlite_connection.h"

namespace cloister::store {
namespace {

// SQLite gives its log and its index the mode of the file itself.
Result<void> make_private_file(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file.is_open()) return fail_errno("open the database " + path);
  return {};
}

}  // namespace

SqliteDatabase::SqliteDatabase(std::unique_ptr<SqliteConnection> writer,
                               std::unique_ptr<SqliteConnection> maintainer,
                               std::vector<std::unique_ptr<SqliteConnection>> readers)
    : writer_(std::move(writer)),
      maintainer_(std::move(maintainer)),
      idle_readers_(std::move(readers)) {}

SqliteDatabase::~SqliteDatabase() = default;

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const SqliteSettings& settings) {
  TRY_VOID(make_private_file(settings.path));
  auto writer =
      TRY(SqliteConnection::open(settings.path, Access::kReadWrite, settings.busy_timeout));
  auto maintainer =
      TRY(SqliteConnection::open(settings.path, Access::kReadWrite, settings.busy_timeout));
  // In pages of 4 KiB. SQLite's own 1000 would let every hundredth commit wait for the disk.
  TRY_VOID(writer->run_script("PRAGMA wal_autocheckpoint = 16384;"));
  std::vector<std::unique_ptr<SqliteConnection>> readers;
  const std::size_t count = settings.readers > 0 ? settings.readers : 1;
  readers.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    readers.push_back(
        TRY(SqliteConnection::open(settings.path, Access::kReadOnly, settings.busy_timeout)));
  }
  return std::unique_ptr<SqliteDatabase>(
      new SqliteDatabase(std::move(writer), std::move(maintainer), std::move(readers)));
}

Result<void> SqliteDatabase::write(const std::function<Result<void>(Connection&)>& work) {
  const std::lock_guard lock(writer_mutex_);
  TRY_VOID(writer_->execute("BEGIN IMMEDIATE", {}));
  auto done = work(*writer_);
  if (done) {
    auto committed = writer_->execute("COMMIT", {});
    if (committed) return {};
    done = fail(std::move(committed).error());
  }
  // Some failures have rolled back already; the error of the work is the one that counts.
  static_cast<void>(writer_->execute("ROLLBACK", {}));
  return done;
}

Result<std::size_t> SqliteDatabase::execute(std::string_view statement,
                                            std::span<const Value> parameters) {
  const std::lock_guard lock(writer_mutex_);
  return writer_->execute(statement, parameters);
}

Result<void> SqliteDatabase::query(std::string_view statement, std::span<const Value> parameters,
                                   const RowVisitor& visitor) {
  std::unique_ptr<SqliteConnection> reader;
  {
    std::unique_lock lock(readers_mutex_);
    reader_returned_.wait(lock, [this] { return !idle_readers_.empty(); });
    reader = std::move(idle_readers_.back());
    idle_readers_.pop_back();
  }
  const ScopeExit give_back([&] {
    const std::lock_guard lock(readers_mutex_);
    idle_readers_.push_back(std::move(reader));
    reader_returned_.notify_one();
  });
  return reader->query(statement, parameters, visitor);
}

Result<void> SqliteDatabase::maintain() {
  const std::lock_guard lock(maintainer_mutex_);
  return maintainer_->run_script("PRAGMA wal_checkpoint(PASSIVE);");
}

}  // namespace cloister::store
