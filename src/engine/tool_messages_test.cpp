#include "engine/tool_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace cloister::engine {
namespace {

using ::testing::ElementsAre;

TEST(ToolNames, AreThoseOfTheDefinitions) {
  EXPECT_THAT(
      parse_tool_names(R"({"tools":[{"name":"b-c","parameters":{}},{"name":"a"}]})").value(),
      ElementsAre("a", "b-c"));
  EXPECT_TRUE(parse_tool_names(R"({"tools":[]})")->empty());
  for (const char* text : {"", "[]", "{}", R"({"tools":{}})", R"({"tools":[1]})",
                           R"({"tools":[{"name":1}]})", R"({"tools":[{}]})"}) {
    EXPECT_EQ(parse_tool_names(text).error().code, ErrorCode::kInvalidArgument) << text;
  }
}

TEST(ToolCalls, AreReadInTheirOrder) {
  const auto calls = parse_tool_calls(
      R"({"calls":[{"id":3,"name":"z","input":{"b":[1,2.5],"a":"\u00e4"}},
          {"name":"y","id":4,"input":{}}]})");
  ASSERT_TRUE(calls) << calls.error().describe();
  ASSERT_EQ(calls->size(), 2U);
  EXPECT_EQ(calls->at(0).id, 3U);
  EXPECT_EQ(calls->at(0).name, "z");
  EXPECT_EQ(calls->at(0).input_json, "{\"b\":[1,2.5],\"a\":\"\xC3\xA4\"}");
  EXPECT_EQ(calls->at(1).id, 4U);
}

TEST(ToolCalls, RefuseEveryOtherForm) {
  for (const std::string text : {
           R"()",
           R"(null)",
           R"([])",
           R"({})",
           R"({"calls":[]})",
           R"({"calls":{}})",
           R"({"calls":[{"id":1,"name":"a","input":{}}],"more":1})",
           R"({"calls":[{"id":1,"name":"a","input":{}}]} {})",
           R"({"calls":[{"id":1,"name":"a","input":{}},]})",
           R"({"calls":[{"id":1,"name":"a","input":{},"more":1}]})",
           R"({"calls":[{"id":-1,"name":"a","input":{}}]})",
           R"({"calls":[{"id":1.5,"name":"a","input":{}}]})",
           R"({"calls":[{"id":"1","name":"a","input":{}}]})",
           R"({"calls":[{"id":1,"name":null,"input":{}}]})",
           R"({"calls":[{"id":1,"name":"a","input":[]}]})",
           R"({"calls":[{"id":1,"name":"a"}]})",
           R"({"calls":[1]})",
           R"({"calls":[{"id":1,"name":"a","input":{"x":NaN}}]})",
       }) {
    EXPECT_EQ(parse_tool_calls(text).error().code, ErrorCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(parse_tool_calls("{\"calls\":[{\"id\":1,\"name\":\"\xff\",\"input\":{}}]}"));
}

TEST(ToolCalls, RefuseDepthAndMassWithoutBuildingThem) {
  const std::string begin = R"({"calls":[{"id":1,"name":"a","input":{"x":)";
  const auto nested = [&](std::size_t depth) {
    return begin + std::string(depth, '[') + std::string(depth, ']') + "}}]}";
  };
  EXPECT_TRUE(parse_tool_calls(nested(50)));
  EXPECT_FALSE(parse_tool_calls(nested(100)));
  EXPECT_FALSE(parse_tool_calls(nested(1'000'000)));
  std::string many = begin + "[0";
  for (int i = 0; i < 300'000; ++i)
    many += ",0";
  EXPECT_FALSE(parse_tool_calls(many + "]}}]}"));
}

TEST(ToolResults, AreWrittenAsTheProgramReadsThem) {
  const ToolResult one{"call_004", R"({"temp": -3})", false, ""};
  const ToolResult two{"call_005", "null", true, "no \"such\" city\n\xff"};
  const std::array<const ToolResult*, 2> results{&one, &two};
  EXPECT_EQ(format_tool_results(4, results).value(),
            "{\"results\":[{\"id\":4,\"result\":{\"temp\": -3},\"is_error\":false,"
            "\"error_message\":\"\"},{\"id\":5,\"result\":null,\"is_error\":true,"
            "\"error_message\":\"no \\\"such\\\" city\\n\xEF\xBF\xBD\"}]}");
  for (const char* text : {"", "{", "1 2", "}", R"(1,"is_error":true)"}) {
    const ToolResult bad{"call_004", text, false, ""};
    const std::array<const ToolResult*, 1> bad_results{&bad};
    EXPECT_EQ(format_tool_results(4, bad_results).error().code, ErrorCode::kInvalidArgument)
        << text;
  }
}

TEST(CallId, HasThreeDigitsAtLeast) {
  EXPECT_EQ(format_call_id(1), "call_001");
  EXPECT_EQ(format_call_id(42), "call_042");
  EXPECT_EQ(format_call_id(1234), "call_1234");
}

}  // namespace
}  // namespace cloister::engine
