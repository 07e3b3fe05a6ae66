#include "base/utf8.h"

#include <gtest/gtest.h>

namespace cloister {
namespace {

constexpr const char* kFffd = "\xEF\xBF\xBD";

TEST(RepairUtf8, KeepsValidText) {
  const std::string text("a\x00z \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", 15);
  ASSERT_EQ(text.back(), '\x80');
  EXPECT_EQ(repair_utf8(text), text);
}

TEST(RepairUtf8, ReplacesEachMaximalSubsequenceOnce) {
  EXPECT_EQ(repair_utf8("a\xFFz"), std::string("a") + kFffd + "z");
  EXPECT_EQ(repair_utf8("\xE2\x82"), kFffd);
  EXPECT_EQ(repair_utf8("\xE2\x82z"), std::string(kFffd) + "z");
  EXPECT_EQ(repair_utf8("\xED\xA0\x80"), std::string(kFffd) + kFffd + kFffd);
  EXPECT_EQ(repair_utf8("\xC0\x80"), std::string(kFffd) + kFffd);
  EXPECT_EQ(repair_utf8("\xF4\x90\x80\x80"), std::string(kFffd) + kFffd + kFffd + kFffd);
}

TEST(IncompleteUtf8Suffix, CountsOnlyWhatCanStillBecomeACharacter) {
  EXPECT_EQ(incomplete_utf8_suffix("abc"), 0U);
  EXPECT_EQ(incomplete_utf8_suffix("ab\xC3"), 1U);
  EXPECT_EQ(incomplete_utf8_suffix("ab\xE2\x82"), 2U);
  EXPECT_EQ(incomplete_utf8_suffix("\xF0\x9F\x98"), 3U);
  EXPECT_EQ(incomplete_utf8_suffix("\xF0\x9F\x98\x80"), 0U);
  EXPECT_EQ(incomplete_utf8_suffix("\xFF"), 0U);
  EXPECT_EQ(incomplete_utf8_suffix("\xED\xA0"), 0U);
}

TEST(Utf8StreamDecoder, GivesTheSameTextForEverySplit) {
  const std::string bytes = "x\xC3\xA9\xF0\x9F\x98\x80\xFF\xE2\x82";
  const std::string whole = repair_utf8(bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Utf8StreamDecoder decoder;
    std::string text = decoder.decode(std::string_view(bytes).substr(0, cut));
    text += decoder.decode(std::string_view(bytes).substr(cut));
    text += decoder.finish();
    EXPECT_EQ(text, whole) << "cut at " << cut;
  }
}

}  // namespace
}  // namespace cloister
