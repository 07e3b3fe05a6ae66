#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "net/json_text.h"
#include "net/sse.h"

namespace cloister::net {
namespace {

TEST(FormatEvent, UsesLineFeedsAlone) {
  EXPECT_EQ(format_event("output", R"({"stream":"stdout","data":"tick 1\n"})"),
            "event: output\ndata: {\"stream\":\"stdout\",\"data\":\"tick 1\\n\"}\n\n");
}

TEST(ToJsonText, IsCompactKeepsOrderAndUtf8) {
  const nlohmann::ordered_json value{{"z", "\xC3\xA9"}, {"a", {1, nullptr, true}}};
  EXPECT_EQ(to_json_text(value), "{\"z\":\"\xC3\xA9\",\"a\":[1,null,true]}");
}

TEST(ToJsonText, RepairsWhatIsNotUtf8) {
  EXPECT_EQ(to_json_text(nlohmann::json("a\xFFz")), "\"a\xEF\xBF\xBDz\"");
}

TEST(EscapeLineBoundaries, EscapesExactlyTheThreeCharacters) {
  EXPECT_EQ(escape_line_boundaries("plain"), "plain");
  EXPECT_EQ(escape_line_boundaries("a\xC2\x85z\xE2\x80\xA8\xE2\x80\xA9"),
            "a\\u0085z\\u2028\\u2029");
  EXPECT_EQ(escape_line_boundaries("\xC2\xA0\xE2\x82\xAC\xE2\x80\xA7"),
            "\xC2\xA0\xE2\x82\xAC\xE2\x80\xA7");
  EXPECT_EQ(escape_line_boundaries("\xE2"), "\xE2");
}

TEST(EscapeLineBoundaries, GivesTextThatParsesToTheSameValue) {
  const nlohmann::json value = "x\xE2\x80\xA8y\xC2\x85z\xE2\x82\xAC";
  EXPECT_EQ(nlohmann::json::parse(escape_line_boundaries(to_json_text(value))), value);
}

}  // namespace
}  // namespace cloister::net
