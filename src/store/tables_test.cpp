#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "store/file_table.h"
#include "store/migrations.h"
#include "store/session_table.h"
#include "store/sqlite_database.h"

namespace cloister::store {
namespace {

WallTime at(std::int64_t microseconds) {
  return WallTime(Microseconds(microseconds));
}

class TablesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = ::testing::TempDir() + "/cloister-tables-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
    auto database = SqliteDatabase::open({directory_ + "/metadata.db", 1, Milliseconds(1000)});
    ASSERT_TRUE(database) << database.error().describe();
    database_ = std::move(*database);
    ASSERT_TRUE(migrate(*database_, built_in_migrations(), SystemClock()));
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  std::unique_ptr<SqliteDatabase> database_;
};

TEST_F(TablesTest, FilesBelongToATenantAndExpireExactly) {
  FileTable files(*database_);
  ASSERT_TRUE(files.insert({"id1", "t1", "n\xC3\xA4me", 5, at(10), at(100)}));
  EXPECT_EQ(files.insert({"id1", "t2", "", 0, at(10), at(100)}).error().code, ErrorCode::kConflict);
  const auto found = files.find("t1", "id1", at(99)).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "n\xC3\xA4me");
  EXPECT_EQ(found->size_bytes, 5U);
  EXPECT_EQ(found->created_at, at(10));
  EXPECT_EQ(found->expires_at, at(100));
  EXPECT_FALSE(files.find("t2", "id1", at(99)).value());
  EXPECT_FALSE(files.find("t1", "id1", at(100)).value());
}

TEST_F(TablesTest, FilesAreListedOldestFirst) {
  FileTable files(*database_);
  ASSERT_TRUE(files.insert({"b", "t", "second", 0, at(2), at(100)}));
  ASSERT_TRUE(files.insert({"a", "t", "first", 0, at(1), at(100)}));
  ASSERT_TRUE(files.insert({"c", "t", "expired", 0, at(1), at(5)}));
  ASSERT_TRUE(files.insert({"d", "other", "", 0, at(1), at(100)}));
  const auto rows = files.list("t", at(50)).value();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].name, "first");
  EXPECT_EQ(rows[1].name, "second");
  EXPECT_EQ(files.list_all()->size(), 4U);
}

TEST_F(TablesTest, FilesAreRemovedByTheirTenantOrTheirExpiry) {
  FileTable files(*database_);
  for (const char* id : {"a", "b", "c"})
    ASSERT_TRUE(files.insert({id, "t", "", 0, at(1), at(9)}));
  ASSERT_TRUE(files.insert({"d", "t", "", 0, at(1), at(10)}));
  EXPECT_FALSE(files.remove("other", "a", at(2)).value());
  EXPECT_FALSE(files.remove("t", "a", at(9)).value());
  EXPECT_TRUE(files.remove("t", "a", at(2)).value());
  EXPECT_FALSE(files.remove("t", "a", at(2)).value());
  ASSERT_TRUE(files.remove_any("b"));
  EXPECT_EQ(files.remove_expired(at(9)).value(), std::vector<std::string>{"c"});
  EXPECT_EQ(files.list("t", at(9))->size(), 1U);
}

TEST_F(TablesTest, SessionsKeepTheFirstReasonOfTheirEnd) {
  SessionTable sessions(*database_);
  ASSERT_TRUE(sessions.insert({"s1", "t", at(1), at(100), {}, {}}));
  ASSERT_TRUE(sessions.insert({"s2", "t", at(1), at(100), {}, {}}));
  EXPECT_FALSE(sessions.find("t", "s1").value()->ended_at);
  ASSERT_TRUE(sessions.mark_ended("s1", at(50), "deleted"));
  ASSERT_TRUE(sessions.mark_ended("s1", at(60), "expired"));
  EXPECT_EQ(sessions.mark_all_ended(at(70), "server restarted").value(), 1U);
  EXPECT_EQ(sessions.find("t", "s1").value()->ended_at, at(50));
  EXPECT_EQ(sessions.find("t", "s1").value()->end_reason, "deleted");
  EXPECT_EQ(sessions.find("t", "s2").value()->end_reason, "server restarted");
  EXPECT_FALSE(sessions.find("other", "s1").value());
}

TEST_F(TablesTest, OldSessionsAreForgotten) {
  SessionTable sessions(*database_);
  for (const char* id : {"old", "new", "live"}) {
    ASSERT_TRUE(sessions.insert({id, "t", at(1), at(100), {}, {}}));
  }
  ASSERT_TRUE(sessions.mark_ended("old", at(10), "deleted"));
  ASSERT_TRUE(sessions.mark_ended("new", at(20), "deleted"));
  EXPECT_EQ(sessions.remove_ended_before(at(20)).value(), 1U);
  EXPECT_FALSE(sessions.find("t", "old").value());
  EXPECT_TRUE(sessions.find("t", "new").value());
  EXPECT_TRUE(sessions.find("t", "live").value());
}

}  // namespace
}  // namespace cloister::store
