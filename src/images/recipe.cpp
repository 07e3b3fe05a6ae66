#include "images/recipe.h"

#define TOML_HEADER_ONLY 0
#define TOML_SHARED_LIB 1
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <initializer_list>
#include <map>
#include <sstream>

#include "images/image_store.h"

namespace cloister::images {
namespace {

// Far more than anybody needs.
constexpr std::size_t kIncludeDepthMax = 8;

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

bool is_word(std::string_view text) {
  return text.find('\0') == text.npos;
}

// Neither an option nor an assignment to env, which starts the program.
bool is_program(std::string_view text) {
  return is_word(text) && !text.empty() && text.front() != '-' && text.find('=') == text.npos;
}

bool is_assignment(std::string_view text) {
  const std::string_view name = text.substr(0, text.find('='));
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; };
  return name.size() < text.size() && is_word(text) && !name.empty() && is_letter(name.front()) &&
         std::all_of(
             name.begin(), name.end(),
             [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
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

Result<std::vector<std::string>> read_texts(const toml::array& values, Validator is_valid) {
  std::vector<std::string> result;
  for (const toml::node& value : values) {
    const std::string text = value.value_or(std::string());
    if (!value.is_string() || !is_valid(text)) {
      return wrong("'" + text + "' is not allowed here", value);
    }
    result.push_back(text);
  }
  return result;
}

Result<const toml::array*> find_list(const toml::table& group, std::string_view list) {
  const toml::array* values = group[list].as_array();
  if (values == nullptr) return wrong("a group needs a list '" + std::string(list) + "'", group);
  return values;
}

Result<std::vector<std::string>> read_list(const toml::table& group, std::string_view list,
                                           Validator is_valid) {
  return read_texts(*TRY(find_list(group, list)), is_valid);
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

Result<std::vector<RunStep>> read_steps(const toml::table& recipe) {
  std::vector<RunStep> result;
  for (const toml::table* group : TRY(find_groups(recipe, "run"))) {
    TRY_VOID(only_members(*group, {"reason", "environment", "commands"}));
    RunStep step;
    step.reason = (*group)["reason"].value_or(std::string());
    if (group->contains("environment")) {
      step.environment = TRY(read_list(*group, "environment", &is_assignment));
    }
    for (const toml::node& command : *TRY(find_list(*group, "commands"))) {
      const toml::array* words = command.as_array();
      if (words == nullptr) return wrong("a command is a list of words", command);
      step.commands.push_back(TRY(read_texts(*words, &is_word)));
      if (step.commands.back().empty() || !is_program(step.commands.back().front())) {
        return wrong("a command begins with a program", command);
      }
    }
    result.push_back(std::move(step));
  }
  return result;
}

// Adds what is not there yet.
void add_missing(std::vector<std::string>& to, const std::vector<std::string>& from) {
  for (const std::string& text : from) {
    if (std::find(to.begin(), to.end(), text) == to.end()) to.push_back(text);
  }
}

template <typename T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// A package of the Python index that is asked for in two versions; empty when there is none.
std::string find_contradiction(const std::vector<std::string>& requirements) {
  std::map<std::string, std::string> versions;
  for (const std::string& requirement : requirements) {
    const std::string project = requirement.substr(0, requirement.find('='));
    const auto [found, is_new] = versions.emplace(project, requirement);
    if (!is_new && found->second != requirement) return found->second + " and " + requirement;
  }
  return {};
}

// `own` behind what it includes.
Recipe merge(Recipe base, const Recipe& own) {
  base.name = own.name;
  if (!own.suite.empty()) base.suite = own.suite;
  add_missing(base.packages, own.packages);
  add_missing(base.pip, own.pip);
  add_missing(base.removed_paths, own.removed_paths);
  append(base.appended, own.appended);
  append(base.steps, own.steps);
  return base;
}

Result<Recipe> read_lists(const toml::table& table) {
  TRY_VOID(only_members(
      table, {"name", "suite", "include", "packages", "pip", "append", "remove", "run"}));
  Recipe recipe;
  recipe.name = table["name"].value_or(std::string());
  recipe.suite = table["suite"].value_or(std::string());
  if (!is_image_name(recipe.name)) return wrong("'name' must be an image name", table);
  const bool may_lack_suite = table.contains("include") && !table.contains("suite");
  if (!may_lack_suite && !is_image_name(recipe.suite)) {
    return wrong("'suite' must name a Debian suite", table);
  }
  recipe.packages = TRY(read_groups(table, "packages", "names", &is_package_name));
  recipe.pip = TRY(read_groups(table, "pip", "names", &is_requirement));
  recipe.appended = TRY(read_appended(table));
  recipe.removed_paths = TRY(read_groups(table, "remove", "paths", &is_relative_path));
  recipe.steps = TRY(read_steps(table));
  return recipe;
}

// Parses a text and all that it includes; `chain` holds the names that led to it.
class Reader {
 public:
  explicit Reader(const RecipeSource& source) : source_(source) {}

  Result<Recipe> read(std::string_view text) {
    try {
      return read_table(toml::parse(text));
    } catch (const toml::parse_error& error) {
      return fail(ErrorCode::kInvalidArgument,
                  "the recipe is not TOML: " + std::string(error.description()) + " (line " +
                      std::to_string(error.source().begin.line) + ")");
    }
  }

 private:
  Result<Recipe> read_table(const toml::table& table) {
    Recipe recipe = TRY(read_lists(table));
    if (const toml::node* include = table.get("include")) {
      recipe = merge(TRY(read_included(*include)), recipe);
    }
    const std::string contradiction = find_contradiction(recipe.pip);
    if (!contradiction.empty()) return wrong("it asks for both " + contradiction, table);
    return recipe;
  }

  Result<Recipe> read_included(const toml::node& include) {
    const std::string name = include.value_or(std::string());
    if (!is_image_name(name)) return wrong("'include' must name a recipe", include);
    if (!source_) return wrong("there is nothing here to include '" + name + "' from", include);
    if (std::find(chain_.begin(), chain_.end(), name) != chain_.end() ||
        chain_.size() >= kIncludeDepthMax) {
      return wrong("the recipe '" + name + "' includes itself", include);
    }
    chain_.push_back(name);
    const std::string text = TRY(source_(name));
    Result<Recipe> recipe = read(text);
    chain_.pop_back();
    return std::move(recipe).map_error(
        [&](Error&& error) { return std::move(error).with("include '" + name + "'"); });
  }

  const RecipeSource& source_;
  std::vector<std::string> chain_;
};

std::string names_in(const std::filesystem::path& directory) {
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

Result<Recipe> parse_recipe(std::string_view text, const RecipeSource& source) {
  return Reader(source).read(text);
}

RecipeSource recipes_in(const std::filesystem::path& recipes) {
  return [recipes](std::string_view name) -> Result<std::string> {
    std::ifstream stream;
    if (is_image_name(name)) stream.open(recipes / name / "recipe.toml", std::ios::binary);
    if (!stream.is_open()) {
      return fail(ErrorCode::kNotFound, "there is no recipe '" + std::string(name) + "' in " +
                                            recipes.string() +
                                            "; recipes there: " + names_in(recipes));
    }
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
  };
}

Result<Recipe> load_recipe(const std::filesystem::path& recipes, std::string_view name) {
  const RecipeSource source = recipes_in(recipes);
  return parse_recipe(TRY(source(name)), source).map_error([&](Error&& error) {
    return std::move(error).with("read the recipe " + std::string(name));
  });
}

}  // namespace cloister::images
