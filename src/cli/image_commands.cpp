#include <embedded/default_image.h>
#include <embedded/full_image.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "cli/commands.h"
#include "images/image_builder.h"
#include "images/image_store.h"
#include "images/recipe.h"
#include "net/json_text.h"
#include "server/settings_mapping.h"

namespace cloister::cli {
namespace {

constexpr std::string_view kDefaultRecipe = "default";
constexpr std::string_view kFullRecipe = "full";
constexpr std::size_t kShortDigest = 12;

images::ImageStore store_of(const server::LoadedSettings& settings) {
  return images::ImageStore(server::images_directory(settings.values));
}

void print_progress(std::string_view line) {
  fmt::print(stderr, "{}\n", line);
  std::fflush(stderr);
}

Result<std::string> built_in_recipe(std::string_view name) {
  if (name == kDefaultRecipe) return std::string(embedded::default_image::recipe_toml());
  if (name == kFullRecipe) return std::string(embedded::full_image::recipe_toml());
  return fail(ErrorCode::kNotFound, "there is no recipe '" + std::string(name) +
                                        "' built in; there are 'default' and 'full'; or name the "
                                        "path of a recipe.toml, or the directory of recipes by "
                                        "--recipes");
}

// A file includes the recipes beside it, and those that are built in.
Result<images::Recipe> read_recipe(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(ErrorCode::kNotFound, "the recipe " + path.string() + " cannot be read");
  }
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::filesystem::path recipes = path.parent_path() / "..";
  return images::parse_recipe(text, [&](std::string_view name) {
    Result<std::string> beside = images::recipes_in(recipes)(name);
    return beside ? std::move(beside) : built_in_recipe(name);
  });
}

// From --recipes, from a path, or one that is built in.
Result<images::Recipe> find_recipe(const ImageArguments& arguments) {
  const std::string name = arguments.name.empty() ? std::string(kDefaultRecipe) : arguments.name;
  if (!arguments.recipes.empty()) return images::load_recipe(arguments.recipes, name);
  if (name.find('/') != std::string::npos || name.ends_with(".toml")) return read_recipe(name);
  return images::parse_recipe(TRY(built_in_recipe(name)), &built_in_recipe);
}

images::BuildOptions build_options(const ImageArguments& arguments) {
  images::BuildOptions options;
  options.suite = arguments.suite;
  options.mirror = arguments.mirror;
  options.keyring = arguments.keyring;
  options.packages = arguments.packages;
  options.add_packages = arguments.add_packages;
  options.without_pip = arguments.without_pip;
  options.pip_program = arguments.pip_program;
  options.force = arguments.force;
  return options;
}

std::string languages_of(const images::Manifest& manifest) {
  std::vector<std::string> names;
  names.reserve(manifest.languages.size());
  for (const images::Language& language : manifest.languages) {
    names.push_back(language.name + " " + language.version);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

void print_image(const images::StoredImage& image) {
  fmt::print("{}  {}  {}\n", image.manifest.digest.substr(0, kShortDigest),
             fmt::join(image.names, ","), languages_of(image.manifest));
}

}  // namespace

Result<void> build_image(const server::LoadedSettings& settings, const ImageArguments& arguments) {
  const images::Recipe recipe = TRY(find_recipe(arguments));
  images::ImageStore store = store_of(settings);
  const SystemClock clock;
  images::ImageBuilder builder(store, clock);
  const images::BuildResult result =
      TRY(builder.build(recipe, build_options(arguments), print_progress));
  if (result.up_to_date) print_progress("nothing has changed since the last build");
  print_image(result.image);
  return {};
}

Result<void> list_images(const server::LoadedSettings& settings, bool as_json) {
  const std::vector<images::StoredImage> list = TRY(store_of(settings).list());
  if (!as_json) {
    for (const images::StoredImage& image : list)
      print_image(image);
    if (list.empty()) print_progress("there are no images; 'cloister image build' makes one");
    return {};
  }
  nlohmann::ordered_json entries = nlohmann::ordered_json::array();
  for (const images::StoredImage& image : list) {
    nlohmann::ordered_json entry = nlohmann::ordered_json::object();
    entry["digest"] = image.manifest.digest;
    entry["names"] = image.names;
    entry["created_at"] = image.manifest.created_at;
    entry["suite"] = image.manifest.suite;
    entry["languages"] = languages_of(image.manifest);
    entries.push_back(std::move(entry));
  }
  fmt::print("{}\n", net::to_json_text(entries));
  return {};
}

Result<void> import_image(const server::LoadedSettings& settings, const ImageArguments& arguments) {
  images::ImageStore store = store_of(settings);
  const SystemClock clock;
  images::ImageBuilder builder(store, clock);
  print_image(TRY(builder.import_archive(arguments.archive, arguments.name, print_progress)));
  return {};
}

Result<void> remove_image(const server::LoadedSettings& settings, const ImageArguments& arguments) {
  return store_of(settings).remove(arguments.name);
}

Result<void> check_image(const server::LoadedSettings& settings, const ImageArguments& arguments) {
  const images::CheckDepth depth =
      arguments.content ? images::CheckDepth::kContent : images::CheckDepth::kQuick;
  const images::ImageCheck check = TRY(store_of(settings).check(arguments.name, depth));
  for (const std::string& problem : check.problems)
    fmt::print("{}\n", problem);
  if (check.problems.empty()) {
    fmt::print("{} is usable\n", check.digest.substr(0, kShortDigest));
    return {};
  }
  return fail(ErrorCode::kConflict, "the image has problems");
}

}  // namespace cloister::cli
