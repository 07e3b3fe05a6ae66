#include "base/id.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace cloister {

void fill_random(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::getrandom(bytes.data(), bytes.size(), 0);
    if (count < 0) {
      if (errno == EINTR) continue;
      std::abort();
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

void append_hex(std::string& text, std::span<const std::byte> bytes) {
  for (const std::byte value : bytes) {
    text += kHexDigits[std::to_integer<std::size_t>(value >> 4)];
    text += kHexDigits[std::to_integer<std::size_t>(value & std::byte{0x0f})];
  }
}

}  // namespace

std::string random_hex(std::size_t byte_count) {
  std::string text;
  text.reserve(2 * byte_count);
  std::array<std::byte, 64> chunk{};
  while (byte_count > 0) {
    const auto part = std::span(chunk).first(byte_count < chunk.size() ? byte_count : chunk.size());
    fill_random(part);
    append_hex(text, part);
    byte_count -= part.size();
  }
  return text;
}

std::string random_uuid() {
  std::array<std::byte, 16> bytes{};
  fill_random(bytes);
  bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x40};
  bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};
  const std::span<const std::byte> view(bytes);
  std::string text;
  text.reserve(36);
  append_hex(text, view.subspan(0, 4));
  for (const std::size_t offset : {4U, 6U, 8U}) {
    text += '-';
    append_hex(text, view.subspan(offset, 2));
  }
  text += '-';
  append_hex(text, view.subspan(10, 6));
  return text;
}

std::string random_nanoid() {
  constexpr std::string_view kAlphabet =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-";
  // Six bits of a byte pick one of 64 characters, each as likely as the others.
  static_assert(kAlphabet.size() == 64);
  std::array<std::byte, 21> bytes{};
  fill_random(bytes);
  std::string text;
  text.reserve(bytes.size());
  for (const std::byte value : bytes) {
    text += kAlphabet[std::to_integer<std::size_t>(value & std::byte{0x3f})];
  }
  return text;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : kHexDigits.find(text[i]) == std::string_view::npos) return false;
  }
  return true;
}

}  // namespace cloister
