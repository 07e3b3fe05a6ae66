#include "os/user_namespace.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <array>
#include <vector>

#include "os/namespaces_test.h"

namespace cloister::os {
namespace {

class UserNamespace : public testing::Test {
 protected:
  void SetUp() override {
    const std::string reason = why_no_user_namespaces();
    if (!reason.empty()) GTEST_SKIP() << reason;
  }
};

TEST_F(UserNamespace, ASingleMapMakesTheCallerRootInside) {
  EXPECT_EQ(run_in_namespaces(0, map_as_root,
                              [] {
                                if (::geteuid() != 0 || ::getegid() != 0) return 1;
                                // Refused by "deny", which an ordinary user has to write.
                                return ::setgroups(0, nullptr) != 0 && errno == EPERM ? 0 : 2;
                              }),
            0);
}

TEST_F(UserNamespace, RangesMapUsersAndGroups) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may map users that are not its own";
  const std::array<IdRange, 2> ranges{{{0, 70000, 1}, {65532, 71000, 1}}};
  EXPECT_EQ(run_in_namespaces(
                0, [&](int proc, pid_t pid) { return write_id_maps(proc, pid, ranges, false); },
                [] {
                  if (::syscall(SYS_setresgid, 65532, 65532, 65532) != 0) return 1;
                  if (::syscall(SYS_setresuid, 65532, 65532, 65532) != 0) return 2;
                  return ::geteuid() == 65532 && ::getegid() == 65532 ? 0 : 3;
                }),
            0);
}

TEST_F(UserNamespace, AUserOutsideTheMapDoesNotExist) {
  EXPECT_EQ(run_in_namespaces(
                0, map_as_root,
                [] { return ::syscall(SYS_setresuid, 5, 5, 5) != 0 && errno == EINVAL ? 0 : 1; }),
            0);
}

TEST_F(UserNamespace, AMapIsWrittenOnce) {
  EXPECT_EQ(run_in_namespaces(
                0,
                [](int proc, pid_t pid) {
                  if (const int error = map_as_root(proc, pid); error != 0) return error;
                  return map_as_root(proc, pid) == EPERM ? 0 : EEXIST;
                },
                [] { return 0; }),
            0);
}

TEST(UserNamespaceMaps, TooManyRangesAreRefused) {
  const std::vector<IdRange> ranges(kMaxIdRanges + 1);
  EXPECT_EQ(write_id_maps(-1, ::getpid(), ranges, false), EINVAL);
}

TEST(UserNamespaceMaps, AProcessThatIsGoneIsAnError) {
  const UniqueFd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  EXPECT_EQ(write_single_id_map(proc.get(), pid, 0, 0), ENOENT);
}

}  // namespace
}  // namespace cloister::os
