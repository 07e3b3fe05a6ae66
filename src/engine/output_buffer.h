// What is kept of a program's output: caps per stream and the way from bytes to text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace cloister::engine {

// Collects one stream of a run whose answer comes at the end. Holds at most `cap_bytes`, however
// much goes in. Used by one thread.
class CappedOutput {
 public:
  explicit CappedOutput(std::size_t cap_bytes) : cap_bytes_(cap_bytes) {}

  void append(std::string_view bytes);
  bool truncated() const { return truncated_; }
  // All that came, when it is no more than the cap; else its first (cap - 32) bytes, a line feed
  // and
  // "...[truncated]". In both cases repaired to valid UTF-8.
  std::string text() const;

 private:
  const std::size_t cap_bytes_;
  std::string bytes_;
  bool truncated_ = false;
};

// Passes on one stream of a run whose output is sent as it comes: the first `cap_bytes`, then
// nothing. Used by one thread.
class StreamCap {
 public:
  explicit StreamCap(std::size_t cap_bytes) : remaining_bytes_(cap_bytes) {}

  // What to send now: valid UTF-8, empty when nothing is decidable yet or the cap is passed. A
  // character that the cap cuts in two ends as U+FFFD.
  std::string accept(std::string_view bytes);
  // What to send at the end of the stream: U+FFFD for an incomplete character, else nothing.
  std::string finish() { return decoder_.finish(); }

 private:
  std::size_t remaining_bytes_;
  Utf8StreamDecoder decoder_;
};

}  // namespace cloister::engine
