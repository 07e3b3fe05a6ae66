#include "api/common/content_disposition.h"

#include <gtest/gtest.h>

namespace cloister::api {
namespace {

TEST(ContentDisposition, QuotesAsciiNames) {
  EXPECT_EQ(content_disposition("in.csv"), R"(attachment; filename="in.csv")");
  EXPECT_EQ(content_disposition("a b/c.txt"), R"(attachment; filename="a b/c.txt")");
}

TEST(ContentDisposition, EscapesQuotesAndBackslashes) {
  EXPECT_EQ(content_disposition(R"(a"b\c)"), R"(attachment; filename="a\"b\\c")");
}

TEST(ContentDisposition, NamesOtherCharactersInTheExtendedForm) {
  EXPECT_EQ(content_disposition("n\xc3\xa4h.txt"),
            R"(attachment; filename="n_h.txt"; filename*=UTF-8''n%C3%A4h.txt)");
  EXPECT_EQ(content_disposition("\xe6\x96\x87 \"1\""),
            R"(attachment; filename="_ \"1\""; filename*=UTF-8''%E6%96%87%20%221%22)");
}

TEST(ContentDisposition, NeverContainsAControlCharacter) {
  std::string name = "a";
  for (int code = 0; code < 0x20; ++code)
    name += static_cast<char>(code);
  name += '\x7f';
  for (const char letter : content_disposition(name + "\r\nset-cookie: x")) {
    EXPECT_GE(static_cast<unsigned char>(letter), 0x20);
    EXPECT_NE(letter, '\x7f');
  }
}

TEST(ContentDisposition, RepairsBytesThatAreNotUtf8) {
  EXPECT_EQ(content_disposition("\xff"), R"(attachment; filename="_"; filename*=UTF-8''%EF%BF%BD)");
}

}  // namespace
}  // namespace cloister::api
