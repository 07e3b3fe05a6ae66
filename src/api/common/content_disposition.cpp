#include "api/common/content_disposition.h"

#include "base/utf8.h"

namespace cloister::api {
namespace {

bool is_printable_ascii(char letter) {
  return letter >= 0x20 && letter < 0x7f;
}

// attr-char of RFC 8187: what may stand unencoded in an extended value.
bool is_attribute_character(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') ||
         std::string_view("!#$&+-.^_`|~").find(letter) != std::string_view::npos;
}

std::string quoted(std::string_view name) {
  std::string result = "\"";
  for (const char letter : name) {
    const auto byte = static_cast<unsigned char>(letter);
    if ((byte & 0xc0U) == 0x80U) continue;  // The character's first byte stands for all of it.
    if (!is_printable_ascii(letter)) {
      result += '_';
      continue;
    }
    if (letter == '"' || letter == '\\') result += '\\';
    result += letter;
  }
  return result + '"';
}

std::string percent_encoded(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const char letter : name) {
    if (is_attribute_character(letter)) {
      result += letter;
      continue;
    }
    const auto byte = static_cast<unsigned char>(letter);
    result += '%';
    result += kDigits[byte >> 4U];
    result += kDigits[byte & 0x0fU];
  }
  return result;
}

}  // namespace

std::string content_disposition(std::string_view name) {
  const std::string text = repair_utf8(name);
  std::string result = "attachment; filename=" + quoted(text);
  for (const char letter : text) {
    if (!is_printable_ascii(letter)) return result + "; filename*=UTF-8''" + percent_encoded(text);
  }
  return result;
}

}  // namespace cloister::api
