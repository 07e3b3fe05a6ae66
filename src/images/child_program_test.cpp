#include "images/child_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::images {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ChildProgram, CapturesStandardOutputAlone) {
  std::vector<std::string> lines;
  const LineSink keep = [&](std::string_view line) { lines.emplace_back(line); };
  const Result<std::string> output =
      capture_program({"sh", "-c", "echo out; echo one >&2; printf 'two\\rthree' >&2"}, keep);
  ASSERT_TRUE(output) << output.error().describe();
  EXPECT_EQ(*output, "out\n");
  EXPECT_THAT(lines, ElementsAre("one", "two", "three"));
}

TEST(ChildProgram, ConnectsPrograms) {
  std::string output;
  const ByteSink keep = [&](std::string_view bytes) { output += bytes; };
  const Result<void> done = run_pipeline(
      {{"printf", "%s\\n", "b", "a"}, {"sort"}, {"tr", "a", "A"}}, ChildOutput{nullptr, keep});
  ASSERT_TRUE(done) << done.error().describe();
  EXPECT_EQ(output, "A\nb\n");
}

TEST(ChildProgram, NeverMeetsAShell) {
  EXPECT_EQ(capture_program({"printf", "%s", "$(id); `id` *"}, nullptr), "$(id); `id` *");
}

TEST(ChildProgram, SaysWhichProgramFailedAndWhy) {
  const Result<void> done =
      run_pipeline({{"sh", "-c", "echo no space >&2; exit 3"}, {"cat"}}, ChildOutput{});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(done.error().message, HasSubstr("sh failed with exit status 3: no space"));
}

TEST(ChildProgram, SaysThatAProgramIsMissing) {
  // The first program of the pipeline must end and be waited for although the second is missing.
  const Result<void> done = run_pipeline({{"yes"}, {"cloister-no-such-program"}}, ChildOutput{});
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("'cloister-no-such-program' is not installed"));
}

TEST(ChildProgram, ReportsDeathBySignal) {
  const Result<void> done = run_program({"sh", "-c", "kill -KILL $$"}, ChildOutput{});
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("killed by signal 9"));
}

TEST(ChildProgram, BoundsWhatItKeeps) {
  const Result<std::string> output = capture_program({"head", "-c", "17M", "/dev/zero"}, nullptr);
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace cloister::images
