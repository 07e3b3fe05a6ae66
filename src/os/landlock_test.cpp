#include "os/landlock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <array>

#include "os/forked_test.h"

namespace cloister::os {
namespace {

// 0 when a file can be made there, else why not.
int create_error(const std::string& path) {
  const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) return errno;
  const ssize_t written = ::write(fd, "x", 1);
  ::close(fd);
  return written == 1 ? 0 : EIO;
}

int open_error(const char* path, int flags) {
  const int fd = ::open(path, flags | O_CLOEXEC);
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}

class Landlock : public testing::Test {
 protected:
  void SetUp() override {
    if (landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock, or it is switched off";
    ASSERT_EQ(::mkdir((directory_ / "open").c_str(), 0755), 0);
    ASSERT_EQ(::mkdir((directory_ / "closed").c_str(), 0755), 0);
    ASSERT_EQ(create_error(directory_ / "closed/there"), 0);
  }

  int restrict_self() const {
    const std::string open = directory_ / "open";
    const std::array<const char*, 1> directories{open.c_str()};
    const std::array<const char*, 1> files{"/dev/null"};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    return restrict_with_landlock(landlock_abi(), directories, files);
  }

  TemporaryDirectory directory_;
};

TEST_F(Landlock, OnlyTheNamedDirectoryCanBeChanged) {
  EXPECT_EQ(run_in_child([&] {
              if (restrict_self() != 0) return 1;
              if (create_error(directory_ / "open/new") != 0) return 2;
              if (::mkdir((directory_ / "open/directory").c_str(), 0755) != 0) return 3;
              if (create_error(directory_ / "open/directory/new") != 0) return 4;
              if (::unlink((directory_ / "open/new").c_str()) != 0) return 5;
              if (create_error(directory_ / "closed/new") != EACCES) return 6;
              const std::string there = directory_ / "closed/there";
              if (::unlink(there.c_str()) == 0 || errno != EACCES) return 7;
              if (open_error(there.c_str(), O_WRONLY) != EACCES) return 8;
              if (open_error(there.c_str(), O_RDONLY) != 0) return 9;
              return ::mkdir((directory_ / "closed/directory").c_str(), 0755) != 0 ? 0 : 10;
            }),
            0);
}

TEST_F(Landlock, NamedDevicesCanBeWritten) {
  EXPECT_EQ(run_in_child([&] {
              if (restrict_self() != 0) return 1;
              if (open_error("/dev/null", O_RDWR) != 0) return 2;
              return open_error("/dev/zero", O_RDWR) == EACCES ? 0 : 3;
            }),
            0);
}

TEST_F(Landlock, ChildrenInheritIt) {
  EXPECT_EQ(run_in_child([&] {
              if (restrict_self() != 0) return 1;
              return run_in_child(
                  [&] { return create_error(directory_ / "closed/new") == EACCES ? 0 : 2; });
            }),
            0);
}

TEST_F(Landlock, SignalsStayInside) {
  if (landlock_abi() < 6) GTEST_SKIP() << "scopes come with ABI 6";
  EXPECT_EQ(run_in_child([&] {
              const pid_t outside = ::getppid();
              if (restrict_self() != 0) return 1;
              return ::kill(outside, 0) != 0 && errno == EPERM ? 0 : 2;
            }),
            0);
}

TEST_F(Landlock, AMissingDirectoryIsAnError) {
  EXPECT_EQ(run_in_child([&] {
              const std::string missing = directory_ / "missing";
              const std::array<const char*, 1> directories{missing.c_str()};
              return restrict_with_landlock(landlock_abi(), directories, {}) == ENOENT ? 0 : 1;
            }),
            0);
}

TEST(LandlockWithoutAnAbi, IsAnError) {
  EXPECT_EQ(restrict_with_landlock(0, {}, {}), ENOSYS);
}

}  // namespace
}  // namespace cloister::os
