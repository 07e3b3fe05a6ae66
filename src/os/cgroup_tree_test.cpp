// CgroupTree in the real hierarchies, below a cgroup of the test's own.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "os/cgroup.h"
#include "os/forked_test.h"
#include "os/unix_message.h"

namespace cloister::os {
namespace {

constexpr CgroupLimits kLimits{64U << 20, 17, 50};

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// "<pid>-<start time>", the form by which a tree knows whose instance still runs.
std::string own_instance() {
  const std::string stat = read_file("/proc/self/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i)
    fields >> field;
  return std::to_string(::getpid()) + "-" + field;
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

class CgroupTreeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "cgroups without delegation are root's";
    const std::string name = "cloister-test-" + own_instance();
    for (ControllerHome home : find_controllers()) {
      // Version 2 would move the test's own process and its neighbours; the server suites cover it.
      if (home.version2) continue;
      const std::string own = home.own_path == "/" ? "" : home.own_path;
      const std::string path = home.mount_point + own + "/" + name;
      if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
        GTEST_SKIP() << path << " cannot be made, errno " << errno;
      }
      home.own_path = own + "/" + name;
      homes_.push_back(home);
      directories_.push_back(path);
    }
    if (homes_.empty()) GTEST_SKIP() << "no controller of version 1 on this host";
  }

  void TearDown() override {
    for (const std::string& directory : directories_) {
      ::rmdir((directory + "/cloister").c_str());
      EXPECT_EQ(::rmdir(directory.c_str()), 0) << directory << " is not empty";
    }
  }

  // Below the directory of one controller.
  std::string path(CgroupController controller, const std::string& rest) const {
    for (std::size_t i = 0; i < homes_.size(); ++i) {
      if (homes_[i].controller == controller) return directories_[i] + "/cloister/" + rest;
    }
    return {};
  }

  std::vector<ControllerHome> homes_;
  std::vector<std::string> directories_;
};

TEST_F(CgroupTreeTest, ALeafHasItsLimits) {
  const std::string instance = own_instance();
  auto tree = CgroupTree::create(homes_, instance, ::geteuid());
  ASSERT_TRUE(tree.has_value()) << tree.error().describe();
  EXPECT_FALSE(tree->empty());
  const auto leaf = tree->make_leaf("s1", kLimits);
  ASSERT_TRUE(leaf.has_value()) << leaf.error().describe();
  EXPECT_EQ(leaf->name, "s1");
  const std::string below = instance + "/s1/";
  if (tree->has(CgroupController::kMemory)) {
    const auto memory = path(CgroupController::kMemory, below);
    EXPECT_EQ(read_file(memory + "memory.limit_in_bytes"), std::to_string(kLimits.memory_bytes));
    EXPECT_TRUE(leaf->oom_events.is_open());
    EXPECT_EQ(read_oom_kills(leaf->oom_events.get()), 0U);
  }
  if (tree->has(CgroupController::kPids)) {
    EXPECT_EQ(read_file(path(CgroupController::kPids, below) + "pids.max"), "17");
  }
  if (tree->has(CgroupController::kCpu)) {
    EXPECT_EQ(read_file(path(CgroupController::kCpu, below) + "cpu.cfs_quota_us"), "50000");
  }
  EXPECT_FALSE(tree->make_leaf("s1", kLimits).has_value()) << "a name is used once";
  EXPECT_EQ(tree->remove_leaf("s1"), 0);
  EXPECT_EQ(tree->remove_leaf("s1"), 0) << "one that is gone is no error";
  tree->remove_instance();
  for (const ControllerHome& home : homes_)
    EXPECT_FALSE(exists(path(home.controller, instance)));
}

TEST_F(CgroupTreeTest, TheMemoryLimitOfALeafGoesUpAndDown) {
  auto tree = CgroupTree::create(homes_, own_instance(), ::geteuid());
  ASSERT_TRUE(tree.has_value()) << tree.error().describe();
  if (!tree->has(CgroupController::kMemory)) {
    EXPECT_TRUE(tree->limit_memory("s1", 1U << 20).has_value()) << "there is nothing to do";
    tree->remove_instance();
    GTEST_SKIP() << "no memory controller of version 1 on this host";
  }
  ASSERT_TRUE(tree->make_leaf("s1", kLimits).has_value());
  const std::string leaf = path(CgroupController::kMemory, own_instance() + "/s1/");
  for (const std::uint64_t bytes : {512U << 20, 32U << 20, 32U << 20, 128U << 20}) {
    const auto limited = tree->limit_memory("s1", bytes);
    ASSERT_TRUE(limited.has_value()) << limited.error().describe();
    EXPECT_EQ(read_file(leaf + "memory.limit_in_bytes"), std::to_string(bytes));
    const std::string with_swap = leaf + "memory.memsw.limit_in_bytes";
    if (exists(with_swap)) {
      EXPECT_EQ(read_file(with_swap), std::to_string(bytes));
    }
  }
  EXPECT_FALSE(tree->limit_memory("s2", 64U << 20).has_value()) << "there is no such leaf";
  EXPECT_EQ(tree->remove_leaf("s1"), 0);
  tree->remove_instance();
}

TEST_F(CgroupTreeTest, ALeafIsBusyAsLongAsAProcessIsInIt) {
  auto tree = CgroupTree::create(homes_, own_instance(), ::geteuid());
  ASSERT_TRUE(tree.has_value()) << tree.error().describe();
  const auto leaf = tree->make_leaf("s1", kLimits);
  ASSERT_TRUE(leaf.has_value()) << leaf.error().describe();
  auto entered = make_pipe();
  auto end = make_pipe();
  ASSERT_TRUE(entered && end);
  const pid_t pid = ::fork();
  if (pid == 0) {
    end->write_end.reset();
    char result = 'y';
    for (const UniqueFd& procs : leaf->procs) {
      if (::write(procs.get(), "0", 1) != 1) result = 'n';
    }
    static_cast<void>(!::write(entered->write_end.get(), &result, 1));
    static_cast<void>(!::read(end->read_end.get(), &result, 1));
    ::_exit(0);
  }
  char result = 0;
  ASSERT_EQ(::read(entered->read_end.get(), &result, 1), 1);
  EXPECT_EQ(result, 'y');
  EXPECT_EQ(tree->remove_leaf("s1"), EBUSY);
  end->write_end.reset();
  ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  EXPECT_EQ(tree->remove_leaf("s1"), 0);
  tree->remove_instance();
}

TEST_F(CgroupTreeTest, TheNextStartRemovesWhatADeadInstanceLeft) {
  const std::string dead = "999999999-1";  // Above the largest pid there can be.
  {
    auto tree = CgroupTree::create(homes_, dead, ::geteuid());
    ASSERT_TRUE(tree.has_value()) << tree.error().describe();
    ASSERT_TRUE(tree->make_leaf("s7", kLimits).has_value());
  }
  const CgroupController some = homes_.front().controller;
  ASSERT_TRUE(exists(path(some, dead + "/s7")));
  auto first = CgroupTree::create(homes_, own_instance(), ::geteuid());
  ASSERT_TRUE(first.has_value()) << first.error().describe();
  EXPECT_FALSE(exists(path(some, dead)));
  // One that lives is left alone.
  auto second = CgroupTree::create(homes_, "999999999-2", ::geteuid());
  ASSERT_TRUE(second.has_value()) << second.error().describe();
  EXPECT_TRUE(exists(path(some, own_instance())));
  second->remove_instance();
  first->remove_instance();
}

TEST_F(CgroupTreeTest, TheOwnerCanMakeLeaves) {
  constexpr uid_t kOwner = 70001;
  auto tree = CgroupTree::create(homes_, own_instance(), kOwner);
  ASSERT_TRUE(tree.has_value()) << tree.error().describe();
  EXPECT_EQ(run_in_child([&] {
              if (::setresgid(kOwner, kOwner, kOwner) != 0) return 1;
              if (::setresuid(kOwner, kOwner, kOwner) != 0) return 2;
              const auto leaf = tree->make_leaf("s1", kLimits);
              if (!leaf) return 3;
              return tree->remove_leaf("s1") == 0 ? 0 : 4;
            }),
            0);
  tree->remove_instance();
}

TEST(CgroupTreeWithoutControllers, IsEmpty) {
  const auto tree = CgroupTree::create({}, "1-1", ::geteuid());
  ASSERT_TRUE(tree.has_value());
  EXPECT_TRUE(tree->empty());
  EXPECT_FALSE(tree->has(CgroupController::kMemory));
}

}  // namespace
}  // namespace cloister::os
