#include "api/common/json_body.h"

#include <gtest/gtest.h>

#include <string>

namespace cloister::api {
namespace {

TEST(JsonBody, KeepsTheOrderOfKeysAndTheLastValue) {
  const auto value = parse_json(R"({"b":1,"a":2,"b":{"c":[true,null,-3,0.5,"x"]}})");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->dump(), R"({"b":{"c":[true,null,-3,0.5,"x"]},"a":2})");
}

TEST(JsonBody, ToleratesAByteOrderMark) {
  ASSERT_TRUE(parse_json("\xef\xbb\xbf{}"));
  const auto broken = parse_json("\xef\xbb\xbf{x");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().position, 4U);
}

TEST(JsonBody, NamesThePositionAndShortReason) {
  const auto value = parse_json(R"({"a": secret})");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().position, 6U);
  EXPECT_EQ(value.error().reason, "Syntax error while parsing value");
}

TEST(JsonBody, RefusesWhatIsNotJson) {
  for (const char* text : {"", " ", "NaN", "[1,]", "{\"a\":1}x", "'a'", "\"\\ud800\"", "\"\n\"",
                           "{\"a\":Infinity}", "01"}) {
    EXPECT_FALSE(parse_json(text)) << text;
  }
}

TEST(JsonBody, AcceptsAWholeSurrogatePair) {
  const auto value = parse_json(R"("\ud83d\ude00")");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->get<std::string>(), "\xf0\x9f\x98\x80");
}

TEST(JsonBody, BoundsNesting) {
  const std::string most = std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']');
  EXPECT_TRUE(parse_json(most));
  EXPECT_FALSE(parse_json("[" + most + "]"));
  EXPECT_FALSE(parse_json(std::string(1000000, '[')));
}

TEST(JsonBody, BoundsTheKeysOfAnObject) {
  std::string text = "{";
  for (std::size_t index = 0; index < kMaxJsonObjectKeys; ++index) {
    text += "\"k" + std::to_string(index) + "\":0,";
  }
  EXPECT_FALSE(parse_json(text + "\"last\":0}"));
  text.back() = '}';
  EXPECT_TRUE(parse_json(text));
}

TEST(JsonBody, KeepsHugeIntegersIntegers) {
  const auto big = parse_json("100000000000000000000000000");
  ASSERT_TRUE(big);
  EXPECT_TRUE(big->is_number_integer());
  const auto small = parse_json("-100000000000000000000000000");
  ASSERT_TRUE(small);
  EXPECT_TRUE(small->is_number_integer());
  EXPECT_LT(small->get<std::int64_t>(), 0);
}

}  // namespace
}  // namespace cloister::api
