#include "engine/stored_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/id.h"
#include "blob/local_blob_store.h"
#include "store/migrations.h"
#include "store/sqlite_database.h"
#include "testing/memory_file.h"
#include "testing/virtual_clock.h"

namespace cloister::engine {
namespace {

namespace fs = std::filesystem;

class StoredFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = ::testing::TempDir() + "/cloister-files-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
    start();
  }
  void TearDown() override { fs::remove_all(directory_); }

  // Opens everything again, as a new process does.
  void start() {
    files_.reset();
    table_.reset();
    database_.reset();
    blobs_.reset();
    auto blobs = blob::LocalBlobStore::open_directory({directory_ + "/blobs", {}});
    ASSERT_TRUE(blobs) << blobs.error().describe();
    blobs_ = std::move(*blobs);
    auto database =
        store::SqliteDatabase::open({directory_ + "/metadata.db", 2, Milliseconds(1000)});
    ASSERT_TRUE(database) << database.error().describe();
    database_ = std::move(*database);
    ASSERT_TRUE(store::migrate(*database_, store::built_in_migrations(), clock_));
    table_ = std::make_unique<store::FileTable>(*database_);
    StoredFilesLimits limits;
    limits.upload_bytes_max = 100;
    limits.copy_bytes_max = 200;
    limits.time_to_live = std::chrono::seconds(60);
    files_ = std::make_unique<StoredFiles>(*blobs_, *table_, clock_, limits);
  }

  FileRecord add(std::string name, std::string_view bytes, std::string_view tenant = "t") {
    auto upload = files_->create(tenant);
    EXPECT_TRUE(upload);
    EXPECT_TRUE((*upload)->append(bytes));
    auto record = (*upload)->commit(std::move(name));
    EXPECT_TRUE(record) << record.error().describe();
    return *record;
  }

  std::size_t blob_count() {
    std::size_t count = 0;
    EXPECT_TRUE(blobs_->visit([&](const blob::BlobInfo&) -> Result<void> {
      ++count;
      return {};
    }));
    return count;
  }

  std::string blob_path(const std::string& id) const {
    return directory_ + "/blobs/" + id.substr(0, 2) + "/" + id;
  }

  fakes::VirtualClock clock_;
  std::string directory_;
  std::unique_ptr<blob::LocalBlobStore> blobs_;
  std::unique_ptr<store::SqliteDatabase> database_;
  std::unique_ptr<store::FileTable> table_;
  std::unique_ptr<StoredFiles> files_;
};

TEST_F(StoredFilesTest, GivesBackWhatWasStored) {
  const FileRecord record = add("d/a.txt", "hello");
  EXPECT_TRUE(is_uuid(record.id));
  EXPECT_EQ(record.size_bytes, 5U);
  EXPECT_EQ(record.created_at, clock_.wall_now());
  EXPECT_EQ(record.expires_at, clock_.wall_now() + std::chrono::seconds(60));
  start();
  const auto opened = files_->open("t", record.id);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->record.name, "d/a.txt");
  EXPECT_EQ(fakes::read_file(opened->content.get()), "hello");
  EXPECT_EQ(::fcntl(opened->content.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(::fcntl(opened->content.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(StoredFilesTest, HidesFilesOfOtherTenants) {
  const FileRecord record = add("a", "x");
  EXPECT_EQ(files_->open("other", record.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(files_->remove("other", record.id).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(files_->list("other")->empty());
  EXPECT_EQ(files_->list("t")->size(), 1U);
}

TEST_F(StoredFilesTest, TreatsAnyTextAsAnId) {
  for (const std::string id : {"", "../../etc/passwd", "/etc/passwd", "\xff"}) {
    EXPECT_EQ(files_->open("t", id).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(files_->remove("t", id).error().code, ErrorCode::kNotFound);
  }
  EXPECT_EQ(files_->open("t", "nope").error().message, "File with ID 'nope' not found");
}

TEST_F(StoredFilesTest, RemovesRecordAndBytes) {
  const FileRecord record = add("a", "x");
  ASSERT_TRUE(files_->remove("t", record.id));
  EXPECT_EQ(files_->open("t", record.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(files_->remove("t", record.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(blob_count(), 0U);
}

TEST_F(StoredFilesTest, ExpiresExactlyAndSweepsTheRest) {
  const FileRecord old = add("old", "x");
  clock_.advance(std::chrono::seconds(30));
  const FileRecord young = add("young", "y");
  clock_.advance(std::chrono::seconds(30) - Microseconds(1));
  EXPECT_TRUE(files_->open("t", old.id));
  EXPECT_EQ(files_->sweep().value(), 0U);
  clock_.advance(Microseconds(1));
  EXPECT_EQ(files_->open("t", old.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(blob_count(), 2U);
  EXPECT_EQ(files_->sweep().value(), 1U);
  EXPECT_EQ(blob_count(), 1U);
  EXPECT_TRUE(files_->open("t", young.id));
}

TEST_F(StoredFilesTest, LimitsUploadsAndCopiesApart) {
  auto upload = files_->create("t");
  ASSERT_TRUE((*upload)->append(std::string(60, 'x')));
  EXPECT_EQ((*upload)->append(std::string(41, 'x')).error().code, ErrorCode::kTooLarge);
  EXPECT_TRUE((*upload)->append(std::string(40, 'x')));
  EXPECT_TRUE((*upload)->commit("exactly 100"));

  auto copy = files_->create("t");
  EXPECT_TRUE((*copy)->append_from(fakes::memory_file(std::string(200, 'x')).get()));
  EXPECT_EQ((*copy)->size_bytes(), 200U);
  EXPECT_EQ((*copy)->append_from(fakes::memory_file("x").get()).error().code, ErrorCode::kTooLarge);
}

TEST_F(StoredFilesTest, AFileMayHaveALimitAndAnExpiryOfItsOwn) {
  auto upload = files_->create("t", 300);
  ASSERT_TRUE((*upload)->append(std::string(150, 'x')));
  ASSERT_TRUE((*upload)->append_from(fakes::memory_file(std::string(150, 'x')).get()));
  EXPECT_EQ((*upload)->append("x").error().code, ErrorCode::kTooLarge);
  EXPECT_EQ((*upload)->append_from(fakes::memory_file("x").get()).error().code,
            ErrorCode::kTooLarge);
  const WallTime end = clock_.wall_now() + std::chrono::hours(2);
  auto record = (*files_->create("t", 300))->commit("long-lived", end);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->expires_at, end);
  clock_.advance(std::chrono::seconds(61));
  EXPECT_TRUE(files_->open("t", record->id));
}

TEST_F(StoredFilesTest, LeavesNothingOfADroppedUpload) {
  {
    auto upload = files_->create("t");
    ASSERT_TRUE((*upload)->append("half"));
  }
  EXPECT_EQ(blob_count(), 0U);
  EXPECT_TRUE(files_->list("t")->empty());
}

TEST_F(StoredFilesTest, RepairsNamesThatAreNotUtf8) {
  EXPECT_EQ(add("a\xff", "x").name, "a\xEF\xBF\xBD");
  EXPECT_EQ(add("", "x").name, "");
  EXPECT_EQ(files_->list("t")->size(), 2U);
}

TEST_F(StoredFilesTest, AFailedRecordLeavesNoBytes) {
  auto upload = files_->create("t");
  ASSERT_TRUE((*upload)->append("x"));
  ASSERT_TRUE(database_->execute("DROP TABLE files", {}));
  EXPECT_FALSE((*upload)->commit("a"));
  EXPECT_EQ(blob_count(), 0U);
}

TEST_F(StoredFilesTest, RecoversAfterACrash) {
  const FileRecord whole = add("whole", "abc");
  const FileRecord truncated = add("truncated", "abc");
  const FileRecord lost = add("lost", "abc");
  const FileRecord orphaned = add("orphaned", "abc");
  const FileRecord fresh = add("fresh orphan", "abc");
  fs::resize_file(blob_path(truncated.id), 0);
  ASSERT_TRUE(blobs_->remove(lost.id));
  ASSERT_TRUE(table_->remove_any(orphaned.id));
  ASSERT_TRUE(table_->remove_any(fresh.id));
  // The virtual clock is years ahead of the files, but for the one that is touched.
  const auto now = clock_.wall_now().time_since_epoch();
  const timespec stamp{std::chrono::duration_cast<std::chrono::seconds>(now).count(), 0};
  const std::array<timespec, 2> times{stamp, stamp};
  ASSERT_EQ(::utimensat(AT_FDCWD, blob_path(fresh.id).c_str(), times.data(), 0), 0);

  start();
  const auto recovered = files_->recover();
  ASSERT_TRUE(recovered) << recovered.error().describe();
  EXPECT_EQ(recovered->expired, 0U);
  EXPECT_EQ(recovered->broken_records, 2U);
  EXPECT_EQ(recovered->orphaned_blobs, 1U);
  EXPECT_EQ(files_->list("t")->size(), 1U);
  EXPECT_TRUE(files_->open("t", whole.id));
  EXPECT_EQ(blob_count(), 2U);
}

}  // namespace
}  // namespace cloister::engine
