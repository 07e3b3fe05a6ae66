#include "api/librechat/jwt.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "api/common/json_body.h"
#include "api/librechat/base64.h"

namespace cloister::api::librechat {
namespace {

constexpr std::int64_t kNow = 1'763'630'000;

class JwtTest : public testing::Test {
 protected:
  using Key = std::shared_ptr<EVP_PKEY>;

  static Key own(EVP_PKEY* key) { return Key(key, &EVP_PKEY_free); }

  static std::string pem_of(const Key& key) {
    BIO* output = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(output, key.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(output, &text);
    std::string pem(text, static_cast<std::size_t>(size));
    BIO_free(output);
    return pem;
  }

  static std::string sign(const Key& key, const Json& header, const Json& claims) {
    const std::string message =
        encode_base64url(header.dump()) + '.' + encode_base64url(claims.dump());
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const EVP_MD* digest = EVP_PKEY_is_a(key.get(), "RSA") == 1 ? EVP_sha256() : nullptr;
    EVP_DigestSignInit(context, nullptr, digest, nullptr, key.get());
    std::string signature(1024, '\0');
    std::size_t size = signature.size();
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                   reinterpret_cast<const unsigned char*>(message.data()), message.size());
    EVP_MD_CTX_free(context);
    signature.resize(size);
    return message + '.' + encode_base64url(signature);
  }

  static Json claims() {
    return Json{{"iss", "librechat"}, {"aud", "codeapi"},  {"iat", kNow - 5},
                {"nbf", kNow - 5},    {"exp", kNow + 295}, {"tenant_id", "acme"}};
  }
  static Json with(std::string_view name, Json value) {
    Json result = claims();
    result[std::string(name)] = std::move(value);
    return result;
  }
  std::optional<std::string> verify(std::string_view token) const {
    return verify_jwt(token, keys_, {}, WallTime(std::chrono::seconds(kNow)));
  }

  const Key ed_ = own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const Json ed_header_{{"alg", "EdDSA"}, {"kid", "lc-codeapi-2026-05"}};
  std::vector<JwtKey> keys_ = *parse_jwt_keys(pem_of(ed_));
};

TEST_F(JwtTest, AGoodTokenNamesItsTenant) {
  EXPECT_EQ(verify(sign(ed_, ed_header_, claims())), "acme");
  Json without = claims();
  without.erase("tenant_id");
  EXPECT_EQ(verify(sign(ed_, ed_header_, without)), "legacy");
  EXPECT_EQ(verify(sign(ed_, ed_header_, with("aud", Json{"x", "codeapi"}))), "acme");
}

TEST_F(JwtTest, RsaTokens) {
  const Key rsa = own(EVP_RSA_gen(2048));
  keys_ = *parse_jwt_keys(pem_of(ed_) + pem_of(rsa));
  ASSERT_EQ(keys_.size(), 2U);
  EXPECT_EQ(verify(sign(rsa, Json{{"alg", "RS256"}}, claims())), "acme");
  // The algorithm belongs to the key, whatever the token says.
  EXPECT_FALSE(verify(sign(rsa, Json{{"alg", "EdDSA"}}, claims())));
  EXPECT_FALSE(verify(sign(rsa, Json{{"alg", "none"}}, claims())));
}

TEST_F(JwtTest, ClaimsAreChecked) {
  const std::vector<std::pair<std::string, Json>> wrong = {
      {"iss", "somebody"}, {"aud", "other"},    {"aud", Json::array()},
      {"exp", kNow - 31},  {"exp", kNow + 331}, {"exp", "soon"},
      {"nbf", kNow + 31},  {"iat", kNow + 31},  {"nbf", nullptr},
      {"tenant_id", ""},   {"tenant_id", 7},    {"tenant_id", std::string(200, 'x')},
  };
  for (const auto& [name, value] : wrong) {
    EXPECT_FALSE(verify(sign(ed_, ed_header_, with(name, value)))) << name << ' ' << value;
  }
  Json endless = claims();
  endless.erase("exp");
  EXPECT_FALSE(verify(sign(ed_, ed_header_, endless)));
}

TEST_F(JwtTest, ForgedTokensAreRefused) {
  const std::string good = sign(ed_, ed_header_, claims());
  std::string changed = good;
  const std::size_t place = changed.find('.') + 5;
  changed[place] = changed[place] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(verify(changed));
  EXPECT_FALSE(verify(good.substr(0, good.rfind('.') + 1)));
  EXPECT_FALSE(
      verify(sign(own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")), ed_header_, claims())));
  EXPECT_FALSE(verify(sign(ed_, Json{{"alg", "EdDSA"}, {"crit", Json{"x"}}}, claims())));
  for (const char* text : {"", ".", "..", "a.b.c", "mykey"})
    EXPECT_FALSE(verify(text)) << text;
  keys_.clear();
  EXPECT_FALSE(verify(good));
}

TEST_F(JwtTest, KeySets) {
  std::string raw(32, '\0');
  std::size_t size = raw.size();
  EVP_PKEY_get_raw_public_key(ed_.get(), reinterpret_cast<unsigned char*>(raw.data()), &size);
  const auto set = [&](const std::string& id) {
    return Json{
        {"keys",
         Json::array({Json{
             {"kty", "OKP"}, {"crv", "Ed25519"}, {"kid", id}, {"x", encode_base64url(raw)}}})}}
        .dump();
  };
  keys_ = *parse_jwt_keys(set("lc-codeapi-2026-05"));
  EXPECT_EQ(verify(sign(ed_, ed_header_, claims())), "acme");
  keys_ = *parse_jwt_keys(set("another"));
  EXPECT_FALSE(verify(sign(ed_, ed_header_, claims())));
}

TEST_F(JwtTest, KeysOfOtherKindsAreRefused) {
  for (const char* text :
       {"", "no key", "{}", R"({"keys":[]})", R"({"keys":[{"kty":"oct","k":"eA"}]})",
        R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"eA"}]})"}) {
    EXPECT_FALSE(parse_jwt_keys(text)) << text;
  }
  EXPECT_FALSE(parse_jwt_keys(pem_of(own(EVP_RSA_gen(1024)))));
  EXPECT_FALSE(parse_jwt_keys(pem_of(own(EVP_EC_gen("P-256")))));
}

}  // namespace
}  // namespace cloister::api::librechat
