// JSON request bodies, with the bounds that keep a hostile one cheap.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace cloister::api {

// Keeps the order of keys, for the echo of what was sent and for answers.
using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxJsonDepth = 64;
constexpr std::size_t kMaxJsonObjectKeys = 256;  // Look-ups in an ordered object are linear.

struct JsonSyntaxError {
  std::size_t position = 0;  // In bytes, of where the text stops being JSON.
  std::string reason;
};

// Parses one JSON text. A leading byte order mark is tolerated; of a repeated key the last value
// counts; NaN, lone surrogates and more nesting or keys than the bounds allow are errors. An
// integer beyond 64 bits becomes the nearest one that fits. `text` has to be valid UTF-8.
tl::expected<Json, JsonSyntaxError> parse_json(std::string_view text);

}  // namespace cloister::api
