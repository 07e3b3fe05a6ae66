#include "backends/native/program_file.h"

#include <gtest/gtest.h>

namespace cloister::backends::native {
namespace {

using namespace std::string_literals;

TEST(ProgramFile, AnOrdinaryProgramIsItsTextAlone) {
  const auto file = make_program_file({"print(1)"}, 7);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->bytes, "print(1)");
  EXPECT_EQ(file->request.size, 8U);
  EXPECT_EQ(file->request.parameter_bytes, 0U);
  EXPECT_EQ(file->request.tools_bytes, 0U);
  EXPECT_EQ(file->request.flags, 0U);
  EXPECT_EQ(file->request.cpu_seconds, 7U);
}

TEST(ProgramFile, HoldsTextParametersAndTools) {
  engine::PythonProgram program;
  program.code = "pass";
  program.last_line_interactive = true;
  program.arguments = {"-x", ""};
  program.environment = {"A=1"};
  program.directory = "/mnt/data";
  program.tools = "{}";
  const auto file = make_program_file(program, 0);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->bytes, "pass-x\0\0A=1\0/mnt/data\0{}"s);
  EXPECT_EQ(file->request.size, 4U);
  EXPECT_EQ(file->request.parameter_bytes, 18U);
  EXPECT_EQ(file->request.tools_bytes, 2U);
  EXPECT_EQ(file->request.argument_count, 2U);
  EXPECT_EQ(file->request.environment_count, 1U);
  EXPECT_EQ(file->request.flags,
            static_cast<std::uint32_t>(sandbox::ProgramFlag::kLastLineInteractive) |
                static_cast<std::uint32_t>(sandbox::ProgramFlag::kHasTools));
}

TEST(ProgramFile, RefusesWhatAProgramCannotGet) {
  engine::PythonProgram program;
  program.arguments = {"a\0b"s};
  EXPECT_FALSE(make_program_file(program, 0).has_value());
  program.arguments = {};
  for (const std::string variable : {"", "A", "=1"}) {
    program.environment = {variable};
    EXPECT_FALSE(make_program_file(program, 0).has_value()) << variable;
  }
  program.environment = {};
  program.directory = "relative";
  EXPECT_FALSE(make_program_file(program, 0).has_value());
}

TEST(ProgramFile, EverythingHasALimit) {
  engine::PythonProgram program;
  program.arguments.assign(sandbox::kMaxCommandStrings, "x");
  EXPECT_TRUE(make_program_file(program, 0).has_value());
  program.arguments.emplace_back("x");
  EXPECT_FALSE(make_program_file(program, 0).has_value());
  program.arguments = {std::string(sandbox::kMaxCommandBytes, 'x')};
  EXPECT_FALSE(make_program_file(program, 0).has_value());
  program.arguments = {};
  program.tools = std::string(sandbox::kMaxToolsBytes, ' ');
  EXPECT_TRUE(make_program_file(program, 0).has_value());
  *program.tools += " ";
  const auto file = make_program_file(program, 0);
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace cloister::backends::native
