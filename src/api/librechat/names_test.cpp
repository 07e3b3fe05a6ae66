#include "api/librechat/names.h"

#include <gtest/gtest.h>

#include "api/librechat/content_type.h"
#include "api/librechat/timestamps.h"

namespace cloister::api::librechat {
namespace {

TEST(Names, Ids) {
  EXPECT_TRUE(is_id("kV3nQ8ZrT1yB6wXc0LmPd"));
  EXPECT_TRUE(is_id(std::string(128, '-')));
  for (const char* text : {"", "a.b", "a/b", "..", "a b", "\xc3\xa4", "a\n"})
    EXPECT_FALSE(is_id(text)) << text;
  EXPECT_FALSE(is_id(std::string(129, 'a')));
}

TEST(Names, PlacesInTheWorkspace) {
  EXPECT_EQ(*workspace_name("skills/a b/\xc3\xbc-\xe5\xa0\xb1.md"),
            "skills/a b/\xc3\xbc-\xe5\xa0\xb1.md");
  EXPECT_EQ(*workspace_name("/mnt/data/in.csv"), "in.csv");
  EXPECT_EQ(*workspace_name("./in.csv"), "in.csv");
  for (const char* name :
       {"", "/etc/passwd", "../x", "a/../b", "a//b", "a/./b", "a/", "/mnt/data/"})
    EXPECT_FALSE(workspace_name(name)) << name;
  // Characters, not bytes.
  std::string wide;
  for (int i = 0; i < 128; ++i)
    wide += i == 64 ? "/" : "\xc3\xbc";
  EXPECT_TRUE(workspace_name(wide));
  EXPECT_TRUE(workspace_name("1/2/3/4/5/6/7/8/9/10"));
  EXPECT_FALSE(workspace_name("1/2/3/4/5/6/7/8/9/10/11"));
  EXPECT_FALSE(workspace_name(std::string(200, 'a') + '/' + std::string(56, 'b')));
}

TEST(Names, UploadsKeepSafeNames) {
  EXPECT_EQ(upload_name("skills/tax/SKILL.md"), "skills/tax/SKILL.md");
  EXPECT_EQ(upload_name("\xc3\xa4 (1).csv"), "\xc3\xa4 (1).csv");
  EXPECT_EQ(upload_name("a\tb\n.txt"), "a_b_.txt");
  EXPECT_EQ(upload_name("../../etc/passwd"), "passwd");
  EXPECT_EQ(upload_name("/mnt/data/x"), "x");
  EXPECT_EQ(upload_name("a/../b"), "b");
  for (const char* name : {"", ".", "..", "a/..", "/"})
    EXPECT_EQ(upload_name(name), "file") << name;
  const std::string shortened = upload_name(std::string(300, 'x') + ".csv");
  EXPECT_EQ(shortened.size(), 255U);
  EXPECT_TRUE(shortened.ends_with("x.csv"));
  std::string wide;
  for (int i = 0; i < 200; ++i)
    wide += "\xe5\xa0\xb1";
  EXPECT_EQ(upload_name(wide).size() % 3, 0U);
}

TEST(Names, HintsGiveSessionIds) {
  const std::string id = session_id_of_hint("conversation 1");
  EXPECT_EQ(id.size(), 21U);
  EXPECT_TRUE(is_id(id));
  EXPECT_EQ(session_id_of_hint("conversation 1"), id);
  EXPECT_NE(session_id_of_hint("conversation 2"), id);
}

TEST(Names, Queries) {
  EXPECT_EQ(query_parameter("a=1&detail=full", "detail"), "full");
  EXPECT_EQ(query_parameter("a=x+y%2Fz", "a"), "x y/z");
  EXPECT_EQ(query_parameter("a", "a"), "");
  EXPECT_FALSE(query_parameter("ab=1", "a"));
  EXPECT_FALSE(query_parameter("", "a"));
}

TEST(Names, TypesByEnding) {
  EXPECT_EQ(content_type_of("a/b.CSV"), "text/csv");
  EXPECT_EQ(content_type_of("a.tar.gz"), "application/gzip");
  EXPECT_EQ(content_type_of("a.csv/b"), "application/octet-stream");
  EXPECT_EQ(content_type_of(".png"), "application/octet-stream");
}

TEST(Timestamps, HaveTheFormsOfTheContract) {
  const WallTime time(Microseconds(1'763'630'043'120'456));
  EXPECT_EQ(iso_utc(time), "2025-11-20T09:14:03.120Z");
  EXPECT_EQ(iso_naive(time), "2025-11-20T09:14:03.120456");
  EXPECT_EQ(http_date(time), "Thu, 20 Nov 2025 09:14:03 GMT");
}

}  // namespace
}  // namespace cloister::api::librechat
