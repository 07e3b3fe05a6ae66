#include "server/settings_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

namespace cloister::server {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  return result;
}

// Each store() returns false when the text does not fit.
class Store {
 public:
  Store(std::string_view text, Settings& settings) : text_(trimmed(text)), settings_(settings) {}

  bool operator()(const IntegerKind& kind) const { return number(kind); }
  bool operator()(const RealKind& kind) const { return number(kind); }
  bool operator()(const TextKind& kind) const {
    if (text_.find('\0') != std::string_view::npos) return false;
    settings_.*kind.field = std::string(text_);
    return true;
  }
  bool operator()(const BooleanKind& kind) const {
    const std::string word = lower_case(text_);
    if (word == "true" || word == "1" || word == "yes" || word == "on") {
      settings_.*kind.field = true;
    } else if (word == "false" || word == "0" || word == "no" || word == "off") {
      settings_.*kind.field = false;
    } else {
      return false;
    }
    return true;
  }
  bool operator()(const ChoiceKind& kind) const {
    const std::string word = lower_case(text_);
    if (std::find(kind.choices.begin(), kind.choices.end(), word) == kind.choices.end()) {
      return false;
    }
    settings_.*kind.field = word;
    return true;
  }
  bool operator()(const ListKind& kind) const {
    std::vector<std::string> words;
    std::string_view rest = text_;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const std::string_view word = trimmed(rest.substr(0, comma));
      if (!word.empty()) words.emplace_back(word);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    settings_.*kind.field = std::move(words);
    return true;
  }

 private:
  template <typename Kind>
  bool number(const Kind& kind) const {
    auto value = settings_.*kind.field;
    const char* const begin = text_.data();
    const char* const end = begin + text_.size();
    const auto [stop, error] = std::from_chars(begin, end, value);
    if (error != std::errc() || stop != end) return false;
    if (!(value >= kind.minimum && value <= kind.maximum)) return false;
    settings_.*kind.field = value;
    return true;
  }

  std::string_view text_;
  Settings& settings_;
};

}  // namespace

std::optional<std::size_t> find_setting(std::string_view name) {
  const auto& table = settings_table();
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const SettingSpec& spec) { return spec.name == name; });
  if (found == table.end()) return std::nullopt;
  return static_cast<std::size_t>(found - table.begin());
}

Result<void> parse_setting(const SettingSpec& spec, std::string_view text, std::string_view origin,
                           Settings& settings) {
  if (std::visit(Store(text, settings), spec.kind)) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: '{}' (from {}) is not allowed; it has to be {}", spec.name,
                          spec.is_secret ? "***" : text, origin, allowed_values(spec)));
}

}  // namespace cloister::server
