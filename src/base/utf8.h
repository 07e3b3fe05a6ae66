// Turns arbitrary bytes into valid UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cloister {

// Copies `bytes`, with each maximal invalid subsequence replaced by one U+FFFD (the practice that
// the Unicode standard recommends in section 3.9, and that Python's "replace" follows).
std::string repair_utf8(std::string_view bytes);

bool is_valid_utf8(std::string_view bytes);

// The number of bytes at the end of `bytes` that begin a character but do not finish it: 0 to 3.
// Bytes that can never become a character count as 0.
std::size_t incomplete_utf8_suffix(std::string_view bytes);

// Decodes a stream piece by piece: a character that two pieces share is held back until it is
// whole.
class Utf8StreamDecoder {
 public:
  // Valid UTF-8 for all that is decidable so far; may be empty.
  std::string decode(std::string_view bytes);
  // What is held back, as U+FFFD, or empty. The decoder is then as new.
  std::string finish();

 private:
  std::string pending_;
};

}  // namespace cloister
