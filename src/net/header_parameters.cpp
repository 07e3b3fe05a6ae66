#include "net/header_parameters.h"

#include <algorithm>

#include "net/http.h"

namespace cloister::net {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower_copy(std::string_view text) {
  std::string copy(text);
  std::ranges::transform(copy, copy.begin(), lower);
  return copy;
}

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

void skip_spaces(std::string_view& text) {
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
}

std::string_view take_until(std::string_view& text, std::string_view stops) {
  const std::size_t end = std::min(text.find_first_of(stops), text.size());
  std::string_view taken = text.substr(0, end);
  text.remove_prefix(end);
  while (!taken.empty() && is_space(taken.back()))
    taken.remove_suffix(1);
  return taken;
}

std::optional<std::string> take_quoted(std::string_view& text) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    if (c == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
    value += text[i];
  }
  return std::nullopt;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

const std::string* HeaderParameters::find(std::string_view name) const {
  const auto found = std::ranges::find(
      parameters, name, [](const auto& entry) -> std::string_view { return entry.first; });
  return found == parameters.end() ? nullptr : &found->second;
}

std::optional<HeaderParameters> parse_header_parameters(std::string_view text) {
  HeaderParameters result;
  skip_spaces(text);
  result.value = lower_copy(take_until(text, ";"));
  while (!text.empty()) {
    text.remove_prefix(1);
    skip_spaces(text);
    // A semicolon at the end, or two in a row, mean nothing.
    if (text.empty() || text.front() == ';') continue;
    std::string name = lower_copy(take_until(text, "=;"));
    if (name.empty() || text.empty() || text.front() != '=' || result.find(name) != nullptr)
      return std::nullopt;
    text.remove_prefix(1);
    skip_spaces(text);
    std::string value;
    if (!text.empty() && text.front() == '"') {
      auto quoted = take_quoted(text);
      if (!quoted) return std::nullopt;
      value = std::move(*quoted);
      skip_spaces(text);
      if (!text.empty() && text.front() != ';') return std::nullopt;
    } else {
      value = take_until(text, ";");
    }
    result.parameters.emplace_back(std::move(name), std::move(value));
  }
  return result;
}

std::optional<std::string> decode_extended_value(std::string_view text) {
  const std::size_t first = text.find('\'');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find('\'', first + 1);
  if (second == std::string_view::npos || !equal_ignoring_case(text.substr(0, first), "utf-8"))
    return std::nullopt;
  return percent_decode(text.substr(second + 1));
}

}  // namespace cloister::net
