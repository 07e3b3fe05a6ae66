#include "server/settings_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <optional>
#include <utility>

#include "server/settings_value.h"

namespace cloister::server {
namespace {

std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* integer = node.as_integer()) return std::to_string(integer->get());
  if (const auto* real = node.as_floating_point()) return fmt::format("{}", real->get());
  if (const auto* boolean = node.as_boolean()) return boolean->get() ? "true" : "false";
  return std::nullopt;
}

// A list becomes its elements with commas between, the form of the environment.
std::optional<std::string> node_text(const toml::node& node) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return scalar_text(node);
  std::string result;
  for (const toml::node& element : *list) {
    const std::optional<std::string> text = scalar_text(element);
    if (!text) return std::nullopt;
    if (!result.empty()) result += ',';
    result += *text;
  }
  return result;
}

Result<std::vector<FileSetting>> collect(const toml::table& table, const std::string& path) {
  std::vector<FileSetting> result;
  for (const auto& [key, node] : table) {
    const std::optional<std::size_t> index = find_setting(key.str());
    if (!index) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: line {}: there is no setting '{}'", path,
                              node.source().begin.line, key.str()));
    }
    std::optional<std::string> text = node_text(node);
    if (!text) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: line {}: '{}' has to be {}", path, node.source().begin.line,
                              key.str(), allowed_values(settings_table()[*index])));
    }
    result.push_back({*index, std::move(*text)});
  }
  return result;
}

}  // namespace

Result<std::vector<FileSetting>> read_settings_file(const std::string& path) {
  try {
    return collect(toml::parse_file(path), path);
  } catch (const toml::parse_error& error) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: line {}: {}", path, error.source().begin.line, error.description()));
  }
}

}  // namespace cloister::server
