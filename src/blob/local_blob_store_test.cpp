#include "blob/local_blob_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/id.h"
#include "base/scope_exit.h"

namespace cloister::blob {
namespace {

namespace fs = std::filesystem;

class LocalBlobStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = ::testing::TempDir() + "/cloister-blob-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    base_ = path;
  }
  void TearDown() override { fs::remove_all(base_); }

  std::string directory() const { return (base_ / "deep" / "blobs").string(); }

  std::unique_ptr<LocalBlobStore> open_store(Durability durability = Durability::kProcessDeath) {
    auto store = LocalBlobStore::open_directory({directory(), durability});
    EXPECT_TRUE(store) << store.error().describe();
    return store ? std::move(*store) : nullptr;
  }

  static std::string add(BlobStore& store, std::string_view bytes) {
    const std::string id = random_uuid();
    auto writer = store.create();
    EXPECT_TRUE(writer);
    EXPECT_TRUE((*writer)->append(bytes));
    EXPECT_TRUE((*writer)->commit(id));
    return id;
  }

  static std::string content(BlobStore& store, const std::string& id) {
    auto blob = store.open(id);
    EXPECT_TRUE(blob);
    if (!blob) return {};
    std::string bytes(blob->size_bytes, '\0');
    EXPECT_EQ(::read(blob->content.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
    return bytes;
  }

  std::size_t temporary_files() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(directory() + "/tmp"))
      ++count;
    return count;
  }

  fs::path base_;
};

TEST_F(LocalBlobStoreTest, KeepsBytesAcrossOpenings) {
  std::string id;
  {
    const auto store = open_store();
    id = add(*store, std::string("a\0b", 3));
    EXPECT_EQ(content(*store, id), std::string("a\0b", 3));
  }
  EXPECT_EQ(content(*open_store(), id), std::string("a\0b", 3));
}

TEST_F(LocalBlobStoreTest, KeepsAnEmptyBlobAndFlushesWhenAsked) {
  const auto store = open_store(Durability::kMachineDeath);
  EXPECT_EQ(content(*store, add(*store, "")), "");
  EXPECT_EQ(content(*store, add(*store, "abc")), "abc");
}

TEST_F(LocalBlobStoreTest, IsPrivate) {
  fs::create_directories(directory());
  fs::permissions(directory(), fs::perms::all);
  const auto store = open_store();
  const std::string id = add(*store, "x");
  struct stat status{};
  ASSERT_EQ(::stat(directory().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
  ASSERT_EQ(::stat((directory() + "/" + id.substr(0, 2) + "/" + id).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(LocalBlobStoreTest, LeavesNothingOfADroppedWriter) {
  const auto store = open_store();
  {
    auto writer = store->create();
    ASSERT_TRUE((*writer)->append("half"));
    EXPECT_EQ(temporary_files(), 1U);
  }
  EXPECT_EQ(temporary_files(), 0U);
}

TEST_F(LocalBlobStoreTest, RemovesTemporaryFilesOfADeadProcess) {
  {
    const auto store = open_store();
  }
  std::ofstream(directory() + "/tmp/left-behind") << "x";
  const auto store = open_store();
  EXPECT_EQ(temporary_files(), 0U);
}

TEST_F(LocalBlobStoreTest, SurvivesSigkillAfterCommit) {
  const std::string id = random_uuid();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto store = LocalBlobStore::open_directory({directory(), Durability::kProcessDeath});
    auto writer = (*store)->create();
    if (!(*writer)->append("kept") || !(*writer)->commit(id)) ::_exit(1);
    auto other = (*store)->create();
    if (!(*other)->append("lost")) ::_exit(1);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto store = open_store();
  EXPECT_EQ(content(*store, id), "kept");
  EXPECT_EQ(temporary_files(), 0U);
}

TEST_F(LocalBlobStoreTest, RefusesADirectoryThatAnotherProcessUses) {
  const auto store = open_store();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto other = LocalBlobStore::open_directory({directory(), Durability::kProcessDeath});
    ::_exit(!other && other.error().code == ErrorCode::kConflict ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(LocalBlobStoreTest, RefusesADirectoryOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  fs::create_directories(directory());
  ASSERT_EQ(::chown(directory().c_str(), 12345, 12345), 0);
  const auto store = LocalBlobStore::open_directory({directory(), Durability::kProcessDeath});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kPermission);
}

TEST_F(LocalBlobStoreTest, TreatsEveryOtherIdAsUnknown) {
  const auto store = open_store();
  std::ofstream(base_ / "secret") << "x";
  for (const std::string id : {"", "..", "../../secret", "/etc/passwd", "lock", "tmp"}) {
    EXPECT_EQ(store->open(id).error().code, ErrorCode::kNotFound) << id;
    EXPECT_EQ(store->remove(id).error().code, ErrorCode::kNotFound) << id;
    auto writer = store->create();
    EXPECT_EQ((*writer)->commit(id).error().code, ErrorCode::kInvalidArgument) << id;
  }
  EXPECT_EQ(store->open(random_uuid()).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(fs::exists(base_ / "secret"));
}

TEST_F(LocalBlobStoreTest, FollowsNoLink) {
  const auto store = open_store();
  const std::string id = random_uuid();
  fs::create_directory(fs::path(directory()) / id.substr(0, 2));
  fs::create_symlink("/etc/passwd", fs::path(directory()) / id.substr(0, 2) / id);
  EXPECT_FALSE(store->open(id));
}

TEST_F(LocalBlobStoreTest, NeverReplacesABlob) {
  const auto store = open_store();
  const std::string id = add(*store, "first");
  auto writer = store->create();
  ASSERT_TRUE((*writer)->append("second"));
  EXPECT_EQ((*writer)->commit(id).error().code, ErrorCode::kConflict);
  EXPECT_EQ(content(*store, id), "first");
}

TEST_F(LocalBlobStoreTest, AnOpenBlobOutlivesItsRemoval) {
  const auto store = open_store();
  const std::string id = add(*store, "abc");
  auto blob = store->open(id);
  ASSERT_TRUE(store->remove(id));
  EXPECT_FALSE(store->open(id));
  char bytes[4] = {};
  EXPECT_EQ(::read(blob->content.get(), bytes, 3), 3);
  EXPECT_STREQ(bytes, "abc");
}

TEST_F(LocalBlobStoreTest, VisitsEveryBlobWithItsSize) {
  const auto store = open_store();
  std::set<std::string> expected;
  for (int i = 0; i < 50; ++i)
    expected.insert(add(*store, "1234"));
  auto writer = store->create();  // Not committed, so not a blob.
  std::set<std::string> seen;
  ASSERT_TRUE(store->visit([&](const BlobInfo& info) -> Result<void> {
    EXPECT_EQ(info.size_bytes, 4U);
    EXPECT_LE(info.modified_at, SystemClock().wall_now() + std::chrono::seconds(5));
    EXPECT_GE(info.modified_at, SystemClock().wall_now() - std::chrono::hours(1));
    seen.insert(info.id);
    return store->remove(info.id);
  }));
  EXPECT_EQ(seen, expected);
}

TEST_F(LocalBlobStoreTest, NamesTheDirectoryThatIsFull) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can mount a small file system";
  fs::create_directories(directory());
  if (std::system(("mount -t tmpfs -o size=64k tmpfs " + directory()).c_str()) != 0) {
    GTEST_SKIP() << "mounting is not allowed here";
  }
  const ScopeExit unmount([&] { EXPECT_EQ(std::system(("umount " + directory()).c_str()), 0); });
  const auto store = open_store();
  auto writer = store->create();
  const auto appended = (*writer)->append(std::string(1 << 20, 'x'));
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(appended.error().message.find(directory()), std::string::npos);
}

TEST_F(LocalBlobStoreTest, ServesManyThreads) {
  const auto store = open_store();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&store, i] {
      for (int round = 0; round < 50; ++round) {
        const std::string bytes = std::to_string(i * 1000 + round);
        const std::string id = add(*store, bytes);
        EXPECT_EQ(content(*store, id), bytes);
        EXPECT_TRUE(store->remove(id));
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
}

}  // namespace
}  // namespace cloister::blob
