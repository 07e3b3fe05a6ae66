#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "net/json_text.h"

namespace cloister::cli {
namespace {

std::string shown_value(const server::SettingSpec& spec, const server::Settings& settings) {
  const std::string text = value_text(spec, settings);
  return spec.is_secret && !text.empty() ? "***" : text;
}

void print_json(const server::LoadedSettings& settings) {
  const auto& table = server::settings_table();
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (std::size_t index = 0; index < table.size(); ++index) {
    nlohmann::ordered_json entry = nlohmann::ordered_json::object();
    entry["name"] = table[index].name;
    entry["value"] = shown_value(table[index], settings.values);
    entry["origin"] = settings.origins[index];
    entry["variable"] = environment_name(table[index]);
    entry["allowed"] = allowed_values(table[index]);
    entry["help"] = table[index].help;
    list.push_back(std::move(entry));
  }
  fmt::print("{}\n", net::to_json_text(list));
}

}  // namespace

Result<void> print_config(const server::LoadedSettings& settings, bool as_json) {
  if (as_json) {
    print_json(settings);
    return {};
  }
  const auto& table = server::settings_table();
  std::size_t name_width = 0;
  std::size_t value_width = 0;
  for (const server::SettingSpec& spec : table) {
    name_width = std::max(name_width, spec.name.size());
    value_width = std::max(value_width, shown_value(spec, settings.values).size());
  }
  for (std::size_t index = 0; index < table.size(); ++index) {
    fmt::print("{:<{}}  {:<{}}  {}\n", table[index].name, name_width,
               shown_value(table[index], settings.values), value_width, settings.origins[index]);
  }
  for (const std::string& warning : settings.warnings)
    fmt::print(stderr, "warning: {}\n", warning);
  for (const std::string& note : settings.notes)
    fmt::print(stderr, "note: {}\n", note);
  return {};
}

}  // namespace cloister::cli
