#include "api/librechat/programmatic_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/librechat/answer.h"
#include "net/json_text.h"
#include "runtimes/language.h"

namespace cloister::api::librechat {
namespace {

constexpr std::size_t kToolsMax = 100;
constexpr std::size_t kResultsMax = 200;
constexpr std::size_t kResultBytesMax = std::size_t{5} << 20;
constexpr std::size_t kHintBytesMax = 4096;
constexpr std::size_t kErrorBytesMax = 65'536;
constexpr Milliseconds kShortest{1000};
constexpr Milliseconds kDefault{15'000};

Json tool_json(ObjectReader& entry) {
  Json tool = Json::object();
  tool["name"] = entry.required_string("name");
  tool["description"] = entry.nullable_string("description");
  const Json* parameters = entry.find("parameters");
  tool["parameters"] =
      parameters != nullptr && parameters->is_object() ? *parameters : Json::object();
  return tool;
}

// {"tools":[...]}, or the answer that refuses them.
Outcome<std::string> read_tools(ObjectReader& reader, SchemaErrors& errors) {
  Json list = Json::array();
  const Json* tools = reader.find("tools");
  if (tools != nullptr && tools->is_array() && tools->size() > kToolsMax) {
    return tl::unexpected(
        refusal_answer(400, fmt::format("Too many tools. Max allowed: {}", kToolsMax)));
  }
  if (reader.has("tools")) {
    reader.objects("tools", [&list](ObjectReader& entry) { list.push_back(tool_json(entry)); });
  }
  if (!errors.empty()) return {};
  return net::to_json_text(Json{{"tools", std::move(list)}});
}

engine::ToolResult read_result(ObjectReader& entry) {
  engine::ToolResult result;
  result.call_id = entry.required_string("call_id");
  const Json* value = entry.find("result");
  result.result_json = value == nullptr ? "null" : net::to_json_text(*value);
  result.is_error = entry.lenient_boolean("is_error", false);
  result.error_message = entry.nullable_string("error_message").substr(0, kErrorBytesMax);
  return result;
}

Outcome<ProgrammaticBody> decode_continuation(ObjectReader& reader, SchemaErrors& errors) {
  ProgrammaticBody result;
  result.continuation_token = reader.required_string("continuation_token");
  const Json* list = reader.find("tool_results");
  if (list == nullptr || (list->is_array() && list->empty())) {
    return tl::unexpected(refusal_answer(400, "tool_results must not be empty"));
  }
  if (list->is_array() && list->size() > kResultsMax) {
    return tl::unexpected(
        refusal_answer(400, fmt::format("Too many tool results. Max allowed: {}", kResultsMax)));
  }
  reader.objects("tool_results",
                 [&result](ObjectReader& entry) { result.results.push_back(read_result(entry)); });
  if (!errors.empty()) return tl::unexpected(schema_answer(errors));
  const bool too_large = std::ranges::any_of(result.results, [](const engine::ToolResult& one) {
    return one.result_json.size() > kResultBytesMax;
  });
  if (too_large) {
    return tl::unexpected(
        refusal_answer(413, fmt::format("A tool result exceeds {} MB", kResultBytesMax >> 20U)));
  }
  return result;
}

// The canonical name, or the answer that refuses another language.
Outcome<std::string> read_language(ObjectReader& reader) {
  std::string name = reader.nullable_string("language");
  if (name.empty()) name = reader.nullable_string("lang");
  if (name.empty()) return "python";
  const runtimes::Language* language = runtimes::find_language(name);
  if (language != nullptr && (language->name == "python" || language->name == "bash")) {
    return std::string(language->name);
  }
  return tl::unexpected(refusal_answer(
      400,
      fmt::format("Programs with tools are in python or bash, not in '{}'", name.substr(0, 64))));
}

}  // namespace

Outcome<ProgrammaticBody> decode_programmatic(const Json& body, std::size_t references_max) {
  SchemaErrors errors;
  ObjectReader reader(body, Location::array({"body"}), errors);
  if (reader.has("continuation_token")) return decode_continuation(reader, errors);
  ProgrammaticBody result;
  result.code = reader.required_string("code");
  Outcome<std::string> tools = read_tools(reader, errors);
  result.session_id = reader.nullable_string("session_id");
  result.timeout_ms = reader.nullable_integer("timeout");
  result.references = read_references(reader, references_max);
  const Outcome<std::string> language = read_language(reader);
  const Json* hint = reader.find("runtime_session_hint");
  if (hint != nullptr && hint->is_string()) {
    result.runtime_session_hint = hint->get<std::string>().substr(0, kHintBytesMax);
  }
  if (!errors.empty()) return tl::unexpected(schema_answer(errors));
  if (!tools) return tl::unexpected(std::move(tools).error());
  if (!language) return tl::unexpected(language.error());
  if (result.references.problem_status != 0) {
    return tl::unexpected(
        refusal_answer(result.references.problem_status, result.references.problem));
  }
  result.tools_json = std::move(*tools);
  result.language = *language;
  return result;
}

bool is_request_id(std::string_view text) {
  constexpr std::size_t kMost = 128;
  return !text.empty() && text.size() <= kMost &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

Outcome<std::string> decode_cancel(const Json& body) {
  SchemaErrors errors;
  ObjectReader reader(body, Location::array({"body"}), errors);
  std::string id = reader.required_string("request_id");
  if (!errors.empty()) return tl::unexpected(schema_answer(errors));
  return id;
}

Milliseconds tool_timeout(std::optional<std::int64_t> timeout_ms, Milliseconds most) {
  const Milliseconds wanted = timeout_ms ? Milliseconds(*timeout_ms) : kDefault;
  return std::clamp(wanted, std::min(kShortest, most), most);
}

}  // namespace cloister::api::librechat
