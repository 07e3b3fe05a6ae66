#include "api/common/object_reader.h"

#include <gtest/gtest.h>

namespace cloister::api {
namespace {

class ObjectReaderTest : public testing::Test {
 protected:
  ObjectReader reader(const std::string& text) {
    object_ = *parse_json(text);
    errors_ = SchemaErrors();
    return {object_, Location::array({"body"}), errors_};
  }

  Json object_;
  SchemaErrors errors_;
};

TEST_F(ObjectReaderTest, NullableIntegers) {
  EXPECT_EQ(reader(R"({"n":30})").nullable_integer("n"), 30);
  EXPECT_EQ(reader(R"({"n":-3e1})").nullable_integer("n"), -30);
  EXPECT_FALSE(reader(R"({"n":null})").nullable_integer("n"));
  EXPECT_FALSE(reader("{}").nullable_integer("n"));
  EXPECT_TRUE(errors_.empty());
  for (const char* text : {R"({"n":1.5})", R"({"n":1e300})", R"({"n":"1"})", R"({"n":true})"}) {
    EXPECT_FALSE(reader(text).nullable_integer("n")) << text;
    EXPECT_FALSE(errors_.empty()) << text;
  }
}

TEST_F(ObjectReaderTest, ListsOfStrings) {
  EXPECT_EQ(reader(R"({"a":["x","y"]})").strings("a"), (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(reader(R"({"a":null})").strings("a").empty());
  EXPECT_EQ(reader(R"({"a":"x"})").strings_or_one("a"), std::vector<std::string>{"x"});
  EXPECT_TRUE(errors_.empty());
  reader(R"({"a":["x",1]})").strings("a");
  EXPECT_EQ(errors_.list()[0]["loc"], Json::parse(R"(["body","a",1])"));
  reader(R"({"a":"x"})").strings("a");
  EXPECT_FALSE(errors_.empty());
}

TEST_F(ObjectReaderTest, ListsOfObjects) {
  std::string names;
  const auto visit = [&names](ObjectReader& entry) { names += entry.required_string("n"); };
  reader(R"({"a":[{"n":"x"},{"n":"y"}]})").objects("a", visit);
  EXPECT_EQ(names, "xy");
  EXPECT_TRUE(errors_.empty());
  reader(R"({"a":[{"n":"z"},5,{}]})").objects("a", visit);
  EXPECT_EQ(names, "xyz");
  ASSERT_EQ(errors_.list().size(), 2U);
  EXPECT_EQ(errors_.list()[1]["loc"], Json::parse(R"(["body","a",2,"n"])"));
}

}  // namespace
}  // namespace cloister::api
