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
#pragma once

#include <filesystem>
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

struct Recipe {
  std::string name;
  std::string suite;
  std::vector<std::string> packages;  // Debian packages, installed without recommended ones.
  std::vector<std::string> pip;       // Requirements, installed without their dependencies.
  std::vector<AppendedLines> appended;
  // Removed at the end: shell patterns relative to the root; "*" also matches across directories.
  std::vector<std::string> removed_paths;
};

// kInvalidArgument with the line for bad TOML, unknown members and names that are not package
// names.
Result<Recipe> parse_recipe(std::string_view toml);

// Reads <recipes>/<name>/recipe.toml. kNotFound lists the recipes that there are.
Result<Recipe> load_recipe(const std::filesystem::path& recipes, std::string_view name);

// SHA-256 over everything in the recipe and over `mirror`: equal hashes build equal images, as far
// as the mirror stays the same.
std::string recipe_hash(const Recipe& recipe, std::string_view mirror);

}  // namespace cloister::images
