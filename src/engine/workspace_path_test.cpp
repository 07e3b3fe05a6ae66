#include "engine/workspace_path.h"

#include <gtest/gtest.h>

namespace cloister::engine {
namespace {

using namespace std::string_view_literals;

std::string refusal(std::string_view path) {
  const auto result = normalize_workspace_path(path);
  EXPECT_FALSE(result) << path;
  if (result) return {};
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  return result.error().message;
}

TEST(WorkspacePath, DropsEmptyAndDotParts) {
  EXPECT_EQ(normalize_workspace_path("a").value(), "a");
  EXPECT_EQ(normalize_workspace_path("./a").value(), "a");
  EXPECT_EQ(normalize_workspace_path("x//a/./b/").value(), "x/a/b");
}

TEST(WorkspacePath, KeepsOddButOrdinaryNames) {
  for (const auto path :
       {"..x"sv, "a\\b"sv, ".hidden"sv, "pkg/__main__.py"sv, "..."sv, " "sv, "a\nb"sv, "\xff"sv}) {
    EXPECT_EQ(normalize_workspace_path(path).value(), path);
  }
}

TEST(WorkspacePath, RefusesWithTheContractsMessages) {
  EXPECT_EQ(refusal("/a"), "File paths must be relative.");
  EXPECT_EQ(refusal("/"), "File paths must be relative.");
  EXPECT_EQ(refusal("../x"), "File paths must not contain '..'.");
  EXPECT_EQ(refusal("a/../b"), "File paths must not contain '..'.");
  EXPECT_EQ(refusal("a/.."), "File paths must not contain '..'.");
  EXPECT_EQ(refusal(""), "File path must not be empty.");
  EXPECT_EQ(refusal("."), "File path must not be empty.");
  EXPECT_EQ(refusal(".///./"), "File path must not be empty.");
}

TEST(WorkspacePath, RefusesWhatNoFileSystemCanHold) {
  EXPECT_NE(refusal("a\0b"sv).find("NUL"), std::string::npos);
  EXPECT_NE(refusal(std::string(256, 'x')).find("255"), std::string::npos);
  EXPECT_TRUE(normalize_workspace_path("d/" + std::string(255, 'x')));
  std::string longest;
  for (int i = 0; i < 2048; ++i)
    longest += "a/";
  EXPECT_TRUE(normalize_workspace_path(longest));
  EXPECT_NE(refusal(longest + "b").find("4096"), std::string::npos);
}

}  // namespace
}  // namespace cloister::engine
