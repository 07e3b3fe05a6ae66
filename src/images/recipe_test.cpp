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
)";

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
  for (const std::string_view name : {"large", "../small", ""}) {
    const Result<Recipe> missing = load_recipe(directory, name);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
    EXPECT_NE(missing.error().message.find("recipes there: small"), std::string::npos);
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace cloister::images
