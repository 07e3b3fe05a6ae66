#include "sandbox/sandbox_mounts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <string>

namespace cloister::sandbox {
namespace {

// The names of the plan, checked: not empty, each once.
template <typename List>
std::set<std::string> names_of(const List& list, std::size_t count) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = list[i].data();
    EXPECT_FALSE(name.empty());
    EXPECT_TRUE(names.insert(name).second) << name << " is there twice";
  }
  return names;
}

TEST(MountPlan, MasksFilesByFilesAndDirectoriesByDirectories) {
  const MountPlan plan = plan_mounts();
  for (const std::string& name : names_of(plan.masked_files, plan.masked_file_count)) {
    EXPECT_TRUE(std::filesystem::is_regular_file("/proc/" + name)) << name;
  }
  for (const std::string& name : names_of(plan.masked_directories, plan.masked_directory_count)) {
    EXPECT_TRUE(std::filesystem::is_directory("/proc/" + name)) << name;
  }
}

TEST(MountPlan, HidesWhatTellsAboutTheHost) {
  const MountPlan plan = plan_mounts();
  const auto files = names_of(plan.masked_files, plan.masked_file_count);
  const auto directories = names_of(plan.masked_directories, plan.masked_directory_count);
  for (const std::string name : {"kcore", "kallsyms", "cmdline", "sysrq-trigger", "interrupts",
                                 "kmsg", "keys", "timer_list", "bus", "fs", "irq", "driver"}) {
    if (!std::filesystem::exists("/proc/" + name)) continue;
    EXPECT_TRUE(files.contains(name) || directories.contains(name)) << name;
  }
}

TEST(MountPlan, LeavesWhatProgramsNeed) {
  const MountPlan plan = plan_mounts();
  const auto files = names_of(plan.masked_files, plan.masked_file_count);
  for (const std::string name : {"meminfo", "cpuinfo", "stat", "self", "mounts", "filesystems"})
    EXPECT_FALSE(files.contains(name)) << name;
}

TEST(MountPlan, CacheFilesAreThoseOfTheImage) {
  const MountPlan plan = plan_mounts();
  EXPECT_LE(plan.cache_file_count, MountPlan::kMaxCacheFiles);
  for (const std::string& name : names_of(plan.cache_files, plan.cache_file_count)) {
    EXPECT_TRUE(std::filesystem::exists(std::string(kMatplotlibCache) + "/" + name)) << name;
  }
}

}  // namespace
}  // namespace cloister::sandbox
