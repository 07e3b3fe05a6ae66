#include "images/inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/id.h"
#include "images/root_tree.h"

namespace cloister::images {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class InventoryLanguages : public testing::Test {
 protected:
  InventoryLanguages() { fs::create_directories(root_ / "usr/bin"); }
  ~InventoryLanguages() override { static_cast<void>(remove_tree(root_)); }

  void add_program(const std::string& path, fs::perms mode = fs::perms::owner_all) const {
    std::ofstream(root_ / path) << "#!";
    fs::permissions(root_ / path, mode);
  }
  static runtimes::Language language(std::string_view name,
                                     std::vector<std::string_view> programs) {
    runtimes::Language result;
    result.name = name;
    result.title = name;
    result.programs = std::move(programs);
    result.version_command = {result.programs.front(), "--version"};
    return result;
  }

  const fs::path root_ = fs::path(testing::TempDir()) / ("inventory_test-" + random_hex(8));
};

TEST_F(InventoryLanguages, ALanguageNeedsAllOfItsPrograms) {
  add_program("usr/bin/node");
  add_program("usr/bin/go");
  add_program("usr/importcfg", fs::perms::owner_read);
  add_program("usr/bin/ruby", fs::perms::owner_read);
  fs::create_symlink("/usr/bin/node", root_ / "usr/bin/linked");
  fs::create_symlink("/nowhere", root_ / "usr/bin/broken");
  const std::vector<runtimes::Language> table = {
      language("javascript", {"/usr/bin/node"}),
      language("typescript", {"/usr/bin/node", "/usr/bin/esbuild"}),
      language("go", {"/usr/bin/go", "/usr/importcfg"}),
      language("ruby", {"/usr/bin/ruby"}),
      language("linked", {"/usr/bin/linked", "/usr/bin/go"}),
      language("broken", {"/usr/bin/broken"})};
  std::vector<std::vector<std::string>> asked;
  const Result<std::vector<Language>> found =
      find_languages(root_, table, [&](const std::vector<std::string>& argv) {
        asked.push_back(argv);
        return Result<std::string>("the version is 1.2.3 or so");
      });
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_THAT(*found, ElementsAre(Language{"javascript", "1.2.3", "/usr/bin/node"},
                                  Language{"go", "1.2.3", "/usr/bin/go"},
                                  Language{"linked", "1.2.3", "/usr/bin/linked"}));
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_EQ(asked.front(), (std::vector<std::string>{"/usr/bin/node", "--version"}));
}

TEST_F(InventoryLanguages, PythonIsNotAskedForHere) {
  add_program("usr/bin/python3");
  runtimes::Language python = language("python", {"/usr/bin/python3"});
  python.start = runtimes::Start::kPython;
  const std::vector<runtimes::Language> table = {python};
  const Result<std::vector<Language>> found =
      find_languages(root_, table, [](const std::vector<std::string>&) -> Result<std::string> {
        return fail(ErrorCode::kUnavailable, "asked");
      });
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_TRUE(found->empty());
}

TEST_F(InventoryLanguages, ALanguageThatDoesNotRunIsAnError) {
  add_program("usr/bin/node");
  const std::vector<runtimes::Language> table = {language("javascript", {"/usr/bin/node"})};
  const Result<std::vector<Language>> failed =
      find_languages(root_, table, [](const std::vector<std::string>&) -> Result<std::string> {
        return fail(ErrorCode::kUnavailable, "exit status 1");
      });
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().describe().find("javascript"), std::string::npos);
  const Result<std::vector<Language>> silent = find_languages(
      root_, table,
      [](const std::vector<std::string>&) { return Result<std::string>("no number"); });
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ErrorCode::kUnavailable);
}

TEST(InventoryVersion, IsTheFirstNumberWithDots) {
  EXPECT_EQ(find_version("v20.19.2\n"), "20.19.2");
  EXPECT_EQ(find_version("g++ (Debian 14.2.0-19) 14.2.0\nCopyright (C) 2024"), "14.2.0");
  EXPECT_EQ(find_version("go version go1.24.4 linux/amd64"), "1.24.4");
  EXPECT_EQ(find_version("This is perl 5, version 40, subversion 1 (v5.40.1) built"), "5.40.1");
  EXPECT_EQ(find_version("GNU bash, version 5.2.37(1)-release"), "5.2.37");
  EXPECT_EQ(find_version("release 7."), "7");
  EXPECT_EQ(find_version("1..2 3.4"), "3.4");
  EXPECT_EQ(find_version(".5"), "5");
  EXPECT_EQ(find_version("none"), "");
  EXPECT_EQ(find_version(""), "");
  EXPECT_EQ(find_version(std::string(100, '1') + ".2").size(), 32U);
}

}  // namespace
}  // namespace cloister::images
