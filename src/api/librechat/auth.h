// Who a request is from: shared keys, signed tokens, or everybody.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/librechat/jwt.h"
#include "base/clock.h"
#include "net/http.h"

namespace cloister::api::librechat {

// Whoever has a key is this tenant; a token of tenant "x" is "librechat:x".
inline constexpr std::string_view kTenant = "librechat";

struct AuthOptions {
  std::vector<std::string> keys;  // Empty ones are ignored.
  bool off = false;               // Everybody is admitted.
  std::vector<JwtKey> jwt_keys;   // Empty: no tokens.
  JwtRules jwt;
};

// Thread safe. `clock` is not owned.
class Authenticator {
 public:
  Authenticator(const AuthOptions& options, const Clock& clock);

  // The tenant, by any of: x-api-key; Authorization: Bearer with a key or a token; Authorization:
  // Basic with a key as the whole text, as the user or as the password. One that is good suffices,
  // whatever the others are. Nothing when none is.
  std::optional<std::string> tenant_of(const net::Request& request) const;

  bool is_off() const { return off_; }

 private:
  using Digest = std::array<unsigned char, 32>;

  static Digest digest_of(std::string_view text);
  // In a time that depends on neither key nor candidate, but for the candidate's length.
  bool is_key(std::string_view candidate) const;
  bool is_key_in_basic(std::string_view encoded) const;

  const bool off_;
  const std::vector<JwtKey> jwt_keys_;
  const JwtRules jwt_rules_;
  const Clock& clock_;
  std::vector<Digest> keys_;  // Constant after construction.
};

}  // namespace cloister::api::librechat
