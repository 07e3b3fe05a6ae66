// Repairs arbitrary bytes, whole and as a stream that is cut in pieces.
#include <algorithm>
#include <string>

#include "base/utf8.h"
#include "fuzz.h"

using cloister::fuzz::require;

namespace {

std::string decode_in_pieces(std::string_view bytes, std::size_t piece_size) {
  cloister::Utf8StreamDecoder decoder;
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = std::min(piece_size, bytes.size());
    const std::string piece = decoder.decode(bytes.substr(0, length));
    require(cloister::is_valid_utf8(piece), "a piece is valid by itself");
    text += piece;
    bytes.remove_prefix(length);
  }
  return text + decoder.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece_size = 1 + data[0] % 8;
  const std::string_view bytes = cloister::fuzz::as_text(data + 1, size - 1);
  const std::string whole = cloister::repair_utf8(bytes);
  require(cloister::is_valid_utf8(whole), "repaired text is valid");
  require(!cloister::is_valid_utf8(bytes) || whole == bytes, "valid text is left alone");
  require(cloister::repair_utf8(whole) == whole, "a repair is final");
  require(decode_in_pieces(bytes, piece_size) == whole, "pieces give what the whole gives");
  const std::size_t suffix = cloister::incomplete_utf8_suffix(bytes);
  require(suffix <= 3 && suffix <= bytes.size(), "at most three bytes are held back");
  return 0;
}
