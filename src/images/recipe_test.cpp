#include "images/recipe.h"

#include <gtest/gtest.h>

#include <fstream>

#include "images/image_store.h"

namespace cloister::images {
namespace {

constexpr std::string_view kRecipe = R"(
name = "small"
suite = "trixie"
[[packages]]
reason = "The language"
names = ["python3", "libstdc++6"]
[[packages]]
reason = "Shell"
names = ["bash"]
[[pip]]
reason = "Slides"
names = ["python-pptx==1.0.2"]
[[append]]
reason = "Fonts"
path = "etc/matplotlibrc"
lines = ["a: b", "c: d"]
[[remove]]
reason = "Size"
paths = ["usr/share/x/*"]
[[run]]
reason = "Caches"
environment = ["CACHE_DIR=/x=y"]
commands = [["make", "-C", "/usr/share/x", ""], ["sync"]]
)";

// A source with three recipes, two of which include each other.
Result<std::string> source(std::string_view name) {
  if (name == "small") return std::string(kRecipe);
  if (name == "one") return std::string("name = \"one\"\ninclude = \"two\"");
  if (name == "two") return std::string("name = \"two\"\ninclude = \"one\"");
  return fail(ErrorCode::kNotFound, "no such recipe");
}

std::string header_and(std::string_view rest) {
  return "name = \"small\"\nsuite = \"trixie\"\n" + std::string(rest);
}

TEST(Recipe, ReadsEveryMember) {
  const Result<Recipe> recipe = parse_recipe(kRecipe);
  ASSERT_TRUE(recipe) << recipe.error().describe();
  EXPECT_EQ(recipe->name, "small");
  EXPECT_EQ(recipe->suite, "trixie");
  EXPECT_EQ(recipe->packages, (std::vector<std::string>{"python3", "libstdc++6", "bash"}));
  EXPECT_EQ(recipe->pip, std::vector<std::string>{"python-pptx==1.0.2"});
  EXPECT_EQ(recipe->appended, (std::vector<AppendedLines>{{"etc/matplotlibrc", {"a: b", "c: d"}}}));
  EXPECT_EQ(recipe->removed_paths, std::vector<std::string>{"usr/share/x/*"});
  EXPECT_EQ(recipe->steps,
            (std::vector<RunStep>{
                {"Caches", {"CACHE_DIR=/x=y"}, {{"make", "-C", "/usr/share/x", ""}, {"sync"}}}}));
}

TEST(Recipe, PutsWhatItIncludesFirst) {
  const Result<Recipe> recipe = parse_recipe(R"(
name = "large"
include = "small"
[[packages]]
reason = "Compilers"
names = ["gcc", "bash"]
[[pip]]
reason = "Slides and more"
names = ["python-pptx==1.0.2", "narwhals==2.28.0"]
[[append]]
reason = "r"
path = "etc/x"
lines = ["y"]
[[remove]]
reason = "r"
paths = ["usr/lib/*.a"]
[[run]]
reason = "r"
commands = [["true"]]
)",
                                             &source);
  ASSERT_TRUE(recipe) << recipe.error().describe();
  EXPECT_EQ(recipe->name, "large");
  EXPECT_EQ(recipe->suite, "trixie");
  EXPECT_EQ(recipe->packages, (std::vector<std::string>{"python3", "libstdc++6", "bash", "gcc"}));
  EXPECT_EQ(recipe->pip, (std::vector<std::string>{"python-pptx==1.0.2", "narwhals==2.28.0"}));
  ASSERT_EQ(recipe->appended.size(), 2U);
  EXPECT_EQ(recipe->appended.back().path, "etc/x");
  EXPECT_EQ(recipe->removed_paths, (std::vector<std::string>{"usr/share/x/*", "usr/lib/*.a"}));
  ASSERT_EQ(recipe->steps.size(), 2U);
  EXPECT_EQ(recipe->steps.front().reason, "Caches");
}

TEST(Recipe, AnIncludingRecipeMayNameItsSuite) {
  const Result<Recipe> recipe =
      parse_recipe("name = \"next\"\nsuite = \"forky\"\ninclude = \"small\"", &source);
  ASSERT_TRUE(recipe) << recipe.error().describe();
  EXPECT_EQ(recipe->suite, "forky");
}

TEST(Recipe, RefusesWhatCannotBeIncluded) {
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"include = \"one\"", "'one' includes itself"},
           {"include = \"absent\"", "no such recipe"},
           {"include = \"../small\"", "must name a recipe"},
           {"include = 1", "must name a recipe"},
           {"suite = \"\"\ninclude = \"small\"", "must name a Debian suite"},
           {"include = \"small\"\n[[pip]]\nreason = \"r\"\nnames = [\"python-pptx==1.0.3\"]",
            "python-pptx==1.0.2 and python-pptx==1.0.3"}}) {
    const Result<Recipe> recipe = parse_recipe("name = \"x\"\n" + text, &source);
    ASSERT_FALSE(recipe) << text;
    EXPECT_NE(recipe.error().message.find(message), std::string::npos) << recipe.error().message;
  }
  EXPECT_FALSE(parse_recipe("name = \"x\"\ninclude = \"small\""));
}

TEST(Recipe, RefusesCommandsThatWouldBeSomethingElse) {
  for (const std::string_view members :
       {"commands=[[\"A=b\",\"true\"]]", "commands=[[\"-i\"]]", "commands=[[]]",
        "commands=[[\"\"]]", "commands=[\"true\"]", "commands=[[1]]",
        "commands=[[\"a\",\"b\\u0000\"]]", "", "commands=[[\"true\"]]\nenvironment=[\"A\"]",
        "commands=[[\"true\"]]\nenvironment=[\"-u=b\"]",
        "commands=[[\"true\"]]\nenvironment=[\"=b\"]",
        "commands=[[\"true\"]]\nenvironment=[\"1A=b\"]", "commands=[[\"true\"]]\nshell=\"sh\""}) {
    const Result<Recipe> recipe =
        parse_recipe(header_and("[[run]]\nreason=\"r\"\n" + std::string(members)));
    EXPECT_FALSE(recipe) << members;
  }
  EXPECT_TRUE(parse_recipe(header_and("[[run]]\nreason=\"r\"\ncommands=[[\"true\"]]")));
}

TEST(Recipe, RefusesNamesThatCouldBeOptionsOrPaths) {
  for (const std::string_view rest :
       {"[[packages]]\nreason=\"r\"\nnames=[\"--hook=x\"]",
        "[[packages]]\nreason=\"r\"\nnames=[\"a b\"]",
        "[[packages]]\nreason=\"r\"\nnames=[\"a,b\"]", "[[packages]]\nreason=\"r\"\nnames=[1]",
        "[[pip]]\nreason=\"r\"\nnames=[\"--index-url=x\"]",
        "[[pip]]\nreason=\"r\"\nnames=[\"./x\"]", "[[remove]]\nreason=\"r\"\npaths=[\"/etc\"]",
        "[[remove]]\nreason=\"r\"\npaths=[\"a/../b\"]"}) {
    const Result<Recipe> recipe = parse_recipe(header_and(rest));
    ASSERT_FALSE(recipe) << rest;
    EXPECT_EQ(recipe.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(recipe.error().message.find("line 5"), std::string::npos) << recipe.error().message;
  }
}

TEST(Recipe, RefusesUnknownAndMissingMembers) {
  EXPECT_FALSE(parse_recipe(header_and("sweet = 1")));
  EXPECT_FALSE(parse_recipe(header_and("[[packages]]\nnames=[\"bash\"]")));
  EXPECT_FALSE(parse_recipe(header_and("[[packages]]\nreason=\"r\"")));
  EXPECT_FALSE(parse_recipe(header_and("[[append]]\nreason=\"r\"\npath=\"/x\"\nlines=[\"a\"]")));
  EXPECT_FALSE(parse_recipe(header_and("[[append]]\nreason=\"r\"\npath=\"x\"\nlines=[\"\"]")));
  EXPECT_FALSE(parse_recipe(header_and("packages = [\"bash\"]")));
  EXPECT_FALSE(parse_recipe("suite = \"trixie\""));
  EXPECT_FALSE(parse_recipe("name = \"UP\"\nsuite = \"trixie\""));
  EXPECT_FALSE(parse_recipe("name = "));
}

TEST(Recipe, HashChangesWithContentAndNotWithOrder) {
  const Recipe recipe = parse_recipe(kRecipe).value_or(Recipe{});
  const std::string hash = recipe_hash(recipe, "mirror");
  EXPECT_TRUE(is_digest(hash));

  Recipe reordered = recipe;
  std::swap(reordered.packages.front(), reordered.packages.back());
  EXPECT_EQ(recipe_hash(reordered, "mirror"), hash);

  EXPECT_NE(recipe_hash(recipe, "other"), hash);
  Recipe changed = recipe;
  changed.packages.emplace_back("zip");
  EXPECT_NE(recipe_hash(changed, "mirror"), hash);
  Recipe longer = recipe;
  longer.appended.front().lines.emplace_back("e: f");
  EXPECT_NE(recipe_hash(longer, "mirror"), hash);
  Recipe other_path = recipe;
  other_path.appended.front().path = "etc/other";
  EXPECT_NE(recipe_hash(other_path, "mirror"), hash);
  Recipe other_step = recipe;
  other_step.steps.front().environment.clear();
  EXPECT_NE(recipe_hash(other_step, "mirror"), hash);
  Recipe joined = recipe;
  joined.steps.front().commands = {{"make", "-C", "/usr/share/x", "", "sync"}};
  EXPECT_NE(recipe_hash(joined, "mirror"), hash);
  Recipe explained = recipe;
  explained.steps.front().reason = "Other words";
  EXPECT_EQ(recipe_hash(explained, "mirror"), hash);
  Recipe moved = recipe;
  moved.pip.insert(moved.pip.end(), moved.packages.begin(), moved.packages.end());
  moved.packages.clear();
  EXPECT_NE(recipe_hash(moved, "mirror"), hash);
}

TEST(Recipe, LoadsByNameAndNamesTheOthers) {
  const std::filesystem::path directory =
      std::filesystem::path(testing::TempDir()) / "recipe_test_recipes";
  std::filesystem::create_directories(directory / "small");
  std::ofstream(directory / "small" / "recipe.toml") << kRecipe;
  EXPECT_TRUE(load_recipe(directory, "small"));
  std::filesystem::create_directories(directory / "more");
  std::ofstream(directory / "more" / "recipe.toml") << "name = \"more\"\ninclude = \"small\"";
  const Result<Recipe> more = load_recipe(directory, "more");
  ASSERT_TRUE(more) << more.error().describe();
  EXPECT_EQ(more->packages.size(), 3U);
  for (const std::string_view name : {"large", "../small", ""}) {
    const Result<Recipe> missing = load_recipe(directory, name);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
    EXPECT_NE(missing.error().message.find("recipes there: more, small"), std::string::npos);
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace cloister::images
