#include "store/migrations.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include "store/sqlite_database.h"

namespace cloister::store {
namespace {

constexpr Migration kFirst{"0001_first", "CREATE TABLE a (x INTEGER) STRICT;"};
constexpr Migration kSecond{"0002_second",
                            "ALTER TABLE a ADD COLUMN y TEXT; CREATE TABLE b (x TEXT);"};
constexpr Migration kBroken{"0002_broken", "CREATE TABLE c (x TEXT); CREATE TABLE a (x TEXT);"};

class MigrationsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = ::testing::TempDir() + "/cloister-migrations-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
    auto database = SqliteDatabase::open({directory_ + "/metadata.db", 1, Milliseconds(1000)});
    ASSERT_TRUE(database) << database.error().describe();
    database_ = std::move(*database);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  Result<void> apply(std::vector<Migration> migrations) {
    return migrate(*database_, migrations, clock_);
  }

  bool has_table(std::string_view name) {
    bool found = false;
    const std::array<Value, 1> values{name};
    EXPECT_TRUE(database_->query("SELECT 1 FROM sqlite_schema WHERE name = $1", values,
                                 [&](const Row&) -> Result<void> {
                                   found = true;
                                   return {};
                                 }));
    return found;
  }

  SystemClock clock_;
  std::string directory_;
  std::unique_ptr<SqliteDatabase> database_;
};

TEST_F(MigrationsTest, AppliesEachOnceAndLaterOnesLater) {
  ASSERT_TRUE(apply({kFirst}));
  ASSERT_TRUE(apply({kFirst}));
  EXPECT_FALSE(has_table("b"));
  ASSERT_TRUE(apply({kFirst, kSecond}));
  EXPECT_TRUE(has_table("b"));
}

TEST_F(MigrationsTest, RefusesAChangedOne) {
  ASSERT_TRUE(apply({kFirst}));
  const auto result = apply({{kFirst.name, "CREATE TABLE other (x INTEGER);"}, kSecond});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kConflict);
  EXPECT_NE(result.error().message.find("0001_first"), std::string::npos);
  EXPECT_FALSE(has_table("b"));
}

TEST_F(MigrationsTest, RefusesADatabaseOfANewerProgram) {
  ASSERT_TRUE(apply({kFirst, kSecond}));
  EXPECT_EQ(apply({kFirst}).error().code, ErrorCode::kConflict);
}

TEST_F(MigrationsTest, AFailedOneLeavesNothing) {
  const auto result = apply({kFirst, kBroken});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().describe().find("0002_broken"), std::string::npos);
  EXPECT_TRUE(has_table("a"));
  EXPECT_FALSE(has_table("c"));
  ASSERT_TRUE(apply({kFirst, kSecond}));
}

TEST_F(MigrationsTest, TheBuiltInOnesApply) {
  ASSERT_FALSE(built_in_migrations().empty());
  ASSERT_TRUE(migrate(*database_, built_in_migrations(), clock_));
  ASSERT_TRUE(migrate(*database_, built_in_migrations(), clock_));
  EXPECT_TRUE(has_table("files"));
  EXPECT_TRUE(has_table("sessions"));
  EXPECT_TRUE(has_table("stored_sessions"));
  EXPECT_TRUE(has_table("session_files"));
}

// A released migration must never change: this is what the check at start compares.
TEST(Checksum, IsFnv1a) {
  EXPECT_EQ(checksum_of(""), "cbf29ce484222325");
  EXPECT_EQ(checksum_of("a"), "af63dc4c8601ec8c");
}

}  // namespace
}  // namespace cloister::store
