#include "api/librechat/auth.h"

#include <gtest/gtest.h>

#include "api/common/fake_exchange_test.h"
#include "api/librechat/base64.h"
#include "testing/virtual_clock.h"

namespace cloister::api::librechat {
namespace {

class AuthTest : public testing::Test {
 protected:
  using Sent = std::vector<std::pair<std::string, std::string>>;
  std::optional<std::string> tenant_of(const Sent& headers) {
    FakeRequest request("GET", "/files/x", {}, {});
    for (const auto& [name, value] : headers)
      request.set_header(name, value);
    return Authenticator(options_, clock_).tenant_of(request);
  }
  bool admits(const Sent& headers) { return tenant_of(headers) == "librechat"; }

  fakes::VirtualClock clock_;
  AuthOptions options_{.keys = {"mykey", "", "other"}, .off = false, .jwt_keys = {}, .jwt = {}};
};

TEST_F(AuthTest, TheHeaderOfOldClients) {
  EXPECT_TRUE(admits({{"x-api-key", "mykey"}}));
  EXPECT_TRUE(admits({{"x-api-key", "other"}}));
  for (const char* key : {"", "mykeyx", "myke", "MYKEY", " mykey"})
    EXPECT_FALSE(tenant_of({{"x-api-key", key}})) << key;
  EXPECT_FALSE(tenant_of({}));
}

TEST_F(AuthTest, Bearer) {
  EXPECT_TRUE(admits({{"authorization", "Bearer mykey"}}));
  EXPECT_TRUE(admits({{"authorization", "bearer  mykey "}}));
  EXPECT_FALSE(tenant_of({{"authorization", "Bearer wrong"}}));
  EXPECT_FALSE(tenant_of({{"authorization", "mykey"}}));
  EXPECT_FALSE(tenant_of({{"authorization", "Bearer "}}));
}

TEST_F(AuthTest, BasicWithTheKeyInAnyPlace) {
  for (const char* encoded : {"bXlrZXk=", "bXlrZXk", "bXlrZXk6", "bXlrZXk6eA==", "eDpteWtleQ=="}) {
    // mykey, the same without padding, mykey:, mykey:x, x:mykey
    EXPECT_TRUE(admits({{"authorization", std::string("Basic ") + encoded}})) << encoded;
  }
  for (const char* encoded : {"eDp5", "Og==", "====", "b*XlrZXk=", "bXlrZ"}) {
    EXPECT_FALSE(tenant_of({{"authorization", std::string("Basic ") + encoded}})) << encoded;
  }
}

TEST_F(AuthTest, OneThatIsGoodSuffices) {
  EXPECT_TRUE(admits({{"x-api-key", "wrong"}, {"authorization", "Basic bXlrZXk="}}));
  EXPECT_TRUE(admits({{"x-api-key", "mykey"}, {"authorization", "Bearer wrong"}}));
  EXPECT_FALSE(tenant_of({{"x-api-key", "wrong"}, {"authorization", "Bearer wrong"}}));
}

TEST_F(AuthTest, KeysInAddressesAreEncoded) {
  options_.keys = {"a/b@c"};
  EXPECT_TRUE(admits({{"authorization", "Basic YSUyRmIlNDBj"}}));  // a%2Fb%40c
}

TEST_F(AuthTest, OffAdmitsEverybodyAndNoKeysNobody) {
  options_.off = true;
  EXPECT_TRUE(admits({}));
  options_ = {};
  EXPECT_FALSE(tenant_of({{"x-api-key", ""}}));
  EXPECT_FALSE(tenant_of({{"authorization", "Basic Og=="}}));
}

TEST(Base64, ReadsBothAlphabets) {
  EXPECT_EQ(decode_base64("-_8="), "\xfb\xff");
  EXPECT_EQ(decode_base64("+/8"), "\xfb\xff");
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_FALSE(decode_base64("A"));
  EXPECT_FALSE(decode_base64("A=B="));
  EXPECT_EQ(encode_base64url("\xfb\xff"), "-_8");
  EXPECT_EQ(decode_base64(encode_base64url("any text")), "any text");
}

}  // namespace
}  // namespace cloister::api::librechat
