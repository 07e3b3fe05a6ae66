#include "images/manifest.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <nlohmann/json.hpp>

namespace cloister::images {

using Json = nlohmann::ordered_json;

const Language* Manifest::find_language(std::string_view language) const {
  const auto found = std::find_if(languages.begin(), languages.end(),
                                  [&](const Language& entry) { return entry.name == language; });
  return found == languages.end() ? nullptr : &*found;
}

std::string to_json(const Manifest& manifest) {
  Json languages = Json::array();
  for (const Language& language : manifest.languages) {
    languages.push_back(
        {{"name", language.name}, {"version", language.version}, {"path", language.path}});
  }
  const Json json = {{"name", manifest.name},
                     {"digest", manifest.digest},
                     {"created_at", manifest.created_at},
                     {"source", manifest.source},
                     {"suite", manifest.suite},
                     {"architecture", manifest.architecture},
                     {"recipe_hash", manifest.recipe_hash},
                     {"languages", languages},
                     {"pip_requirements", manifest.pip_requirements},
                     {"python_packages", manifest.python_packages},
                     {"packages", manifest.packages}};
  // What an imported image calls its packages need not be UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Manifest> parse_manifest(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    Manifest manifest;
    json.at("name").get_to(manifest.name);
    json.at("digest").get_to(manifest.digest);
    json.at("created_at").get_to(manifest.created_at);
    json.at("source").get_to(manifest.source);
    json.at("suite").get_to(manifest.suite);
    json.at("architecture").get_to(manifest.architecture);
    json.at("recipe_hash").get_to(manifest.recipe_hash);
    json.at("pip_requirements").get_to(manifest.pip_requirements);
    json.at("python_packages").get_to(manifest.python_packages);
    json.at("packages").get_to(manifest.packages);
    for (const Json& entry : json.at("languages")) {
      manifest.languages.push_back({entry.at("name").get<std::string>(),
                                    entry.at("version").get<std::string>(),
                                    entry.at("path").get<std::string>()});
    }
    if (!is_digest(manifest.digest)) {
      return fail(ErrorCode::kInvalidArgument, "the manifest's digest is not a SHA-256");
    }
    return manifest;
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kInvalidArgument,
                std::string("the manifest cannot be read: ") + error.what());
  }
}

std::string to_timestamp(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

bool is_digest(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace cloister::images
