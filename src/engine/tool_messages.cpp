#include "engine/tool_messages.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace cloister::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kDepthMax = 64;
// A value takes a multiple of its text in memory; this bounds it to some tens of megabytes.
constexpr std::size_t kValuesMax = 200'000;

tl::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, "The message is malformed: " + std::string(what));
}

// Says whether a text is JSON within the bounds, without keeping any of it.
class BoundsCheck final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return count(); }
  bool boolean(bool /*value*/) override { return count(); }
  bool number_integer(number_integer_t /*value*/) override { return count(); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return count(); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return count(); }
  bool string(string_t& /*value*/) override { return count(); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool key(string_t& /*value*/) override { return count(); }
  bool start_object(std::size_t /*size*/) override { return enter(); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t /*size*/) override { return enter(); }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return false;
  }

 private:
  bool count() { return ++values_ <= kValuesMax; }
  bool enter() { return ++depth_ <= kDepthMax && count(); }
  bool leave() {
    --depth_;
    return true;
  }

  std::size_t depth_ = 0;
  std::size_t values_ = 0;
};

Result<Json> parse_bounded(std::string_view text) {
  BoundsCheck bounds;
  if (!Json::sax_parse(text, &bounds)) return malformed("it is not JSON, or too much of it.");
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return malformed("it is not JSON.");
  return value;
}

Result<ProgramCall> read_call(const Json& value) {
  if (!value.is_object() || value.size() != 3) return malformed("a call has three members.");
  const auto id = value.find("id");
  const auto name = value.find("name");
  const auto input = value.find("input");
  if (id == value.end() || !id->is_number_unsigned()) return malformed("'id' is to be a number.");
  if (name == value.end() || !name->is_string()) return malformed("'name' is to be a string.");
  if (input == value.end() || !input->is_object()) return malformed("'input' is to be an object.");
  return ProgramCall{id->get<std::uint64_t>(), name->get<std::string>(), input->dump()};
}

}  // namespace

Result<std::set<std::string, std::less<>>> parse_tool_names(std::string_view tools_json) {
  const Json value = TRY(parse_bounded(tools_json));
  if (!value.is_object() || !value.contains("tools") || !value["tools"].is_array()) {
    return malformed("'tools' is to be an array.");
  }
  std::set<std::string, std::less<>> names;
  for (const Json& tool : value["tools"]) {
    if (!tool.is_object() || !tool.contains("name") || !tool["name"].is_string()) {
      return malformed("a tool has no name.");
    }
    names.insert(tool["name"].get<std::string>());
  }
  return names;
}

Result<std::vector<ProgramCall>> parse_tool_calls(std::string_view message) {
  const Json value = TRY(parse_bounded(message));
  if (!value.is_object() || value.size() != 1 || !value.contains("calls") ||
      !value["calls"].is_array() || value["calls"].empty()) {
    return malformed("it is to be an object with calls.");
  }
  std::vector<ProgramCall> calls;
  for (const Json& call : value["calls"])
    calls.push_back(TRY(read_call(call)));
  return calls;
}

Result<std::string> format_tool_results(std::uint64_t first_id,
                                        std::span<const ToolResult* const> results) {
  std::string text = R"({"results":[)";
  for (std::size_t i = 0; i < results.size(); ++i) {
    const ToolResult& result = *results[i];
    if (!Json::accept(result.result_json)) {
      return fail(ErrorCode::kInvalidArgument,
                  "The result of the call '" + result.call_id + "' is not JSON.");
    }
    if (i > 0) text += ',';
    text += R"({"id":)" + std::to_string(first_id + i) + R"(,"result":)" + result.result_json;
    text += R"(,"is_error":)";
    text += result.is_error ? "true" : "false";
    text += R"(,"error_message":)";
    text += Json(result.error_message).dump(-1, ' ', false, Json::error_handler_t::replace) + '}';
  }
  return text + "]}";
}

std::string format_call_id(std::uint64_t id) {
  std::string digits = std::to_string(id);
  if (digits.size() < 3) digits.insert(0, 3 - digits.size(), '0');
  return "call_" + digits;
}

}  // namespace cloister::engine
