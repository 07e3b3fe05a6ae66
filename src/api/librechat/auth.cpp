#include "api/librechat/auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdlib>

#include "api/librechat/base64.h"
#include "net/header_parameters.h"

namespace cloister::api::librechat {
namespace {

// "Bearer abc" -> "abc" for the scheme "bearer"; nothing for another scheme.
std::optional<std::string_view> credentials_of(std::string_view header, std::string_view scheme) {
  const std::size_t space = header.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  if (!net::equal_ignoring_case(header.substr(0, space), scheme)) return std::nullopt;
  const std::size_t begin = header.find_first_not_of(' ', space);
  if (begin == std::string_view::npos) return std::nullopt;
  return header.substr(begin, header.find_last_not_of(' ') - begin + 1);
}

}  // namespace

Authenticator::Authenticator(const AuthOptions& options, const Clock& clock)
    : off_(options.off), jwt_keys_(options.jwt_keys), jwt_rules_(options.jwt), clock_(clock) {
  for (const std::string& key : options.keys) {
    if (!key.empty()) keys_.push_back(digest_of(key));
  }
}

Authenticator::Digest Authenticator::digest_of(std::string_view text) {
  Digest digest{};
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    std::abort();  // Only a library without SHA-256, or without memory for one context.
  }
  return digest;
}

bool Authenticator::is_key(std::string_view candidate) const {
  if (candidate.empty()) return false;
  const Digest digest = digest_of(candidate);
  bool found = false;
  for (const Digest& key : keys_) {
    found |= CRYPTO_memcmp(key.data(), digest.data(), digest.size()) == 0;
  }
  return found;
}

// LibreChat takes the text from an address, where some characters have to be percent-encoded.
bool Authenticator::is_key_in_basic(std::string_view encoded) const {
  const std::optional<std::string> text = decode_base64(encoded);
  if (!text) return false;
  const auto matches = [this](std::string_view part) {
    return is_key(part) || is_key(net::percent_decode(part));
  };
  const std::string_view whole = *text;
  const std::size_t colon = whole.find(':');
  if (colon == std::string_view::npos) return matches(whole);
  return matches(whole) || matches(whole.substr(0, colon)) || matches(whole.substr(colon + 1));
}

std::optional<std::string> Authenticator::tenant_of(const net::Request& request) const {
  if (off_ || is_key(request.header("x-api-key"))) return std::string(kTenant);
  const std::string_view header = request.header("authorization");
  if (const auto basic = credentials_of(header, "basic")) {
    if (is_key_in_basic(*basic)) return std::string(kTenant);
  }
  if (const auto bearer = credentials_of(header, "bearer")) {
    if (is_key(*bearer)) return std::string(kTenant);
    if (const auto tenant = verify_jwt(*bearer, jwt_keys_, jwt_rules_, clock_.wall_now())) {
      return std::string(kTenant) + ':' + *tenant;
    }
  }
  return std::nullopt;
}

}  // namespace cloister::api::librechat
