#include "images/apt_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::images {
namespace {

using testing::ElementsAre;

TEST(AptSources, FindsMirrorUpdatesAndSecurity) {
  const AptSources sources = parse_index_targets(
      "https://tools.example/apt/|stable|main|/usr/share/keyrings/tools.gpg\n"
      "http://mirror.example/debian/|bookworm|main|/usr/share/keyrings/debian.gpg\n"
      "http://mirror.example/debian/|bookworm|contrib|\n"
      "http://mirror.example/debian/|bookworm-updates|main|$(SIGNED_BY)\n"
      "http://mirror.example/debian-security/|bookworm-security|main|$(SIGNED_BY)\n");
  EXPECT_EQ(sources.mirror, "http://mirror.example/debian");
  EXPECT_EQ(sources.security_mirror, "http://mirror.example/debian-security");
  EXPECT_EQ(sources.keyring, "/usr/share/keyrings/debian.gpg");
  EXPECT_TRUE(sources.has_updates);
}

TEST(AptSources, FindsNothingWhereThereIsNoDebian) {
  EXPECT_EQ(parse_index_targets("").mirror, "");
  EXPECT_EQ(parse_index_targets("http://archive.example/ubuntu/|noble|main|\nbroken\n").mirror, "");
}

TEST(AptSources, GivesLinesForAReleasedSuite) {
  AptSources sources;
  sources.mirror = "http://m.example/debian";
  sources.security_mirror = "http://m.example/debian-security";
  sources.has_updates = true;
  sources.keyring = "/k.gpg";
  EXPECT_THAT(
      mirror_lines(sources, "trixie"),
      ElementsAre("deb [signed-by=/k.gpg] http://m.example/debian trixie main",
                  "deb [signed-by=/k.gpg] http://m.example/debian trixie-updates main",
                  "deb [signed-by=/k.gpg] http://m.example/debian-security trixie-security main"));
  EXPECT_THAT(mirror_lines(sources, "sid"),
              ElementsAre("deb [signed-by=/k.gpg] http://m.example/debian sid main"));
}

}  // namespace
}  // namespace cloister::images
