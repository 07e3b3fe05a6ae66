#include "api/librechat/jwt.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <utility>

#include "api/common/json_body.h"
#include "api/librechat/base64.h"
#include "base/utf8.h"

namespace cloister::api::librechat {
namespace {

constexpr std::size_t kTokenBytesMax = 8192;
constexpr std::size_t kTenantBytesMax = 128;
constexpr int kRsaBitsMin = 2048;
constexpr std::size_t kEd25519Bytes = 32;

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, Deleter<Free>>;
using KeyPointer = Owned<EVP_PKEY, EVP_PKEY_free>;

std::string text_of(const Json& object, std::string_view name) {
  const auto found = object.find(std::string(name));
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::int64_t> seconds_of(const Json& object, std::string_view name) {
  const auto found = object.find(std::string(name));
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  constexpr double kLatest = 1e12;  // Far beyond any date, and exact.
  if (!(value >= 0 && value <= kLatest)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

Result<JwtKey> make_key(KeyPointer key, std::string id) {
  JwtKey result;
  result.id = std::move(id);
  if (EVP_PKEY_is_a(key.get(), "ED25519") == 1) {
    result.algorithm = JwtKey::Algorithm::kEdDsa;
  } else if (EVP_PKEY_is_a(key.get(), "RSA") == 1 && EVP_PKEY_get_bits(key.get()) >= kRsaBitsMin) {
    result.algorithm = JwtKey::Algorithm::kRs256;
  } else {
    return fail(ErrorCode::kInvalidArgument,
                "A key for tokens has to be Ed25519, or RSA with at least 2048 bits.");
  }
  result.key = std::shared_ptr<EVP_PKEY>(key.release(), &EVP_PKEY_free);
  return result;
}

KeyPointer rsa_key(const std::string& modulus, const std::string& exponent) {
  const auto number = [](const std::string& bytes) {
    return Owned<BIGNUM, BN_free>(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                                            static_cast<int>(bytes.size()), nullptr));
  };
  const Owned<BIGNUM, BN_free> n = number(modulus);
  const Owned<BIGNUM, BN_free> e = number(exponent);
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return nullptr;
  }
  return KeyPointer(key);
}

Result<JwtKey> key_from_json(const Json& entry) {
  const std::string type = text_of(entry, "kty");
  KeyPointer key;
  if (type == "OKP" && text_of(entry, "crv") == "Ed25519") {
    const std::string x = decode_base64(text_of(entry, "x")).value_or("");
    if (x.size() == kEd25519Bytes) {
      key.reset(EVP_PKEY_new_raw_public_key(
          EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(x.data()), x.size()));
    }
  } else if (type == "RSA") {
    const std::string n = decode_base64(text_of(entry, "n")).value_or("");
    const std::string e = decode_base64(text_of(entry, "e")).value_or("");
    if (!n.empty() && n.size() <= 2048 && !e.empty() && e.size() <= 8) key = rsa_key(n, e);
  }
  if (!key) return fail(ErrorCode::kInvalidArgument, "A key of the key set is not usable.");
  return make_key(std::move(key), text_of(entry, "kid"));
}

Result<std::vector<JwtKey>> keys_from_json(std::string_view text) {
  const auto document = parse_json(text);
  const Json* list = nullptr;
  if (document && document->is_object()) {
    const auto found = document->find("keys");
    if (found != document->end() && found->is_array()) list = &*found;
  }
  if (list == nullptr) return fail(ErrorCode::kInvalidArgument, "The key set is not a JWKS.");
  std::vector<JwtKey> keys;
  for (const Json& entry : *list) {
    if (!entry.is_object()) {
      return fail(ErrorCode::kInvalidArgument, "The key set is not a JWKS.");
    }
    keys.push_back(TRY(key_from_json(entry)));
  }
  return keys;
}

Result<std::vector<JwtKey>> keys_from_pem(std::string_view text) {
  const Owned<BIO, BIO_free> input(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  std::vector<JwtKey> keys;
  while (input) {
    KeyPointer key(PEM_read_bio_PUBKEY(input.get(), nullptr, nullptr, nullptr));
    if (!key) break;
    keys.push_back(TRY(make_key(std::move(key), {})));
  }
  return keys;
}

bool signature_is_good(const JwtKey& key, std::string_view message, const std::string& signature) {
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  const EVP_MD* digest = key.algorithm == JwtKey::Algorithm::kRs256 ? EVP_sha256() : nullptr;
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.key.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(message.data()),
                          message.size()) == 1;
}

std::optional<Json> object_from(std::string_view part) {
  const std::optional<std::string> text = decode_base64(part);
  if (!text || !is_valid_utf8(*text)) return std::nullopt;
  auto value = parse_json(*text);
  if (!value || !value->is_object()) return std::nullopt;
  return std::move(*value);
}

bool is_signed(const Json& header, std::string_view message, const std::string& signature,
               const std::vector<JwtKey>& keys) {
  const std::string name = text_of(header, "alg");
  // Extensions that have to be understood are not.
  if (header.contains("crit")) return false;
  const std::string id = text_of(header, "kid");
  for (const JwtKey& key : keys) {
    // The algorithm is the key's; the token only has to agree.
    const bool agrees =
        key.algorithm == JwtKey::Algorithm::kEdDsa ? name == "EdDSA" : name == "RS256";
    if (!agrees || (!key.id.empty() && key.id != id)) continue;
    if (signature_is_good(key, message, signature)) return true;
  }
  return false;
}

bool is_for(const Json& claims, const std::string& audience) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  if (!found->is_array()) return *found == audience;
  for (const Json& entry : *found) {
    if (entry == audience) return true;
  }
  return false;
}

bool is_in_time(const Json& claims, const JwtRules& rules, WallTime time) {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  const auto end = seconds_of(claims, "exp");
  if (!end || now >= *end + rules.leeway_sec) return false;
  if (*end - now > rules.lifetime_sec + rules.leeway_sec) return false;
  for (const char* name : {"nbf", "iat"}) {
    if (!claims.contains(name)) continue;
    const auto begin = seconds_of(claims, name);
    if (!begin || now + rules.leeway_sec < *begin) return false;
  }
  return true;
}

std::optional<std::string> tenant_in(const Json& claims) {
  const auto found = claims.find("tenant_id");
  if (found == claims.end() || found->is_null()) return "legacy";
  if (!found->is_string()) return std::nullopt;
  std::string tenant = found->get<std::string>();
  if (tenant.empty() || tenant.size() > kTenantBytesMax) return std::nullopt;
  return tenant;
}

}  // namespace

Result<std::vector<JwtKey>> parse_jwt_keys(std::string_view text) {
  constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;
  if (text.size() > kFileBytesMax) {
    return fail(ErrorCode::kInvalidArgument, "A file of keys for tokens has at most 1 MiB.");
  }
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string_view::npos && text[first] == '{';
  std::vector<JwtKey> keys = TRY(is_json ? keys_from_json(text) : keys_from_pem(text));
  if (keys.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "There is no public key for tokens: give PEM or a JSON Web Key Set.");
  }
  return keys;
}

std::optional<std::string> verify_jwt(std::string_view token, const std::vector<JwtKey>& keys,
                                      const JwtRules& rules, WallTime now) {
  if (keys.empty() || token.size() > kTokenBytesMax) return std::nullopt;
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::optional<Json> header = object_from(token.substr(0, first));
  const std::optional<std::string> signature = decode_base64(token.substr(second + 1));
  if (!header || !signature) return std::nullopt;
  if (!is_signed(*header, token.substr(0, second), *signature, keys)) return std::nullopt;
  const std::optional<Json> claims = object_from(token.substr(first + 1, second - first - 1));
  if (!claims || text_of(*claims, "iss") != rules.issuer || !is_for(*claims, rules.audience) ||
      !is_in_time(*claims, rules, now)) {
    return std::nullopt;
  }
  return tenant_in(*claims);
}

}  // namespace cloister::api::librechat
