#include "images/root_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::images {
namespace {

using testing::HasSubstr;

// The host's own root file system stands in for an image.
constexpr const char* kRoot = "/";

TEST(RootProgram, QueriesRunWithoutRightsInTheirOwnNamespaces) {
  const Result<std::string> answer =
      query_in_root(kRoot, {"sh", "-c",
                            "id -u; grep CapEff /proc/self/status; cat /proc/net/dev; wc -l "
                            "</proc/net/dev; echo pid=$$"});
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_THAT(*answer, HasSubstr("65534\n"));
  EXPECT_THAT(*answer, HasSubstr("CapEff:\t0000000000000000\n"));
  EXPECT_THAT(*answer, HasSubstr(" lo:"));
  EXPECT_THAT(*answer, HasSubstr("\n3\n"));  // Two lines of heading, and nothing but the loopback.
  EXPECT_THAT(*answer, HasSubstr("pid=2\n"));
}

TEST(RootProgram, QueriesSeeTheirOwnProcesses) {
  const Result<std::string> answer = query_in_root(kRoot, {"readlink", "/proc/self/exe"});
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_THAT(*answer, HasSubstr("/"));
}

TEST(RootProgram, StandardErrorOfAQueryIsKeptApart) {
  std::string lines;
  const LineSink keep = [&lines](std::string_view line) { lines.append(line).append("|"); };
  const Result<std::string> answer =
      query_in_root(kRoot, {"sh", "-c", "echo out; echo error >&2"}, keep);
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_EQ(*answer, "out\n");
  EXPECT_EQ(lines, "error|");
}

TEST(RootProgram, TrustedProgramsAreRootAndTellHowTheyEnd) {
  std::string lines;
  const LineSink keep = [&lines](std::string_view line) { lines.append(line).append("|"); };
  const Result<void> done = run_trusted_in_root(
      kRoot, {"env", "A=b", "sh", "-c", "id -u; echo $A; test -e /proc/self/exe && echo $$"}, keep);
  ASSERT_TRUE(done) << done.error().describe();
  EXPECT_EQ(lines, "0|b|1|");
  const Result<void> failed = run_trusted_in_root(kRoot, {"sh", "-c", "echo why >&2; exit 3"}, {});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("exit status 3: why"));
}

}  // namespace
}  // namespace cloister::images
