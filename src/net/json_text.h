// JSON values as the compact text that the dialects send.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace cloister::net {

// No spaces, UTF-8 not escaped, bytes that are not UTF-8 as U+FFFD. Never fails.
std::string to_json_text(const nlohmann::json& value);
std::string to_json_text(const nlohmann::ordered_json& value);

// Writes U+0085, U+2028 and U+2029 of a JSON text as escapes. Clients that split a stream of events
// at every Unicode line boundary would otherwise cut the text there.
std::string escape_line_boundaries(std::string json_text);

}  // namespace cloister::net
