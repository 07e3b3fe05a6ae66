#include "sandbox/stager.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "base/unique_fd.h"
#include "os/forked_test.h"
#include "os/memfd.h"
#include "sandbox/limits.h"
#include "sandbox/protocol.h"

namespace cloister::sandbox {
namespace {

class Stager : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::mkdir((top_ / "workspace").c_str(), 0755), 0);
    ASSERT_EQ(::mkdir((top_ / "outside").c_str(), 0755), 0);
    workspace_.reset(::open((top_ / "workspace").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(workspace_.is_open());
  }

  int stage(const std::string& path, std::string_view bytes, bool is_executable = false) {
    const auto source = os::make_sealed_memfd("source", bytes);
    return source ? stage_file(workspace_.get(), path.c_str(), source->get(), is_executable) : EIO;
  }

  std::string in_workspace(const std::string& path) const { return top_ / ("workspace/" + path); }

  std::string content(const std::string& path) const {
    std::ifstream file(in_workspace(path));
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  struct stat status(const std::string& path) const {
    struct stat result{};
    EXPECT_EQ(::lstat(in_workspace(path).c_str(), &result), 0) << path;
    return result;
  }

  bool outside_is_empty() const { return std::filesystem::is_empty(top_ / "outside"); }

  os::TemporaryDirectory top_;
  UniqueFd workspace_;
};

// For tests in which a file gets as far as its owner.
class StagerAsRoot : public Stager {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file to the sandbox's user";
    Stager::SetUp();
  }
};

TEST_F(StagerAsRoot, MakesTheFileAndItsParentsForTheSandboxUser) {
  ::umask(077);  // Modes do not depend on it where the sandbox's user has to read.
  const int error = stage("a/b/file.txt", "content");
  ::umask(022);
  ASSERT_EQ(error, 0);
  EXPECT_EQ(content("a/b/file.txt"), "content");
  const struct stat file = status("a/b/file.txt");
  EXPECT_EQ(file.st_mode, S_IFREG | 0644U);
  EXPECT_EQ(file.st_uid, kSandboxUid);
  EXPECT_EQ(file.st_gid, kSandboxUid);
  EXPECT_EQ(file.st_mtim.tv_sec, 0);
  EXPECT_EQ(file.st_mtim.tv_nsec, 0);
  EXPECT_EQ(status("a").st_uid, kSandboxUid);
  EXPECT_EQ(status("a/b").st_gid, kSandboxUid);
}

TEST_F(StagerAsRoot, AnExecutableFileIsOneWhateverWasThere) {
  ::umask(077);
  const int first = stage("a/run", "#!", true);
  ::umask(022);
  ASSERT_EQ(first, 0);
  EXPECT_EQ(status("a/run").st_mode, S_IFREG | 0755U);
  EXPECT_EQ(status("a/run").st_uid, kSandboxUid);
  ASSERT_EQ(stage("a/run", "text", false), 0);
  EXPECT_EQ(status("a/run").st_mode, S_IFREG | 0644U);
  ASSERT_EQ(stage("a/run", "#!", true), 0);
  EXPECT_EQ(status("a/run").st_mode, S_IFREG | 0755U);
}

TEST_F(StagerAsRoot, ParentsHaveTheirMode) {
  ::umask(022);
  ASSERT_EQ(stage("a/b/c", "x"), 0);
  EXPECT_EQ(status("a").st_mode, S_IFDIR | 0755U);
  EXPECT_EQ(status("a/b").st_mode, S_IFDIR | 0755U);
}

TEST_F(StagerAsRoot, ReadsTheSourceFromItsBeginning) {
  const auto source = os::make_sealed_memfd("source", "whole");
  ASSERT_TRUE(source.has_value());
  ASSERT_EQ(::lseek(source->get(), 3, SEEK_SET), 3);
  ASSERT_EQ(stage_file(workspace_.get(), "f", source->get(), false), 0);
  EXPECT_EQ(content("f"), "whole");
  EXPECT_EQ(::lseek(source->get(), 0, SEEK_CUR), 3) << "the server's position is its own";
}

TEST_F(StagerAsRoot, CopiesLargeAndEmptyFiles) {
  const std::string large(5'000'000, 'q');
  ASSERT_EQ(stage("large", large), 0);
  EXPECT_EQ(content("large"), large);
  ASSERT_EQ(stage("empty", ""), 0);
  EXPECT_EQ(status("empty").st_size, 0);
}

TEST_F(StagerAsRoot, OverwritesAFileEntirely) {
  ASSERT_EQ(stage("f", "a long first content"), 0);
  ASSERT_EQ(::chmod(in_workspace("f").c_str(), 0400), 0);
  ASSERT_EQ(stage("f", "short"), 0);
  EXPECT_EQ(content("f"), "short");
  EXPECT_EQ(status("f").st_mode, S_IFREG | 0644U);
}

TEST_F(StagerAsRoot, PathsThatContradictEachOtherAreErrors) {
  ASSERT_EQ(stage("file", "x"), 0);
  EXPECT_EQ(stage("file/below", "x"), ENOTDIR);
  EXPECT_EQ(stage("file/deep/below", "x"), ENOTDIR);
  ASSERT_EQ(stage("directory/file", "x"), 0);
  EXPECT_EQ(stage("directory", "x"), EISDIR);
  EXPECT_EQ(content("file"), "x");
}

TEST_F(Stager, LongNamesAndPathsAreErrors) {
  EXPECT_EQ(stage(std::string(256, 'n'), "x"), ENAMETOOLONG);
  EXPECT_EQ(stage(std::string(256, 'n') + "/f", "x"), ENAMETOOLONG);
  std::string path = "f";
  while (path.size() < kMaxPath)
    path.insert(0, "d/");
  EXPECT_EQ(stage(path, "x"), ENAMETOOLONG);
}

TEST_F(Stager, DoesNotWriteThroughALinkAtTheTarget) {
  const std::string victim = top_ / "outside/victim";
  ASSERT_EQ(::symlink(victim.c_str(), in_workspace("absolute").c_str()), 0);
  ASSERT_EQ(::symlink("../outside/victim", in_workspace("relative").c_str()), 0);
  EXPECT_EQ(stage("absolute", "x"), ELOOP);
  EXPECT_EQ(stage("relative", "x"), ELOOP);
  EXPECT_TRUE(outside_is_empty());
}

TEST_F(Stager, DoesNotMakeAnythingThroughALinkAtAParent) {
  const std::string outside = top_ / "outside";
  ASSERT_EQ(::symlink(outside.c_str(), in_workspace("absolute").c_str()), 0);
  ASSERT_EQ(::symlink("../outside", in_workspace("relative").c_str()), 0);
  for (const std::string link : {"absolute", "relative"}) {
    EXPECT_NE(stage(link + "/f", "x"), 0);
    EXPECT_NE(stage(link + "/directory/f", "x"), 0);
    EXPECT_NE(stage(link + "/directory/deeper/f", "x"), 0);
  }
  EXPECT_TRUE(outside_is_empty());
}

TEST_F(Stager, DoesNotWaitForTheReaderOfAPipe) {
  ASSERT_EQ(::mkfifo(in_workspace("pipe").c_str(), 0600), 0);
  EXPECT_EQ(stage("pipe", "x"), ENXIO);
}

TEST_F(Stager, RefusesToLeaveTheWorkspace) {
  EXPECT_NE(stage("../outside/f", "x"), 0);
  EXPECT_NE(stage("a/../../outside/f", "x"), 0);
  EXPECT_NE(stage("/f", "x"), 0);
  EXPECT_TRUE(outside_is_empty());
}

TEST_F(StagerAsRoot, AFullWorkspaceIsAnError) {
  const std::string small = in_workspace("");
  if (::mount("tmpfs", small.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,nr_inodes=8") != 0) {
    GTEST_SKIP() << "a tmpfs cannot be mounted here, errno " << errno;
  }
  workspace_.reset(::open(small.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(stage("fits", std::string(4096, 'x')), 0);
  EXPECT_EQ(stage("large", std::string(128 << 10, 'x')), ENOSPC);
  int error = 0;
  for (int i = 0; i < 16 && error == 0; ++i)
    error = stage("many/" + std::to_string(i), "");
  EXPECT_EQ(error, ENOSPC) << "inodes are limited too";
  workspace_.reset();
  EXPECT_EQ(::umount2(small.c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace cloister::sandbox
