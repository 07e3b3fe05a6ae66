#include "cli/arguments.h"

#include <gtest/gtest.h>

namespace cloister::cli {
namespace {

ParsedArguments parse(std::vector<const char*> words) {
  words.insert(words.begin(), "cloister");
  return parse_arguments(static_cast<int>(words.size()), words.data(), "1.2.3");
}

using Settings = std::vector<std::pair<std::string, std::string>>;

TEST(Arguments, EverySettingIsAnOptionOfServe) {
  const auto parsed = parse({"serve", "--port", "81", "--max-exec-timeout-ms=5"});
  ASSERT_TRUE(parsed.arguments);
  EXPECT_EQ(parsed.arguments->command, Command::kServe);
  EXPECT_EQ(parsed.arguments->settings, (Settings{{"port", "81"}, {"max_exec_timeout_ms", "5"}}));
}

TEST(Arguments, WhatIsNotGivenIsNotSet) {
  const auto parsed = parse({"serve"});
  ASSERT_TRUE(parsed.arguments);
  EXPECT_TRUE(parsed.arguments->settings.empty());
}

TEST(Arguments, BooleansAreFlagsWithAnOptionalValue) {
  EXPECT_EQ(parse({"serve", "--allow-public"}).arguments->settings,
            (Settings{{"allow_public", "true"}}));
  EXPECT_EQ(parse({"serve", "--docs=false"}).arguments->settings, (Settings{{"docs", "false"}}));
}

TEST(Arguments, ConfigStandsBeforeOrAfterTheCommand) {
  EXPECT_EQ(parse({"--config", "a.toml", "serve"}).arguments->config_path, "a.toml");
  EXPECT_EQ(parse({"config", "--config", "a.toml", "--json"}).arguments->config_path, "a.toml");
}

TEST(Arguments, ImageCommands) {
  const auto build = parse({"image", "build", "--add-packages", "a,b", "--force"});
  ASSERT_TRUE(build.arguments);
  EXPECT_EQ(build.arguments->command, Command::kImageBuild);
  EXPECT_EQ(build.arguments->image.add_packages, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(build.arguments->image.force);

  const auto import = parse({"image", "import", "x.tar", "mine", "--state-dir", "/s"});
  ASSERT_TRUE(import.arguments);
  EXPECT_EQ(import.arguments->image.archive, "x.tar");
  EXPECT_EQ(import.arguments->image.name, "mine");
  EXPECT_EQ(import.arguments->settings, (Settings{{"state_dir", "/s"}}));

  const auto check = parse({"image", "check", "mine", "--content"});
  ASSERT_TRUE(check.arguments);
  EXPECT_TRUE(check.arguments->image.content);
}

TEST(Arguments, WrongUseHasItsOwnExitCode) {
  for (const std::vector<const char*>& words : {std::vector<const char*>{},
                                                {"dance"},
                                                {"serve", "--prot", "1"},
                                                {"image"},
                                                {"image", "import", "x.tar"}}) {
    const auto parsed = parse(words);
    EXPECT_FALSE(parsed.arguments);
    EXPECT_EQ(parsed.exit_code, 2);
  }
}

TEST(Arguments, HelpAndVersionEndWell) {
  EXPECT_EQ(parse({"--help"}).exit_code, 0);
  EXPECT_EQ(parse({"--version"}).exit_code, 0);
  EXPECT_FALSE(parse({"--version"}).arguments);
}

}  // namespace
}  // namespace cloister::cli
