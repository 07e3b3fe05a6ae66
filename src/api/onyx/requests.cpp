#include "api/onyx/requests.h"

#include <utility>

#include "api/common/object_reader.h"

namespace cloister::api::onyx {
namespace {

constexpr std::int64_t kMaxTtlSeconds = 86400;

Refusal refusal(const SchemaErrors& errors) {
  return {422, errors.body()};
}

// A list of {path, file_id}.
std::vector<engine::InputFile> input_files(ObjectReader& reader, std::string_view name) {
  std::vector<engine::InputFile> files;
  reader.objects(name, [&files](ObjectReader& entry) {
    engine::InputFile file;
    file.path = entry.required_string("path");
    file.file_id = entry.required_string("file_id");
    files.push_back(std::move(file));
  });
  return files;
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
    result.files = input_files(reader, "files");
  });
}

Decoded<SessionBody> decode_session(std::string_view content_type, const std::string& body) {
  return decode<SessionBody>(content_type, body, [](ObjectReader& reader, SessionBody& result) {
    result.files = input_files(reader, "files");
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
