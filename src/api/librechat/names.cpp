#include "api/librechat/names.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "api/librechat/base64.h"
#include "api/librechat/content_type.h"
#include "base/utf8.h"
#include "engine/workspace_path.h"
#include "net/http.h"

namespace cloister::api::librechat {
namespace {

constexpr std::size_t kPartBytesMax = 255;
constexpr std::size_t kIdCharactersMax = 128;

std::size_t character_count(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// At most kPartBytesMax bytes of whole characters, with the ending kept.
std::string shortened(const std::string& name) {
  if (name.size() <= kPartBytesMax) return name;
  std::string ending(ending_of(name));
  ending = ending.empty() || ending.size() > 32 ? std::string() : '.' + ending;
  std::string stem = name.substr(0, kPartBytesMax - ending.size());
  stem.resize(stem.size() - incomplete_utf8_suffix(stem));
  return stem + ending;
}

}  // namespace

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= kIdCharactersMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

Result<std::string> workspace_name(std::string_view name) {
  for (const std::string_view directory : {"/mnt/data/", "/sandbox/", "/workspace/", "./"}) {
    if (name.starts_with(directory)) {
      name.remove_prefix(directory.size());
      break;
    }
  }
  std::string clean = TRY(engine::normalize_workspace_path(name));
  if (clean != name) {
    return fail(ErrorCode::kInvalidArgument,
                "File names must not have empty parts or parts that are '.'.");
  }
  if (character_count(clean) > kNameCharactersMax) {
    return fail(ErrorCode::kInvalidArgument, "File names must not exceed 256 characters.");
  }
  if (std::ranges::count(clean, '/') >= static_cast<std::ptrdiff_t>(kNameDepthMax)) {
    return fail(ErrorCode::kInvalidArgument, "File names must not be deeper than 10 levels.");
  }
  return clean;
}

std::string upload_name(std::string_view filename) {
  std::string name = repair_utf8(filename);
  std::ranges::replace_if(name, is_control, '_');
  // workspace_name() would take a directory off; here a name is what it is.
  if (!name.starts_with('/') && !name.starts_with("./")) {
    if (Result<std::string> whole = workspace_name(name)) return std::move(*whole);
  }
  name = shortened(std::string(base_name(name)));
  if (name.empty() || name == "." || name == "..") return "file";
  return name;
}

std::string session_id_of_hint(std::string_view hint) {
  std::array<char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(hint.data(), hint.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
                 EVP_sha256(), nullptr) != 1) {
    std::abort();  // Only a library without SHA-256, or without memory for one context.
  }
  return "rt-" + encode_base64url({digest.data(), size}).substr(0, 18);
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (net::percent_decode(pair.substr(0, equals)) != name) continue;
    std::string value(pair.substr(std::min(equals + 1, pair.size())));
    std::ranges::replace(value, '+', ' ');
    return net::percent_decode(value);
  }
  return std::nullopt;
}

}  // namespace cloister::api::librechat
