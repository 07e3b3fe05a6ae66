#include "api/onyx/requests.h"

#include <gtest/gtest.h>

namespace cloister::api::onyx {
namespace {

constexpr std::string_view kJson = "application/json";

// The 422 body of a refused execution; "accepted" when it was not refused.
std::string refusal_of(const std::string& body, std::string_view type = kJson) {
  const Decoded<ExecuteBody> result = decode_execute(type, body);
  if (result) return "accepted";
  EXPECT_EQ(result.error().status, 422);
  return result.error().body;
}

std::string one_error(std::string_view error) {
  return R"({"detail":[)" + std::string(error) + "]}";
}

TEST(Requests, ExecuteDefaults) {
  const auto body = decode_execute(kJson, R"({"code":""})");
  ASSERT_TRUE(body);
  EXPECT_EQ(body->code, "");
  EXPECT_EQ(body->stdin_text, "");
  EXPECT_EQ(body->timeout_ms, 2000);
  EXPECT_TRUE(body->last_line_interactive);
  EXPECT_TRUE(body->files.empty());
}

TEST(Requests, ExecuteFields) {
  const auto body = decode_execute(
      "Application/JSON; charset=utf-8",
      R"({"code":"x","stdin":"y","timeout_ms":7,"last_line_interactive":false,"other":[1],
          "files":[{"path":"p","file_id":"f","more":1}]})");
  ASSERT_TRUE(body);
  EXPECT_EQ(body->code, "x");
  EXPECT_EQ(body->stdin_text, "y");
  EXPECT_EQ(body->timeout_ms, 7);
  EXPECT_FALSE(body->last_line_interactive);
  ASSERT_EQ(body->files.size(), 1U);
  EXPECT_EQ(body->files[0].path, "p");
  EXPECT_EQ(body->files[0].file_id, "f");
}

TEST(Requests, LastOfARepeatedKeyCounts) {
  const auto body = decode_execute(kJson, R"({"code":1,"code":"x"})");
  ASSERT_TRUE(body);
  EXPECT_EQ(body->code, "x");
}

TEST(Requests, ReportsAllErrorsInFieldOrder) {
  EXPECT_EQ(
      refusal_of(R"({"timeout_ms":0,"files":[{"path":"in.csv"}]})"),
      R"({"detail":[)"
      R"({"type":"missing","loc":["body","code"],"msg":"Field required","input":{"timeout_ms":0,"files":[{"path":"in.csv"}]}},)"
      R"({"type":"greater_than_equal","loc":["body","timeout_ms"],"msg":"Input should be greater than or equal to 1","input":0,"ctx":{"ge":1}},)"
      R"({"type":"missing","loc":["body","files",0,"file_id"],"msg":"Field required","input":{"path":"in.csv"}}]})");
}

TEST(Requests, NoBodyAndNull) {
  const std::string expected =
      one_error(R"({"type":"missing","loc":["body"],"msg":"Field required","input":null})");
  EXPECT_EQ(refusal_of(""), expected);
  EXPECT_EQ(refusal_of("null"), expected);
  EXPECT_EQ(refusal_of("", ""), expected);
}

TEST(Requests, NotAnObject) {
  EXPECT_EQ(
      refusal_of("[1]"),
      one_error(
          R"({"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":[1]})"));
  EXPECT_EQ(
      refusal_of(R"({"code":"","files":[3]})"),
      one_error(
          R"({"type":"model_attributes_type","loc":["body","files",0],"msg":"Input should be a valid dictionary or object to extract fields from","input":3})"));
}

TEST(Requests, OtherContentTypesAreNotJson) {
  const std::string expected = one_error(
      R"({"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":"{\"code\":\"1\"}"})");
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "text/json",
                           "application/jsonp", "application/json5"}) {
    EXPECT_EQ(refusal_of(R"({"code":"1"})", type), expected) << type;
  }
  for (const char* type :
       {"application/json", "application/problem+json; a=b", "APPLICATION/JSON ;x"}) {
    EXPECT_EQ(refusal_of(R"({"code":"1"})", type), "accepted") << type;
  }
}

TEST(Requests, MalformedJson) {
  EXPECT_EQ(
      refusal_of(R"({"code": })"),
      one_error(
          R"({"type":"json_invalid","loc":["body",9],"msg":"JSON decode error","input":{},"ctx":{"error":"Syntax error while parsing value"}})"));
  for (const char* text : {" ", R"({"code":"","timeout_ms":NaN})", R"({"code":"\ud800"})"}) {
    EXPECT_NE(refusal_of(text).find("json_invalid"), std::string::npos) << text;
  }
}

TEST(Requests, NotUtf8IsABadRequest) {
  const auto result = decode_execute(kJson, "{\"code\":\"\xff\"}");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().status, 400);
  EXPECT_EQ(result.error().body, R"({"detail":"There was an error parsing the body"})");
}

TEST(Requests, StringsAreStrict) {
  for (const char* value : {"1", "null", "true", "[]", "{}"}) {
    EXPECT_EQ(refusal_of(std::string(R"({"code":)") + value + "}"),
              one_error(std::string(R"({"type":"string_type","loc":["body","code"],)"
                                    R"("msg":"Input should be a valid string","input":)") +
                        value + "}"));
  }
  EXPECT_EQ(refusal_of(R"({"code":"","stdin":null})"), "accepted");
  EXPECT_NE(refusal_of(R"({"code":"","stdin":1})").find("string_type"), std::string::npos);
}

TEST(Requests, IntegersAreStrict) {
  for (const char* value : {"1.0", "\"1\"", "true", "null", "[]", "1e3"}) {
    EXPECT_NE(
        refusal_of(std::string(R"({"code":"","timeout_ms":)") + value + "}")
            .find(
                R"("type":"int_type","loc":["body","timeout_ms"],"msg":"Input should be a valid integer")"),
        std::string::npos)
        << value;
  }
  EXPECT_EQ(refusal_of(R"({"code":"","timeout_ms":1})"), "accepted");
  const auto huge = decode_execute(kJson, R"({"code":"","timeout_ms":99999999999999999999})");
  ASSERT_TRUE(huge);
  EXPECT_GT(huge->timeout_ms, 1'000'000'000'000);
}

TEST(Requests, BooleansAreLenient) {
  const auto decode = [](const std::string& value) {
    return decode_execute(kJson, R"({"code":"","last_line_interactive":)" + value + "}");
  };
  for (const char* value :
       {"true", "1", "1.0", "\"true\"", "\"T\"", "\"Yes\"", "\"y\"", "\"ON\"", "\"1\""}) {
    const auto body = decode(value);
    ASSERT_TRUE(body) << value;
    EXPECT_TRUE(body->last_line_interactive) << value;
  }
  for (const char* value :
       {"false", "0", "0.0", "\"False\"", "\"f\"", "\"NO\"", "\"n\"", "\"off\"", "\"0\""}) {
    const auto body = decode(value);
    ASSERT_TRUE(body) << value;
    EXPECT_FALSE(body->last_line_interactive) << value;
  }
  for (const char* value : {"null", "[]", "{}"}) {
    const auto body = decode(value);
    ASSERT_FALSE(body) << value;
    EXPECT_NE(
        body.error().body.find(
            R"("type":"bool_type","loc":["body","last_line_interactive"],"msg":"Input should be a valid boolean",)"),
        std::string::npos);
  }
  for (const char* value : {"2", "-1", "0.5", "\"\"", "\"maybe\""}) {
    const auto body = decode(value);
    ASSERT_FALSE(body) << value;
    EXPECT_NE(
        body.error().body.find(
            R"("type":"bool_parsing","loc":["body","last_line_interactive"],"msg":"Input should be a valid boolean, unable to interpret input",)"),
        std::string::npos);
  }
}

TEST(Requests, ListsAreStrict) {
  for (const char* value : {"null", "{}", "\"a\"", "1"}) {
    EXPECT_EQ(refusal_of(std::string(R"({"code":"","files":)") + value + "}"),
              one_error(std::string(R"({"type":"list_type","loc":["body","files"],)"
                                    R"("msg":"Input should be a valid list","input":)") +
                        value + "}"));
  }
}

TEST(Requests, BoundsTheNumberOfReportedErrors) {
  std::string body = R"({"code":"","files":[{})";
  for (int count = 0; count < 10000; ++count)
    body += ",{}";
  EXPECT_LT(refusal_of(body + "]}").size(), 20000U);
}

TEST(Requests, SessionDefaultsAndBounds) {
  const auto body = decode_session(kJson, "{}");
  ASSERT_TRUE(body);
  EXPECT_EQ(body->ttl_seconds, 900);
  EXPECT_TRUE(body->files.empty());
  EXPECT_TRUE(decode_session(kJson, R"({"ttl_seconds":86400})"));
  const auto above = decode_session(kJson, R"({"ttl_seconds":86401})");
  ASSERT_FALSE(above);
  EXPECT_EQ(
      above.error().body,
      one_error(
          R"({"type":"less_than_equal","loc":["body","ttl_seconds"],"msg":"Input should be less than or equal to 86400","input":86401,"ctx":{"le":86400}})"));
  EXPECT_FALSE(decode_session(kJson, R"({"ttl_seconds":0})"));
  EXPECT_FALSE(decode_session(kJson, ""));
}

TEST(Requests, BashDefaultsAndBounds) {
  const auto body = decode_bash(kJson, R"({"cmd":""})");
  ASSERT_TRUE(body);
  EXPECT_EQ(body->timeout_ms, 30000);
  EXPECT_FALSE(decode_bash(kJson, "{}"));
  EXPECT_FALSE(decode_bash(kJson, R"({"cmd":"ls","timeout_ms":0})"));
}

}  // namespace
}  // namespace cloister::api::onyx
