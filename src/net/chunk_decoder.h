// Takes the chunked transfer coding off a request body, byte by byte as it arrives (RFC 9112, 7.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"

namespace cloister::net {

// Strict, because two readers that disagree about a chunk disagree about where the next request
// begins: CR LF only, hexadecimal sizes only. Extensions and trailers are skipped; their total size
// is limited.
class ChunkDecoder {
 public:
  static constexpr std::size_t kMaxSkippedBytes = 16384;

  struct Step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
  };
  // Decodes from `input` to `output` until one of them is used up or the body ends.
  // kInvalidArgument for a body that is not chunked correctly; the decoder is of no use afterwards.
  Result<Step> decode(std::string_view input, std::span<char> output);
  bool is_done() const { return state_ == State::kDone; }

 private:
  enum class State {
    kSizeFirst,
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerLine,
    kTrailerLineLf,
    kEndLf,
    kDone,
  };
  Result<void> take(char c);
  Result<void> take_size_digit(char c);

  State state_ = State::kSizeFirst;
  std::uint64_t remaining_ = 0;  // Of the chunk's data; while its size is read, the size so far.
  std::size_t skipped_ = 0;      // Bytes of extensions and trailers so far.
};

}  // namespace cloister::net
