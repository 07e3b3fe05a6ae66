// Signed tokens by which LibreChat can identify itself (JWS compact form, RFC 7515 and 7519).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY.

namespace cloister::api::librechat {

// A public key. It is good for one algorithm: Ed25519 for EdDSA, RSA for RS256.
struct JwtKey {
  enum class Algorithm { kEdDsa, kRs256 };
  Algorithm algorithm = Algorithm::kEdDsa;
  std::string id;  // The token's kid has to be the same; empty: any.
  std::shared_ptr<evp_pkey_st> key;
};

struct JwtRules {
  std::string issuer = "librechat";
  std::string audience = "codeapi";
  std::int64_t lifetime_sec = 300;  // A token that is good for longer is refused.
  std::int64_t leeway_sec = 30;     // Between the clocks.
};

// The keys of a file: public keys in PEM form, one or several, or a JSON Web Key Set.
// kInvalidArgument when there is none, or one of another kind.
Result<std::vector<JwtKey>> parse_jwt_keys(std::string_view text);

// The tenant that a good token names ("legacy" when it names none); nothing for any other text.
std::optional<std::string> verify_jwt(std::string_view token, const std::vector<JwtKey>& keys,
                                      const JwtRules& rules, WallTime now);

}  // namespace cloister::api::librechat
