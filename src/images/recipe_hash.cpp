#include <algorithm>

#include "images/digest.h"
#include "images/recipe.h"
#include "runtimes/language.h"

namespace cloister::images {
namespace {

// Part of every recipe hash. To be raised when the builder makes something else of the same recipe.
constexpr std::string_view kBuilderVersion = "2";

}  // namespace

std::string recipe_hash(const Recipe& recipe, std::string_view mirror) {
  Sha256 sha;
  // Each text is closed by a byte that none can hold, each list by another, so that no two
  // different recipes give the same bytes.
  const auto add = [&sha](std::string_view text) {
    sha.add(text);
    sha.add(std::string_view("\0", 1));
  };
  for (const std::string_view text :
       {kBuilderVersion, std::string_view(recipe.name), std::string_view(recipe.suite), mirror}) {
    add(text);
  }
  for (std::vector<std::string> list : {recipe.packages, recipe.pip, recipe.removed_paths}) {
    std::sort(list.begin(), list.end());
    for (const std::string& text : list)
      add(text);
    sha.add("\1");
  }
  // These are in order, and each list begins with its length.
  const auto add_list = [&](const std::vector<std::string>& list) {
    add(std::to_string(list.size()));
    for (const std::string& text : list)
      add(text);
  };
  add(std::to_string(recipe.appended.size()));
  for (const AppendedLines& appended : recipe.appended) {
    add(appended.path);
    add_list(appended.lines);
  }
  add(std::to_string(recipe.steps.size()));
  for (const RunStep& step : recipe.steps) {
    add_list(step.environment);
    add(std::to_string(step.commands.size()));
    for (const std::vector<std::string>& command : step.commands)
      add_list(command);
  }
  // The inventory depends on them.
  for (const runtimes::Language& language : runtimes::languages()) {
    add(language.name);
    add_list({language.programs.begin(), language.programs.end()});
  }
  return sha.finish();
}

}  // namespace cloister::images
