#include "runtimes/language.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

namespace cloister::runtimes {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

bool has_braces(std::string_view word) {
  return word.find_first_of("{}") != std::string_view::npos;
}

TEST(Languages, AreFoundByNameAndAliasInAnyLetterCase) {
  for (const auto& [name, expected] : {std::pair{"python", "python"},
                                       {"PY", "python"},
                                       {"node", "javascript"},
                                       {"bun-js", "javascript"},
                                       {"ts", "typescript"},
                                       {"sh", "bash"},
                                       {"c", "c"},
                                       {"C++", "cpp"},
                                       {"golang", "go"},
                                       {"rs", "rust"},
                                       {"R", "r"},
                                       {"d", "d"},
                                       {"F90", "fortran"},
                                       {"rb", "ruby"}}) {
    const Language* language = find_language(name);
    ASSERT_NE(language, nullptr) << name;
    EXPECT_EQ(language->name, expected);
  }
  EXPECT_EQ(find_language("cobol"), nullptr);
  EXPECT_EQ(find_language(""), nullptr);
}

TEST(Languages, HaveNamesThatNoOtherHas) {
  std::set<std::string_view> names;
  for (const Language& language : languages()) {
    EXPECT_TRUE(names.insert(language.name).second) << language.name;
    for (const std::string_view alias : language.aliases)
      EXPECT_TRUE(names.insert(alias).second) << alias;
  }
}

TEST(Languages, AreComplete) {
  for (const Language& language : languages()) {
    SCOPED_TRACE(language.name);
    EXPECT_FALSE(language.title.empty());
    EXPECT_TRUE(language.source_name.starts_with("main."));
    ASSERT_FALSE(language.programs.empty());
    for (const std::string_view program : language.programs)
      EXPECT_TRUE(program.starts_with('/')) << program;
    EXPECT_FALSE(language.version_command.empty());
    EXPECT_FALSE(language.packages.empty());
    EXPECT_FALSE(language.run.empty());
    // Otherwise a changed helper file would be missed by the cache of what was compiled.
    EXPECT_EQ(language.compile.empty(), language.include_endings.empty());
  }
}

TEST(Expand, LeavesNoWordBehind) {
  for (const Language& language : languages()) {
    for (const auto* words : {&language.compile, &language.run}) {
      const auto expanded = expand(*words, language, 1);
      EXPECT_EQ(std::count_if(expanded.begin(), expanded.end(), has_braces), 0) << language.name;
      EXPECT_EQ(expanded.size(), words->size());
    }
  }
}

TEST(Expand, NamesTheSourceAndLeavesMemoryBesideTheHeap) {
  const Language& php = *find_language("php");
  EXPECT_THAT(expand(php.run, php, std::uint64_t{512} << 20), Contains("memory_limit=384M"));
  const Language& bash = *find_language("bash");
  EXPECT_THAT(expand(bash.run, bash, 1), ElementsAre("bash", "/program/main.sh"));
}

TEST(WarmMessage, HoldsWhatTheProgramNeeds) {
  const Language& language = *find_language("javascript");
  const std::vector<std::string> arguments{"a b", "\"q\""};
  const std::vector<std::string> environment{"A=1"};
  const auto message = nlohmann::json::parse(
      warm_message(language, "console.log('\xC3\xA4\xFF')\n", arguments, environment));
  EXPECT_EQ(message["source"], "console.log('\xC3\xA4\xEF\xBF\xBD')\n");
  EXPECT_EQ(message["filename"], "/mnt/data/main.js");
  EXPECT_EQ(message["argv"], nlohmann::json(arguments));
  EXPECT_EQ(message["environment"], nlohmann::json(environment));
}

TEST(SessionEnvironment, SwitchesTheHooksOn) {
  EXPECT_THAT(session_environment(), Contains("CLOISTER_PLOTS=/mnt/data"));
  for (const std::string_view entry : session_environment())
    EXPECT_NE(entry.find('='), std::string_view::npos) << entry;
}

TEST(BashTools, AreRunByAProgram) {
  EXPECT_THAT(std::string(bash_tools_program()), HasSubstr("/bin/bash"));
}

}  // namespace
}  // namespace cloister::runtimes
