#include "images/recipe.h"

#define TOML_HEADER_ONLY 0
#define TOML_SHARED_LIB 1
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <initializer_list>
#include <sstream>

#include "images/digest.h"
#include "images/image_store.h"

namespace cloister::images {
namespace {

// Part of every recipe hash. To be raised when the builder makes something else of the same recipe.
constexpr std::string_view kBuilderVersion = "1";

using Validator = bool (*)(std::string_view);

bool is_one_of(char c, std::string_view others) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || others.find(c) != others.npos;
}

bool is_package_name(std::string_view name) {
  return name.size() >= 2 && is_one_of(name.front(), "") &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_one_of(c, "+-."); });
}

bool is_requirement(std::string_view text) {
  const auto allowed = [](char c) { return is_one_of(c, "-_.=") || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), allowed);
}

bool is_relative_path(std::string_view path) {
  return !path.empty() && path.front() != '/' && path.find("..") == path.npos;
}

bool is_line(std::string_view text) {
  return !text.empty() && text.find('\n') == text.npos;
}

std::string at_line(const toml::node& node) {
  return " (line " + std::to_string(node.source().begin.line) + ")";
}

tl::unexpected<Error> wrong(const std::string& what, const toml::node& node) {
  return fail(ErrorCode::kInvalidArgument, "the recipe is wrong: " + what + at_line(node));
}

Result<void> only_members(const toml::table& table, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : table) {
    if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
      return wrong("unknown member '" + std::string(key.str()) + "'", value);
    }
  }
  return {};
}

// The tables of one kind, as [[packages]]; each has a reason.
Result<std::vector<const toml::table*>> find_groups(const toml::table& recipe,
                                                    std::string_view kind) {
  std::vector<const toml::table*> result;
  const toml::node* node = recipe.get(kind);
  if (node == nullptr) return result;
  const toml::array* groups = node->as_array();
  if (groups == nullptr) return wrong("[[" + std::string(kind) + "]] expected", *node);
  for (const toml::node& entry : *groups) {
    const toml::table* group = entry.as_table();
    if (group == nullptr) return wrong("[[" + std::string(kind) + "]] expected", entry);
    if (!(*group)["reason"].is_string()) return wrong("a group needs a 'reason'", entry);
    result.push_back(group);
  }
  return result;
}

Result<std::vector<std::string>> read_list(const toml::table& group, std::string_view list,
                                           Validator is_valid) {
  const toml::array* values = group[list].as_array();
  if (values == nullptr) return wrong("a group needs a list '" + std::string(list) + "'", group);
  std::vector<std::string> result;
  for (const toml::node& value : *values) {
    const std::string text = value.value_or(std::string());
    if (!is_valid(text)) return wrong("'" + text + "' is not allowed here", value);
    result.push_back(text);
  }
  return result;
}

// The lists of all groups of one kind, one after the other.
Result<std::vector<std::string>> read_groups(const toml::table& recipe, std::string_view kind,
                                             std::string_view list, Validator is_valid) {
  std::vector<std::string> result;
  for (const toml::table* group : TRY(find_groups(recipe, kind))) {
    TRY_VOID(only_members(*group, {"reason", list}));
    const std::vector<std::string> values = TRY(read_list(*group, list, is_valid));
    result.insert(result.end(), values.begin(), values.end());
  }
  return result;
}

Result<std::vector<AppendedLines>> read_appended(const toml::table& recipe) {
  std::vector<AppendedLines> result;
  for (const toml::table* group : TRY(find_groups(recipe, "append"))) {
    TRY_VOID(only_members(*group, {"reason", "path", "lines"}));
    AppendedLines appended;
    appended.path = (*group)["path"].value_or(std::string());
    if (!is_relative_path(appended.path)) return wrong("'path' must lead into the image", *group);
    appended.lines = TRY(read_list(*group, "lines", &is_line));
    result.push_back(std::move(appended));
  }
  return result;
}

Result<Recipe> read_recipe(const toml::table& table) {
  TRY_VOID(only_members(table, {"name", "suite", "packages", "pip", "append", "remove"}));
  Recipe recipe;
  recipe.name = table["name"].value_or(std::string());
  recipe.suite = table["suite"].value_or(std::string());
  if (!is_image_name(recipe.name)) return wrong("'name' must be an image name", table);
  if (!is_image_name(recipe.suite)) return wrong("'suite' must name a Debian suite", table);
  recipe.packages = TRY(read_groups(table, "packages", "names", &is_package_name));
  recipe.pip = TRY(read_groups(table, "pip", "names", &is_requirement));
  recipe.appended = TRY(read_appended(table));
  recipe.removed_paths = TRY(read_groups(table, "remove", "paths", &is_relative_path));
  return recipe;
}

std::string recipes_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    if (std::filesystem::exists(entry.path() / "recipe.toml", ignored)) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

}  // namespace

Result<Recipe> parse_recipe(std::string_view text) {
  try {
    return read_recipe(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kInvalidArgument,
                "the recipe is not TOML: " + std::string(error.description()) + " (line " +
                    std::to_string(error.source().begin.line) + ")");
  }
}

Result<Recipe> load_recipe(const std::filesystem::path& recipes, std::string_view name) {
  const std::filesystem::path file = recipes / name / "recipe.toml";
  std::ifstream stream;
  if (is_image_name(name)) stream.open(file, std::ios::binary);
  if (!stream.is_open()) {
    return fail(ErrorCode::kNotFound, "there is no recipe '" + std::string(name) + "' in " +
                                          recipes.string() +
                                          "; recipes there: " + recipes_in(recipes));
  }
  std::ostringstream text;
  text << stream.rdbuf();
  return parse_recipe(text.str()).map_error([&](Error&& error) {
    return std::move(error).with("read " + file.string());
  });
}

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
  for (const AppendedLines& appended : recipe.appended) {
    add(appended.path);
    for (const std::string& line : appended.lines)
      add(line);
    sha.add("\1");
  }
  return sha.finish();
}

}  // namespace cloister::images
