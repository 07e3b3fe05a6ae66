#include "store/sqlite_database.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace cloister::store {
namespace {

class SqliteDatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = ::testing::TempDir() + "/cloister-store-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string path() const { return directory_ + "/metadata.db"; }

  std::unique_ptr<SqliteDatabase> open_database() const {
    auto database = SqliteDatabase::open({path(), 2, Milliseconds(2000)});
    EXPECT_TRUE(database) << database.error().describe();
    return database ? std::move(*database) : nullptr;
  }

  std::unique_ptr<SqliteDatabase> open_with_table() const {
    auto database = open_database();
    EXPECT_TRUE(database->execute(
        "CREATE TABLE items (id TEXT NOT NULL PRIMARY KEY, number INTEGER) STRICT", {}));
    return database;
  }

  static Result<std::size_t> add(Database& database, std::string_view id, Value number) {
    const std::array<Value, 2> values{id, number};
    return database.execute("INSERT INTO items (id, number) VALUES ($1, $2)", values);
  }

  static std::int64_t count(Database& database) {
    std::int64_t found = -1;
    EXPECT_TRUE(
        database.query("SELECT count(*) FROM items", {}, [&](const Row& row) -> Result<void> {
          found = row.number(0);
          return {};
        }));
    return found;
  }

  std::string directory_;
};

TEST_F(SqliteDatabaseTest, ReadsBackWhatWasWritten) {
  const auto database = open_with_table();
  const std::string text("a\0\xC3\xA9", 4);
  ASSERT_EQ(add(*database, text, std::int64_t{-9'000'000'000}).value(), 1U);
  ASSERT_TRUE(add(*database, "", std::nullopt));
  std::vector<std::string> ids;
  ASSERT_TRUE(database->query("SELECT id, number FROM items ORDER BY id", {},
                              [&](const Row& row) -> Result<void> {
                                ids.push_back(row.text(0));
                                EXPECT_EQ(row.is_null(1), row.text(0).empty());
                                EXPECT_EQ(row.number(1), row.is_null(1) ? 0 : -9'000'000'000);
                                return {};
                              }));
  EXPECT_EQ(ids, (std::vector<std::string>{"", text}));
}

TEST_F(SqliteDatabaseTest, NumbersPlaceholdersByNameNotByAppearance) {
  const auto database = open_with_table();
  const std::array<Value, 2> values{"id", std::int64_t{7}};
  ASSERT_TRUE(database->execute("INSERT INTO items (number, id) VALUES ($2, $1)", values));
  const std::array<Value, 1> wanted{"id"};
  std::int64_t number = 0;
  ASSERT_TRUE(database->query("SELECT number FROM items WHERE id = $1 OR id = $1", wanted,
                              [&](const Row& row) -> Result<void> {
                                number = row.number(0);
                                return {};
                              }));
  EXPECT_EQ(number, 7);
}

TEST_F(SqliteDatabaseTest, TellsErrorsApart) {
  const auto database = open_with_table();
  ASSERT_TRUE(add(*database, "secret-value", std::int64_t{1}));
  const auto again = add(*database, "secret-value", std::int64_t{1});
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_EQ(again.error().describe().find("secret-value"), std::string::npos);
  EXPECT_EQ(add(*database, "b", "not a number").error().code, ErrorCode::kInternal);
  EXPECT_EQ(database->execute("SELEC", {}).error().code, ErrorCode::kInternal);
  EXPECT_EQ(database->execute("INSERT INTO items (id) VALUES ($1)", {}).error().code,
            ErrorCode::kInternal);
  EXPECT_EQ(count(*database), 1);
}

TEST_F(SqliteDatabaseTest, ReadersCannotWrite) {
  const auto database = open_with_table();
  EXPECT_FALSE(
      database->query("DELETE FROM items", {}, [](const Row&) -> Result<void> { return {}; }));
}

TEST_F(SqliteDatabaseTest, RollsBackFailedWork) {
  const auto database = open_with_table();
  const auto done = database->write([](Connection& connection) -> Result<void> {
    TRY_VOID(connection.execute("INSERT INTO items (id) VALUES ('a')", {}));
    return fail(ErrorCode::kCancelled, "changed my mind");
  });
  EXPECT_EQ(done.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(count(*database), 0);
  ASSERT_TRUE(database->write([](Connection& connection) -> Result<void> {
    TRY_VOID(connection.execute("INSERT INTO items (id) VALUES ('a')", {}));
    return {};
  }));
  EXPECT_EQ(count(*database), 1);
}

TEST_F(SqliteDatabaseTest, TheVisitorCanStopAndTheConnectionIsUsableAfter) {
  const auto database = open_with_table();
  for (const char* id : {"a", "b", "c"})
    ASSERT_TRUE(add(*database, id, std::nullopt));
  for (int round = 0; round < 5; ++round) {
    int rows = 0;
    const auto stopped =
        database->query("SELECT id FROM items", {}, [&](const Row&) -> Result<void> {
          ++rows;
          return fail(ErrorCode::kTooLarge, "enough");
        });
    EXPECT_EQ(stopped.error().code, ErrorCode::kTooLarge);
    EXPECT_EQ(rows, 1);
  }
  EXPECT_EQ(count(*database), 3);
}

TEST_F(SqliteDatabaseTest, IsPrivateToTheUser) {
  const auto database = open_with_table();
  for (const std::string suffix : {"", "-wal", "-shm"}) {
    struct stat status{};
    ASSERT_EQ(::stat((path() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << suffix;
  }
}

TEST_F(SqliteDatabaseTest, SurvivesSigkillAfterCommit) {
  {
    const auto database = open_with_table();
  }
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto database = open_database();
    if (!add(*database, "kept", std::nullopt)) ::_exit(1);
    static_cast<void>(database->write([](Connection& connection) -> Result<void> {
      static_cast<void>(connection.execute("INSERT INTO items (id) VALUES ('lost')", {}));
      ::raise(SIGKILL);
      return {};
    }));
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(count(*open_database()), 1);
}

TEST_F(SqliteDatabaseTest, MaintenanceMovesTheLogIntoTheFile) {
  const auto database = open_with_table();
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(add(*database, std::string(5000, 'x') + std::to_string(i), std::nullopt));
  EXPECT_LT(std::filesystem::file_size(path()), 100'000U);
  ASSERT_TRUE(database->maintain());
  EXPECT_GT(std::filesystem::file_size(path()), 250'000U);
  EXPECT_EQ(count(*database), 50);
}

TEST_F(SqliteDatabaseTest, ServesManyThreads) {
  const auto database = open_with_table();
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&database, i] {
      for (int round = 0; round < 30; ++round) {
        const std::string id = std::to_string(i) + "-" + std::to_string(round);
        EXPECT_TRUE(add(*database, id, std::int64_t{round}));
        const std::array<Value, 1> wanted{id};
        int rows = 0;
        EXPECT_TRUE(database->query("SELECT id FROM items WHERE id = $1", wanted,
                                    [&](const Row&) -> Result<void> {
                                      ++rows;
                                      return {};
                                    }));
        EXPECT_EQ(rows, 1) << "a reader must see what was committed before";
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(count(*database), 180);
}

}  // namespace
}  // namespace cloister::store
