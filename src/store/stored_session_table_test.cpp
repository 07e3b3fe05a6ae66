#include "store/stored_session_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "store/migrations.h"
#include "store/sqlite_database.h"

namespace cloister::store {
namespace {

using ::testing::ElementsAre;

WallTime at(std::int64_t microseconds) {
  return WallTime(Microseconds(microseconds));
}

class StoredSessionTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = ::testing::TempDir() + "/cloister-stored-sessions-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
    auto database = SqliteDatabase::open({directory_ + "/metadata.db", 1, Milliseconds(1000)});
    ASSERT_TRUE(database) << database.error().describe();
    database_ = std::move(*database);
    ASSERT_TRUE(migrate(*database_, built_in_migrations(), SystemClock()));
    table_ = std::make_unique<StoredSessionTable>(*database_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  StoredSessionRow session(std::string id, std::int64_t created = 10, std::string tenant = "t") {
    StoredSessionRow row;
    row.id = std::move(id);
    row.tenant = std::move(tenant);
    row.created_at = row.last_used_at = at(created);
    row.expires_at = at(created + 90);
    const auto inserted = table_->insert(row);
    EXPECT_TRUE(inserted) << inserted.error().describe();
    return row;
  }

  static SessionFileRow file(std::string id, std::string path) {
    SessionFileRow row;
    row.path = std::move(path);
    row.file_id = "bytes of " + id;
    row.id = std::move(id);
    row.size_bytes = 7;
    row.created_at = at(20);
    return row;
  }

  Result<std::vector<bool>> add(const StoredSessionRow& to, std::vector<SessionFileRow> files,
                                std::size_t files_max = 100) {
    SessionChanges changes;
    changes.at = at(30);
    changes.added = std::move(files);
    changes.files_max = files_max;
    return table_->apply(to, changes);
  }

  std::vector<std::string> current_ids(const StoredSessionRow& of) {
    std::vector<std::string> ids;
    const std::vector<SessionFileRow> rows = table_->files(of.tenant, of.id).value();
    for (const SessionFileRow& row : rows) {
      if (row.is_current) ids.push_back(row.id);
    }
    return ids;
  }

  std::string directory_;
  std::unique_ptr<SqliteDatabase> database_;
  std::unique_ptr<StoredSessionTable> table_;
};

TEST_F(StoredSessionTableTest, AnIdIsUniqueWithinItsTenant) {
  const StoredSessionRow first = session("same");
  EXPECT_EQ(table_->insert(first).error().code, ErrorCode::kConflict);
  session("same", 11, "other");
  EXPECT_EQ(table_->count().value(), 2U);
  const auto found = table_->find("t", "same").value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->tenant, "t");
  EXPECT_EQ(found->created_at, at(10));
  EXPECT_EQ(found->last_used_at, at(10));
  EXPECT_EQ(found->expires_at, at(100));
  EXPECT_EQ(found->runs, 0U);
  EXPECT_FALSE(table_->find("t", "none").value());
}

TEST_F(StoredSessionTableTest, ListsByAgeAndExpiresExactly) {
  const StoredSessionRow young = session("young", 12);
  session("old", 11);
  session("foreign", 10, "other");
  SessionChanges run;
  run.at = at(40);
  run.ran_language = "python";
  ASSERT_TRUE(table_->apply(young, run));
  const auto all = table_->list("t", at(100), false).value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].id, "old");
  EXPECT_EQ(all[1].language, "python");
  EXPECT_EQ(all[1].runs, 1U);
  EXPECT_EQ(all[1].last_used_at, at(40));
  EXPECT_EQ(table_->list("t", at(100), true)->size(), 1U);
  EXPECT_EQ(table_->list("t", at(101), false)->size(), 1U);
  EXPECT_EQ(table_->list_expired(at(100))->size(), 1U);
  EXPECT_EQ(table_->list_expired(at(101))->size(), 2U);
}

TEST_F(StoredSessionTableTest, ANewVersionSupersedesAndTheOldOneStays) {
  const StoredSessionRow row = session("s");
  ASSERT_TRUE(add(row, {file("f1", "a"), file("f2", "b")}));
  SessionFileRow changed = file("f3", "a");
  changed.is_read_only = changed.is_executable = true;
  ASSERT_TRUE(add(row, {changed}));
  EXPECT_THAT(current_ids(row), ElementsAre("f2", "f3"));
  const auto old = table_->find_file("t", "s", "f1", at(50)).value();
  ASSERT_TRUE(old);
  EXPECT_FALSE(old->is_current);
  EXPECT_EQ(old->file_id, "bytes of f1");
  EXPECT_EQ(old->size_bytes, 7U);
  const auto latest = table_->find_file("t", "", "f3", at(50)).value();
  ASSERT_TRUE(latest);
  EXPECT_TRUE(latest->is_current && latest->is_read_only && latest->is_executable);
  EXPECT_EQ(latest->session_id, "s");
  EXPECT_EQ(latest->created_at, at(20));
  EXPECT_EQ(table_->list_all_files()->size(), 3U);
}

TEST_F(StoredSessionTableTest, FilesAreFoundInTheirLiveSessionOnly) {
  const StoredSessionRow row = session("s");
  session("empty");
  ASSERT_TRUE(add(row, {file("f", "a")}));
  EXPECT_FALSE(table_->find_file("other", "s", "f", at(50)).value());
  EXPECT_FALSE(table_->find_file("other", "", "f", at(50)).value());
  EXPECT_FALSE(table_->find_file("t", "empty", "f", at(50)).value());
  EXPECT_FALSE(table_->find_file("t", "s", "f", at(100)).value());
  EXPECT_TRUE(table_->files("other", "s")->empty());
  EXPECT_FALSE(table_->remove_file("t", "empty", "f").value());
  EXPECT_FALSE(table_->remove_file("other", "s", "f").value());
  EXPECT_EQ(table_->remove_file("t", "s", "f").value()->file_id, "bytes of f");
  EXPECT_TRUE(table_->files("t", "s")->empty());
}

TEST_F(StoredSessionTableTest, BoundsTheCurrentFilesOnly) {
  const StoredSessionRow row = session("s");
  EXPECT_THAT(add(row, {file("f1", "a"), file("f2", "b"), file("f3", "c")}, 2).value(),
              ElementsAre(true, true, false));
  EXPECT_THAT(add(row, {file("f4", "a"), file("f5", "c")}, 2).value(), ElementsAre(true, false));
  SessionChanges swap;
  swap.retired = {"f2"};
  swap.added = {file("f6", "c")};
  swap.files_max = 2;
  EXPECT_THAT(table_->apply(row, swap).value(), ElementsAre(true));
  EXPECT_THAT(current_ids(row), ElementsAre("f4", "f6"));
}

TEST_F(StoredSessionTableTest, RetiresFilesOfTheSameSessionOnly) {
  const StoredSessionRow row = session("s");
  const StoredSessionRow other = session("other");
  ASSERT_TRUE(add(row, {file("f1", "a")}));
  SessionChanges changes;
  changes.retired = {"f1", "unknown"};
  ASSERT_TRUE(table_->apply(other, changes));
  EXPECT_THAT(current_ids(row), ElementsAre("f1"));
  ASSERT_TRUE(table_->apply(row, changes));
  EXPECT_THAT(current_ids(row), ElementsAre());
}

TEST_F(StoredSessionTableTest, ChangesAreMadeWholeOrNotAtAll) {
  const StoredSessionRow row = session("s");
  ASSERT_TRUE(add(row, {file("f1", "a")}));
  SessionChanges changes;
  changes.retired = {"f1"};
  changes.added = {file("f2", "b"), file("f1", "id is taken")};
  changes.files_max = 10;
  EXPECT_EQ(table_->apply(row, changes).error().code, ErrorCode::kConflict);
  EXPECT_THAT(current_ids(row), ElementsAre("f1"));
}

TEST_F(StoredSessionTableTest, RemovalGivesTheFilesAndMeansOneSession) {
  const StoredSessionRow row = session("s", 10);
  ASSERT_TRUE(add(row, {file("f1", "a")}));
  ASSERT_TRUE(add(row, {file("f2", "a")}));
  const auto removed = table_->remove(row).value();
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->size(), 2U);
  EXPECT_FALSE(table_->remove(row).value());
  EXPECT_EQ(add(row, {file("f3", "a")}).error().code, ErrorCode::kNotFound);

  // Another session of the same name is not touched by those who mean the first.
  session("s", 11);
  EXPECT_FALSE(table_->remove(row).value());
  EXPECT_EQ(add(row, {file("f3", "a")}).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(table_->find("t", "s").value());
  EXPECT_TRUE(table_->files("t", "s")->empty());
}

}  // namespace
}  // namespace cloister::store
