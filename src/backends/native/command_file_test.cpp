#include "backends/native/command_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "sandbox/protocol.h"

namespace cloister::backends::native {
namespace {

TEST(CommandFile, HoldsArgumentsThenEnvironment) {
  const auto bytes = make_command_file({{"bash", "-c", "echo"}, {"A=1"}}, {});
  ASSERT_TRUE(bytes.has_value());
  sandbox::CommandHeader header;
  std::memcpy(&header, bytes->data(), sizeof header);
  EXPECT_EQ(header.argument_count, 3U);
  EXPECT_GT(header.environment_count, 1U);
  const std::string strings = bytes->substr(sizeof header);
  EXPECT_EQ(strings.rfind(std::string("bash\0-c\0echo\0", 13), 0), 0U);
  EXPECT_EQ(strings.substr(strings.size() - 4), std::string("A=1\0", 4));
}

TEST(CommandFile, RefusesWhatAProgramCannotGet) {
  EXPECT_FALSE(make_command_file({{}, {}}, {}).has_value());
  EXPECT_FALSE(make_command_file({{std::string("a\0b", 3)}, {}}, {}).has_value());
  EXPECT_FALSE(make_command_file({{std::string(20U << 20, 'x')}, {}}, {}).has_value());
}

}  // namespace
}  // namespace cloister::backends::native
