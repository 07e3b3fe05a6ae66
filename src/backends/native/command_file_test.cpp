#include "backends/native/command_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "sandbox/command_parser.h"
#include "sandbox/protocol.h"

namespace cloister::backends::native {
namespace {

TEST(CommandFile, HoldsArgumentsThenEnvironmentThenTheDirectory) {
  const auto bytes = make_command_file({{"bash", "-c", "echo"}, {"A=1"}, "/mnt/data"}, {});
  ASSERT_TRUE(bytes.has_value());
  sandbox::CommandHeader header;
  std::memcpy(&header, bytes->data(), sizeof header);
  EXPECT_EQ(header.argument_count, 3U);
  EXPECT_GT(header.environment_count, 1U);
  const std::string strings = bytes->substr(sizeof header);
  EXPECT_EQ(strings.rfind(std::string("bash\0-c\0echo\0", 13), 0), 0U);
  EXPECT_TRUE(strings.ends_with(std::string("A=1\0/mnt/data\0", 14)));
}

// Parsed as the init does.
std::vector<std::string> environment_of(const std::vector<std::string>& added) {
  const auto bytes = make_command_file({{"env"}, added}, {});
  const auto command = std::make_unique<sandbox::Command>();
  if (!bytes || !sandbox::parse_command(bytes->data(), bytes->size(), *command)) return {};
  return {command->envp, command->envp + command->environment_count};
}

TEST(CommandFile, AVariableReplacesAnEarlierOneOfItsName) {
  const auto environment = environment_of({"HOME=/tmp", "A=1", "HOMELY=x", "A=2=3"});
  const auto count = [&](std::string_view prefix) {
    return std::count_if(environment.begin(), environment.end(),
                         [&](const std::string& one) { return one.starts_with(prefix); });
  };
  EXPECT_EQ(count("HOME="), 1);
  EXPECT_EQ(count("HOME=/tmp"), 1);
  EXPECT_EQ(count("HOMELY=x"), 1);
  EXPECT_EQ(count("A="), 1);
  EXPECT_EQ(count("A=2=3"), 1);
  EXPECT_EQ(count("PATH="), 1) << "the sandbox's own stay";
  EXPECT_EQ(environment.size(), environment_of({}).size() + 2);
}

TEST(CommandFile, RefusesWhatIsNoVariableOrDirectory) {
  for (const std::string variable : {"", "A", "=1"})
    EXPECT_FALSE(make_command_file({{"env"}, {variable}}, {}).has_value()) << variable;
  for (const std::string directory : {"", "workspace", "./x"})
    EXPECT_FALSE(make_command_file({{"env"}, {}, directory}, {}).has_value()) << directory;
  EXPECT_FALSE(make_command_file({{"env"}, {}, std::string("/a\0b", 4)}, {}).has_value());
  const std::string longest = "/" + std::string(sandbox::kMaxPath - 2, 'd');
  EXPECT_TRUE(make_command_file({{"env"}, {}, longest}, {}).has_value());
  EXPECT_FALSE(make_command_file({{"env"}, {}, longest + "d"}, {}).has_value());
}

TEST(CommandFile, RefusesWhatAProgramCannotGet) {
  EXPECT_FALSE(make_command_file({{}, {}}, {}).has_value());
  EXPECT_FALSE(make_command_file({{std::string("a\0b", 3)}, {}}, {}).has_value());
  EXPECT_FALSE(make_command_file({{std::string(20U << 20, 'x')}, {}}, {}).has_value());
}

}  // namespace
}  // namespace cloister::backends::native
