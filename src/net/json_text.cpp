#include "net/json_text.h"

#include <nlohmann/json.hpp>

namespace cloister::net {
namespace {

template <typename Json>
std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The escape for the character that begins `text`, and its length in bytes; empty when it needs
// none.
std::pair<std::string_view, std::size_t> escape_of(std::string_view text) {
  if (text.starts_with("\xC2\x85")) return {"\\u0085", 2};
  if (text.starts_with("\xE2\x80\xA8")) return {"\\u2028", 3};
  if (text.starts_with("\xE2\x80\xA9")) return {"\\u2029", 3};
  return {{}, 1};
}

}  // namespace

std::string to_json_text(const nlohmann::json& value) {
  return dump(value);
}
std::string to_json_text(const nlohmann::ordered_json& value) {
  return dump(value);
}

std::string escape_line_boundaries(std::string json_text) {
  constexpr std::string_view kLeads = "\xC2\xE2";
  std::size_t next = json_text.find_first_of(kLeads);
  if (next == std::string::npos) return json_text;
  const std::string_view source = json_text;
  std::string escaped;
  escaped.reserve(source.size() + 16);
  std::size_t copied = 0;
  while (next != std::string_view::npos) {
    const auto [escape, length] = escape_of(source.substr(next));
    if (!escape.empty()) {
      escaped.append(source.substr(copied, next - copied)).append(escape);
      copied = next + length;
    }
    next = source.find_first_of(kLeads, next + length);
  }
  escaped.append(source.substr(copied));
  return escaped;
}

}  // namespace cloister::net
