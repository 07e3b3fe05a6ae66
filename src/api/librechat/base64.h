// Reads base64 (RFC 4648).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cloister::api::librechat {

// Both alphabets, padding optional. Nothing for any other character or an impossible length.
std::optional<std::string> decode_base64(std::string_view text);

// The URL alphabet, without padding.
std::string encode_base64url(std::string_view bytes);

}  // namespace cloister::api::librechat
