#include "api/onyx/requests.h"

#include <algorithm>
#include <utility>

#include "api/onyx/object_reader.h"
#include "base/utf8.h"

namespace cloister::api::onyx {
namespace {

constexpr std::int64_t kMaxTtlSeconds = 86400;

bool is_json_type(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  std::transform(type.begin(), type.end(), type.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t'))
    type.pop_back();
  return type == "application/json" ||
         (type.starts_with("application/") && type.ends_with("+json"));
}

Refusal refusal(const SchemaErrors& errors) {
  return {422, errors.body()};
}

// The body as a JSON object, or everything that speaks against it.
Decoded<Json> decode_object(std::string_view content_type, const std::string& body) {
  const Location location = Location::array({"body"});
  SchemaErrors errors;
  if (body.empty()) {
    errors.missing(location, nullptr);
    return tl::unexpected(refusal(errors));
  }
  if (!is_valid_utf8(body)) {
    return tl::unexpected(Refusal{400, R"({"detail":"There was an error parsing the body"})"});
  }
  if (!is_json_type(content_type)) {
    errors.not_an_object(location, Json(body));
    return tl::unexpected(refusal(errors));
  }
  tl::expected<Json, JsonSyntaxError> value = parse_json(body);
  if (!value) {
    errors.invalid_json(value.error());
  } else if (value->is_null()) {
    errors.missing(location, nullptr);
  } else if (!value->is_object()) {
    errors.not_an_object(location, *value);
  }
  if (!errors.empty()) return tl::unexpected(refusal(errors));
  return std::move(*value);
}

// Decodes the object, then lets `read` take the fields with a reader, in the order of the schema.
template <typename Body, typename Read>
Decoded<Body> decode(std::string_view content_type, const std::string& body, Read read) {
  Decoded<Json> object = decode_object(content_type, body);
  if (!object) return tl::unexpected(std::move(object).error());
  SchemaErrors errors;
  ObjectReader reader(*object, Location::array({"body"}), errors);
  Body result;
  read(reader, result);
  if (!errors.empty()) return tl::unexpected(refusal(errors));
  return result;
}

}  // namespace

Decoded<ExecuteBody> decode_execute(std::string_view content_type, const std::string& body) {
  return decode<ExecuteBody>(content_type, body, [](ObjectReader& reader, ExecuteBody& result) {
    result.code = reader.required_string("code");
    result.stdin_text = reader.nullable_string("stdin");
    result.timeout_ms = reader.integer("timeout_ms", result.timeout_ms, {1, {}});
    result.last_line_interactive =
        reader.lenient_boolean("last_line_interactive", result.last_line_interactive);
    result.files = reader.input_files("files");
  });
}

Decoded<SessionBody> decode_session(std::string_view content_type, const std::string& body) {
  return decode<SessionBody>(content_type, body, [](ObjectReader& reader, SessionBody& result) {
    result.files = reader.input_files("files");
    result.ttl_seconds = reader.integer("ttl_seconds", result.ttl_seconds, {1, kMaxTtlSeconds});
  });
}

Decoded<BashBody> decode_bash(std::string_view content_type, const std::string& body) {
  return decode<BashBody>(content_type, body, [](ObjectReader& reader, BashBody& result) {
    result.cmd = reader.required_string("cmd");
    result.timeout_ms = reader.integer("timeout_ms", result.timeout_ms, {1, {}});
  });
}

}  // namespace cloister::api::onyx
