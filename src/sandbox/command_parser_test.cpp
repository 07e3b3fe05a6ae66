#include "sandbox/command_parser.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace cloister::sandbox {
namespace {

std::string file_of(std::uint32_t arguments, std::uint32_t variables, std::string_view strings) {
  CommandHeader header;
  header.argument_count = arguments;
  header.environment_count = variables;
  header.limits.processes = 7;
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + std::string(strings);
}

class ParseCommand : public testing::Test {
 protected:
  bool parse(const std::string& bytes) {
    // A copy of exactly this size, so that a sanitizer sees a byte too far.
    bytes_ = std::make_unique<char[]>(bytes.size());
    bytes.copy(bytes_.get(), bytes.size());
    return parse_command(bytes_.get(), bytes.size(), *command_);
  }

  std::unique_ptr<char[]> bytes_;
  std::unique_ptr<Command> command_ = std::make_unique<Command>();
};

using namespace std::string_view_literals;

TEST_F(ParseCommand, FindsArgumentsAndEnvironment) {
  ASSERT_TRUE(parse(file_of(2, 1, "ls\0-l\0A=1\0/mnt/data\0"sv)));
  EXPECT_STREQ(command_->argv[0], "ls");
  EXPECT_STREQ(command_->argv[1], "-l");
  EXPECT_EQ(command_->argv[2], nullptr);
  EXPECT_STREQ(command_->envp[0], "A=1");
  EXPECT_EQ(command_->envp[1], nullptr);
  EXPECT_STREQ(command_->directory, "/mnt/data");
  EXPECT_EQ(command_->limits.processes, 7U);
}

TEST_F(ParseCommand, EmptyStringsAreStrings) {
  ASSERT_TRUE(parse(file_of(3, 0, "a\0\0\0/\0"sv)));
  EXPECT_STREQ(command_->argv[1], "");
  EXPECT_STREQ(command_->argv[2], "");
  EXPECT_EQ(command_->envp[0], nullptr);
}

TEST_F(ParseCommand, NeedsAHeaderAndAProgram) {
  EXPECT_FALSE(parse(""));
  EXPECT_FALSE(parse(std::string(sizeof(CommandHeader) - 1, '\1')));
  EXPECT_FALSE(parse(file_of(0, 0, "")));
  EXPECT_FALSE(parse(file_of(0, 1, "A=1\0/\0"sv)));
}

TEST_F(ParseCommand, EveryStringEndsInsideTheFile) {
  EXPECT_FALSE(parse(file_of(1, 0, "")));
  EXPECT_FALSE(parse(file_of(1, 0, "no end")));
  EXPECT_FALSE(parse(file_of(2, 0, "one\0two"sv)));
  EXPECT_FALSE(parse(file_of(2, 0, "one\0"sv)));
  EXPECT_FALSE(parse(file_of(1, 1, "one\0"sv)));
  EXPECT_FALSE(parse(file_of(1, 0, "one\0/no end"sv)));
}

TEST_F(ParseCommand, TheDirectoryIsAnAbsolutePath) {
  EXPECT_FALSE(parse(file_of(1, 0, "ls\0"sv)));
  EXPECT_FALSE(parse(file_of(1, 0, "ls\0\0"sv)));
  EXPECT_FALSE(parse(file_of(1, 0, "ls\0workspace\0"sv)));
  EXPECT_TRUE(parse(file_of(1, 0, "ls\0/workspace\0"sv)));
}

TEST_F(ParseCommand, TheDirectoryHasALimit) {
  const auto with_directory = [](std::size_t size) {
    return file_of(
        1, 0,
        "ls" + std::string(1, '\0') + "/" + std::string(size - 1, 'd') + std::string(1, '\0'));
  };
  EXPECT_TRUE(parse(with_directory(kMaxPath - 1)));
  EXPECT_FALSE(parse(with_directory(kMaxPath)));
}

TEST_F(ParseCommand, CountsHaveALimit) {
  const std::string strings = std::string(2 * kMaxCommandStrings, '\0') + "/" + '\0';
  EXPECT_TRUE(parse(file_of(kMaxCommandStrings, kMaxCommandStrings, strings)));
  EXPECT_FALSE(parse(file_of(kMaxCommandStrings + 1, 0, strings)));
  EXPECT_FALSE(parse(file_of(1, kMaxCommandStrings + 1, strings)));
  EXPECT_FALSE(parse(file_of(~0U, ~0U, strings)));
}

TEST_F(ParseCommand, TheFileHasALimit) {
  const std::string most =
      std::string("a\0/\0"sv) + std::string(kMaxCommandBytes - sizeof(CommandHeader) - 4, '\0');
  EXPECT_TRUE(parse(file_of(1, 0, most)));
  EXPECT_FALSE(parse(file_of(1, 0, most + "x")));
}

}  // namespace
}  // namespace cloister::sandbox
