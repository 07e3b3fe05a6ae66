#include "os/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace cloister::os {
namespace {

TEST(FindControllers, TakesVersion1BesideAnEmptyVersion2) {
  const std::string mounts =
      "30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "31 24 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "32 24 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
      "33 24 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  const auto homes =
      find_controllers(mounts, "4:memory:/a/b\n3:cpu,cpuacct:/\n2:pids:/\n0::/\n", "");
  ASSERT_EQ(homes.size(), 3U);
  EXPECT_FALSE(homes[0].version2);
  EXPECT_EQ(homes[0].mount_point, "/sys/fs/cgroup/memory");
  EXPECT_EQ(homes[0].own_path, "/a/b");
  EXPECT_EQ(homes[2].mount_point, "/sys/fs/cgroup/cpu,cpuacct");
}

TEST(FindControllers, TakesVersion2) {
  const std::string mounts =
      "33 24 0:29 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
  const auto homes =
      find_controllers(mounts, "0::/system.slice/cloister.service\n", "cpuset cpu io memory pids");
  ASSERT_EQ(homes.size(), 3U);
  for (const ControllerHome& home : homes) {
    EXPECT_TRUE(home.version2);
    EXPECT_EQ(home.own_path, "/system.slice/cloister.service");
  }
}

TEST(FindControllers, LeavesOutWhatIsNowhere) {
  EXPECT_TRUE(find_controllers("1 0 0:1 / / rw - ext4 /dev/sda rw\n", "0::/\n", "").empty());
}

TEST(FindControllers, CountsFromTheRootOfTheMount) {
  const std::string mounts =
      "33 24 0:29 /docker/x /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
  const auto homes = find_controllers(mounts, "2:pids:/docker/x\n", "");
  ASSERT_EQ(homes.size(), 1U);
  EXPECT_EQ(homes[0].own_path, "/");
}

TEST(ReadOomKills, FindsTheCounterInBothForms) {
  for (const char* text : {"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
                           "low 0\nhigh 0\nmax 12\noom 3\noom_kill 3\noom_group_kill 0\n"}) {
    std::FILE* file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    std::fputs(text, file);
    std::fflush(file);
    EXPECT_EQ(read_oom_kills(::fileno(file)), 3U);
    std::fclose(file);
  }
  EXPECT_EQ(read_oom_kills(-1), 0U);
}

}  // namespace
}  // namespace cloister::os
