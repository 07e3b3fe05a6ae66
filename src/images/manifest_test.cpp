#include "images/manifest.h"

#include <gtest/gtest.h>

namespace cloister::images {
namespace {

Manifest example() {
  Manifest manifest;
  manifest.name = "default";
  manifest.digest = std::string(64, 'a');
  manifest.created_at = "2025-01-31T12:00:00Z";
  manifest.source = "recipe";
  manifest.suite = "trixie";
  manifest.architecture = "amd64";
  manifest.recipe_hash = std::string(64, 'b');
  manifest.languages = {{"python", "3.13.5", "/usr/bin/python3"}, {"bash", "5.2.37", "/bin/bash"}};
  manifest.packages = {{"bash", "5.2.37-2"}};
  manifest.python_packages = {{"numpy", "2.2.4"}};
  manifest.pip_requirements = {"python-pptx==1.0.2"};
  return manifest;
}

TEST(Manifest, SurvivesARoundTrip) {
  const Result<Manifest> parsed = parse_manifest(to_json(example()));
  ASSERT_TRUE(parsed) << parsed.error().describe();
  EXPECT_EQ(*parsed, example());
}

TEST(Manifest, FindsALanguage) {
  const Manifest manifest = example();
  ASSERT_NE(manifest.find_language("python"), nullptr);
  EXPECT_EQ(manifest.find_language("python")->version, "3.13.5");
  EXPECT_EQ(manifest.find_language("cobol"), nullptr);
}

TEST(Manifest, WritesNamesThatAreNotUtf8) {
  Manifest manifest = example();
  manifest.python_packages["bad\xff"] = "1";
  EXPECT_TRUE(parse_manifest(to_json(manifest)));
}

TEST(Manifest, RefusesWhatItDidNotWrite) {
  Manifest wrong_digest = example();
  wrong_digest.digest = "../../etc";
  for (const std::string& text : {std::string(), std::string("[]"), std::string("{\"name\":\"x\"}"),
                                  std::string("{\"name\":1"), to_json(wrong_digest)}) {
    const Result<Manifest> parsed = parse_manifest(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Manifest, KnowsADigest) {
  EXPECT_TRUE(is_digest(std::string(64, '0')));
  EXPECT_FALSE(is_digest(std::string(63, '0')));
  EXPECT_FALSE(is_digest(std::string(64, 'A')));
  EXPECT_FALSE(is_digest("../" + std::string(61, '0')));
}

TEST(Manifest, WritesTimesInUtc) {
  EXPECT_EQ(to_timestamp(WallTime(Microseconds(1'738'324'800'000'000))), "2025-01-31T12:00:00Z");
}

}  // namespace
}  // namespace cloister::images
