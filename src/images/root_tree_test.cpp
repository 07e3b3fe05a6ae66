#include "images/root_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/id.h"
#include "images/inventory.h"

namespace cloister::images {
namespace {

namespace fs = std::filesystem;

class RootTree : public testing::Test {
 protected:
  RootTree() {
    fs::create_directories(root_);
    fs::create_directories(outside_);
  }
  ~RootTree() override { static_cast<void>(remove_tree(base_)); }

  static void write(const fs::path& path, std::string_view content) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  static mode_t mode_of(const fs::path& path) {
    struct stat status{};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777U;
  }

  const fs::path base_ = fs::path(testing::TempDir()) / ("root_tree_test-" + random_hex(8));
  const fs::path root_ = base_ / "root";
  const fs::path outside_ = base_ / "outside";
};

TEST_F(RootTree, MakesEveryMountPoint) {
  ASSERT_TRUE(prepare_root(root_, {}));
  ASSERT_TRUE(prepare_root(root_, {}));
  for (const std::string_view path : mount_points())
    EXPECT_TRUE(fs::is_directory(root_ / path));
  EXPECT_EQ(mode_of(root_ / "tmp"), 01777U);
  EXPECT_EQ(mode_of(root_ / "workspace"), 0755U);
}

TEST_F(RootTree, NeverFollowsALinkOutOfTheImage) {
  fs::create_directory_symlink(outside_, root_ / "mnt");
  fs::create_directory_symlink(outside_, root_ / "tmp");
  write(outside_ / "passwd", "a:x:65532:0::/:/bin/sh\n");
  fs::create_directory_symlink(outside_, root_ / "etc");
  const mode_t before = mode_of(outside_);
  ASSERT_TRUE(prepare_root(root_, {"etc/passwd"}));
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(root_ / "mnt")));
  EXPECT_FALSE(fs::exists(outside_ / "data"));
  EXPECT_EQ(mode_of(outside_), before);
  EXPECT_EQ(fs::file_size(outside_ / "passwd"), 23U);
}

TEST_F(RootTree, TakesSetIdBitsAndSpecialFilesAway) {
  write(root_ / "bin/su", "x");
  ASSERT_EQ(::chmod((root_ / "bin/su").c_str(), 06755), 0);
  ASSERT_EQ(::mkfifo((root_ / "bin/pipe").c_str(), 0600), 0);
  write(root_ / "dev/null", "");
  write(root_ / "tmp/left/behind", "");
  ASSERT_TRUE(prepare_root(root_, {}));
  EXPECT_EQ(mode_of(root_ / "bin/su"), 0755U);
  EXPECT_FALSE(fs::exists(root_ / "bin/pipe"));
  EXPECT_TRUE(fs::is_empty(root_ / "dev"));
  EXPECT_TRUE(fs::is_empty(root_ / "tmp"));
}

TEST_F(RootTree, StandInDevicesLastUntilTheRootIsPreparedAgain) {
  ASSERT_TRUE(prepare_root(root_, {}));
  ASSERT_TRUE(add_stand_in_devices(root_));
  ASSERT_TRUE(add_stand_in_devices(root_));
  EXPECT_EQ(mode_of(root_ / "dev/null"), 0666U);
  ASSERT_TRUE(prepare_root(root_, {}));
  EXPECT_TRUE(fs::is_empty(root_ / "dev"));
}

TEST_F(RootTree, RemovesWhatMatches) {
  write(root_ / "lib/numpy/core/tests/a.py", "");
  write(root_ / "lib/numpy/core/tests.py", "");
  ASSERT_TRUE(prepare_root(root_, {"lib/*/tests"}));
  EXPECT_FALSE(fs::exists(root_ / "lib/numpy/core/tests"));
  EXPECT_TRUE(fs::exists(root_ / "lib/numpy/core/tests.py"));
}

TEST_F(RootTree, RemovesOnlyTheSandboxUser) {
  write(root_ / "etc/passwd",
        "root:x:0:0::/root:/bin/sh\nbox:x:65532:0::/:/bin/sh\n"
        "odd:x:1:65532::/:/bin/sh\n");
  ASSERT_TRUE(prepare_root(root_, {}));
  EXPECT_EQ(read_in_root(root_, "etc/passwd").value_or(""),
            "root:x:0:0::/root:/bin/sh\nodd:x:1:65532::/:/bin/sh\n");
}

TEST_F(RootTree, ResolvesAbsoluteLinksInsideTheImage) {
  write(root_ / "usr/bin/python3.13", "x");
  ASSERT_EQ(::chmod((root_ / "usr/bin/python3.13").c_str(), 0755), 0);
  fs::create_symlink("/usr/bin/python3.13", root_ / "usr/bin/python3");
  fs::create_symlink("/bin/sh", root_ / "usr/bin/sh");
  EXPECT_TRUE(is_executable_in_root(root_, "/usr/bin/python3"));
  EXPECT_FALSE(is_executable_in_root(root_, "/usr/bin/sh"));
  EXPECT_FALSE(is_executable_in_root(root_, "/usr/bin"));
  write(root_ / "usr/data", "x");
  fs::create_symlink("/usr/data", root_ / "usr/linked_data");
  EXPECT_FALSE(is_executable_in_root(root_, "/usr/linked_data"));
  EXPECT_TRUE(is_file_in_root(root_, "/usr/linked_data"));
  EXPECT_FALSE(is_file_in_root(root_, "/usr/bin"));
  EXPECT_FALSE(is_file_in_root(root_, "/usr/bin/sh"));
}

TEST_F(RootTree, AppendsInsideTheImage) {
  fs::create_directories(root_ / "etc");
  fs::create_symlink("/etc/real", root_ / "etc/link");
  ASSERT_TRUE(append_in_root(root_, "etc/link", "a\n"));
  ASSERT_TRUE(append_in_root(root_, "etc/real", "b\n"));
  EXPECT_EQ(read_in_root(root_, "etc/real").value_or(""), "a\nb\n");
  EXPECT_FALSE(append_in_root(root_, "missing/file", "a"));
}

TEST_F(RootTree, RemovesClosedDirectories) {
  write(base_ / "closed/inner/file", "x");
  ASSERT_EQ(::chmod((base_ / "closed/inner").c_str(), 0500), 0);
  EXPECT_TRUE(remove_tree(base_ / "closed"));
  EXPECT_FALSE(fs::exists(base_ / "closed"));
  EXPECT_TRUE(remove_tree(base_ / "closed"));
}

TEST(Inventory, ListsInstalledPackagesOnly) {
  const auto packages = parse_dpkg_status(
      "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\n\n"
      "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
      "Package: zip\nVersion: 3.0\nStatus: install ok installed\n");
  EXPECT_EQ(packages, (std::map<std::string, std::string>{{"bash", "5.2-1"}, {"zip", "3.0"}}));
}

}  // namespace
}  // namespace cloister::images
