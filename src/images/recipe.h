// What to put into an image: a TOML file in images/<name>/recipe.toml. Plain values.
//
//   name = "default"
//   suite = "trixie"
//   [[packages]]
//   reason = "Tables"
//   names = ["python3-pandas"]
//   [[pip]]
//   reason = "Not in Debian"
//   names = ["python-pptx==1.0.2"]
//   [[append]]
//   reason = "Plots with Chinese text"
//   path = "etc/matplotlibrc"
//   lines = ["font.family: sans-serif, WenQuanYi Zen Hei"]
//   [[remove]]
//   reason = "Nobody runs a library's own tests"
//   paths = ["usr/lib/python3/dist-packages/scipy/*/tests"]
//   [[run]]
//   reason = "The compiler's start from prepared memory"
//   environment = ["HOME=/root"]                      # optional
//   commands = [["java", "-Xshare:dump"]]
//
// A recipe that continues another one of the same folder has all of that one's first:
//
//   name = "full"
//   include = "default"
//
// It may then leave out the suite. What both name is there once; a Python package that they ask for
// in two versions, and recipes that include each other, are refused.
//
// The commands of [[run]] are the last step but one: they run inside the image, as root, without a
// network, with the image writable, in the order of the recipe. One that fails ends the build.
// After them only [[remove]] is applied, for the second time: what matches is not there for them
// either.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace cloister::images {

// Lines for the end of a file of the image; the file is made when it is not there.
struct AppendedLines {
  std::string path;  // Relative to the root.
  std::vector<std::string> lines;

  bool operator==(const AppendedLines&) const = default;
};

// Programs that are run inside the image when all else is there.
struct RunStep {
  std::string reason;                              // For progress.
  std::vector<std::string> environment;            // "NAME=value"
  std::vector<std::vector<std::string>> commands;  // Argument vectors.

  bool operator==(const RunStep&) const = default;
};

struct Recipe {
  std::string name;
  std::string suite;
  std::vector<std::string> packages;  // Debian packages, installed without recommended ones.
  std::vector<std::string> pip;       // Requirements, installed without their dependencies.
  std::vector<AppendedLines> appended;
  // Removed at the end: shell patterns relative to the root; "*" also matches across directories.
  std::vector<std::string> removed_paths;
  std::vector<RunStep> steps;
};

// Gives the text of a recipe by its name, for `include`.
using RecipeSource = std::function<Result<std::string>(std::string_view name)>;

// kInvalidArgument with the line for bad TOML, unknown members and names that are not package
// names, and for an include without a source. An error of the source is passed on.
Result<Recipe> parse_recipe(std::string_view toml, const RecipeSource& source = nullptr);

// The recipes of a folder: <recipes>/<name>/recipe.toml. kNotFound lists those that there are.
RecipeSource recipes_in(const std::filesystem::path& recipes);

// A recipe of a folder with what it includes.
Result<Recipe> load_recipe(const std::filesystem::path& recipes, std::string_view name);

// SHA-256 over everything in the recipe, `mirror`, and the table of languages: equal hashes build
// equal images, as far as the mirror stays the same.
std::string recipe_hash(const Recipe& recipe, std::string_view mirror);

}  // namespace cloister::images
