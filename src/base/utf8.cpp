#include "base/utf8.h"

namespace cloister {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Scan {
  std::size_t length;  // Bytes of the character, or of the maximal invalid subsequence; at least 1.
  bool valid;
  bool cut_short;  // Invalid only because the input ends.
};

unsigned byte_at(std::string_view bytes, std::size_t index) {
  return static_cast<unsigned char>(bytes[index]);
}

// Table 3-7 of the Unicode standard: the ranges of well-formed byte sequences.
Scan scan_character(std::string_view bytes) {
  const unsigned lead = byte_at(bytes, 0);
  if (lead < 0x80) return {1, true, false};
  std::size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {1, false, false};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= bytes.size()) return {i, false, true};
    const unsigned next = byte_at(bytes, i);
    if (next < low || next > high) return {i, false, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true, false};
}

}  // namespace

std::string repair_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const Scan scan = scan_character(bytes);
    text += scan.valid ? bytes.substr(0, scan.length) : kReplacement;
    bytes.remove_prefix(scan.length);
  }
  return text;
}

bool is_valid_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const Scan scan = scan_character(bytes);
    if (!scan.valid) return false;
    bytes.remove_prefix(scan.length);
  }
  return true;
}

std::size_t incomplete_utf8_suffix(std::string_view bytes) {
  const std::size_t longest = bytes.size() < 3 ? bytes.size() : 3;
  for (std::size_t length = longest; length > 0; --length) {
    const std::string_view tail = bytes.substr(bytes.size() - length);
    const Scan scan = scan_character(tail);
    if (scan.cut_short && scan.length == length) return length;
  }
  return 0;
}

std::string Utf8StreamDecoder::decode(std::string_view bytes) {
  pending_ += bytes;
  const std::size_t held = incomplete_utf8_suffix(pending_);
  std::string text = repair_utf8(std::string_view(pending_).substr(0, pending_.size() - held));
  pending_.erase(0, pending_.size() - held);
  return text;
}

std::string Utf8StreamDecoder::finish() {
  std::string text = repair_utf8(pending_);
  pending_.clear();
  return text;
}

}  // namespace cloister
