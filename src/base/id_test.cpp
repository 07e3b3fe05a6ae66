#include "base/id.h"

#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <set>

namespace cloister {
namespace {

TEST(RandomUuid, HasVersionFourAndTheRfcVariant) {
  for (int i = 0; i < 100; ++i) {
    const std::string id = random_uuid();
    ASSERT_TRUE(is_uuid(id)) << id;
    EXPECT_EQ(id[14], '4');
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
  }
}

TEST(RandomUuid, DoesNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i)
    seen.insert(random_uuid());
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(RandomNanoid, UsesTheWholeAlphabetAtEveryPlace) {
  std::set<std::string> seen;
  std::map<std::size_t, std::set<char>> at_place;
  for (int i = 0; i < 3000; ++i) {
    const std::string id = random_nanoid();
    ASSERT_EQ(id.size(), 21U);
    for (std::size_t place = 0; place < id.size(); ++place) {
      const char character = id[place];
      ASSERT_TRUE(std::isalnum(static_cast<unsigned char>(character)) != 0 || character == '_' ||
                  character == '-')
          << id;
      at_place[place].insert(character);
    }
    seen.insert(id);
  }
  EXPECT_EQ(seen.size(), 3000U);
  // A character is missing at a place by chance less often than once in 10^17 runs.
  for (const auto& [place, characters] : at_place)
    EXPECT_EQ(characters.size(), 64U) << place;
}

TEST(IsUuid, RefusesOtherForms) {
  EXPECT_FALSE(is_uuid(""));
  EXPECT_FALSE(is_uuid("../../../../../../../../etc/passwd/x"));
  EXPECT_FALSE(is_uuid("5B0C2F0E-5C0E-4E0E-9A55-0D1D2C3B4A59"));
  EXPECT_FALSE(is_uuid("5b0c2f0e-5c0e-4e0e-9a55-0d1d2c3b4a5"));
  EXPECT_TRUE(is_uuid("5b0c2f0e-5c0e-4e0e-9a55-0d1d2c3b4a59"));
}

TEST(RandomHex, HasTwoDigitsAByte) {
  EXPECT_EQ(random_hex(0), "");
  EXPECT_EQ(random_hex(16).size(), 32U);
  EXPECT_EQ(random_hex(100).size(), 200U);
}

}  // namespace
}  // namespace cloister
