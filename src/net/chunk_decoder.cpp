#include "net/chunk_decoder.h"

#include <algorithm>
#include <cstring>

namespace cloister::net {
namespace {

constexpr std::uint64_t kLargestShiftable = std::uint64_t{1} << 59;

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<ChunkDecoder::Step> ChunkDecoder::decode(std::string_view input, std::span<char> output) {
  Step step;
  while (state_ != State::kDone && step.consumed < input.size()) {
    if (state_ != State::kData) {
      TRY_VOID(take(input[step.consumed]));
      ++step.consumed;
      continue;
    }
    const std::size_t room = output.size() - step.produced;
    if (room == 0) break;
    const std::size_t available = std::min(input.size() - step.consumed, room);
    const std::size_t count =
        static_cast<std::size_t>(std::min<std::uint64_t>(available, remaining_));
    std::memcpy(output.data() + step.produced, input.data() + step.consumed, count);
    step.consumed += count;
    step.produced += count;
    remaining_ -= count;
    if (remaining_ == 0) state_ = State::kDataCr;
  }
  return step;
}

Result<void> ChunkDecoder::take_size_digit(char c) {
  const int digit = digit_value(c);
  if (digit >= 0) {
    if (remaining_ >= kLargestShiftable)
      return fail(ErrorCode::kInvalidArgument, "chunk too large");
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
    state_ = State::kSize;
    return {};
  }
  if (state_ == State::kSizeFirst) return fail(ErrorCode::kInvalidArgument, "chunk without a size");
  if (c == '\r') {
    state_ = State::kSizeLf;
  } else if (c == ';' || c == ' ' || c == '\t') {
    state_ = State::kExtension;
  } else {
    return fail(ErrorCode::kInvalidArgument, "invalid chunk size");
  }
  return {};
}

Result<void> ChunkDecoder::take(char c) {
  const auto expect = [&](char wanted, State next) -> Result<void> {
    if (c != wanted)
      return fail(ErrorCode::kInvalidArgument, "invalid end of line in a chunked body");
    state_ = next;
    return {};
  };
  switch (state_) {
    case State::kSizeFirst:
    case State::kSize:
      return take_size_digit(c);
    case State::kSizeLf:
      return expect('\n', remaining_ == 0 ? State::kTrailerStart : State::kData);
    case State::kDataCr:
      return expect('\r', State::kDataLf);
    case State::kDataLf:
      return expect('\n', State::kSizeFirst);
    case State::kTrailerLineLf:
      return expect('\n', State::kTrailerStart);
    case State::kEndLf:
      return expect('\n', State::kDone);
    case State::kExtension:
      if (c == '\r') state_ = State::kSizeLf;
      break;
    case State::kTrailerStart:
      state_ = c == '\r' ? State::kEndLf : State::kTrailerLine;
      break;
    case State::kTrailerLine:
      if (c == '\r') state_ = State::kTrailerLineLf;
      break;
    case State::kData:
    case State::kDone:
      return {};
  }
  if (c == '\n') return fail(ErrorCode::kInvalidArgument, "bare line feed in a chunked body");
  if (++skipped_ > kMaxSkippedBytes) {
    return fail(ErrorCode::kInvalidArgument, "chunk extensions or trailers too long");
  }
  return {};
}

}  // namespace cloister::net
