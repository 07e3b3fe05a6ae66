// The bytes that a connection has received and not used up: one fixed allocation for its whole
// life.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace cloister::net {

// The head of a request stays where it was received while the request lives, so that its parts can
// be views: everything below the floor is not moved until compact().
class InputBuffer {
 public:
  explicit InputBuffer(std::size_t capacity)
      : bytes_(std::make_unique_for_overwrite<char[]>(capacity)), capacity_(capacity) {}

  std::string_view data() const { return {bytes_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  void consume(std::size_t count) { begin_ += count; }

  // Where to receive. Empty when the buffer is full.
  std::span<char> free_space() { return {bytes_.get() + end_, capacity_ - end_}; }
  void commit(std::size_t count) { end_ += count; }

  // What is consumed so far stays in place from now on.
  void set_floor() { floor_ = begin_; }
  // Moves the unused bytes down to the floor, to make room behind them.
  void make_room() { move_to(floor_); }
  // Forgets the floor and moves the unused bytes to the beginning. Views end here.
  void compact() {
    floor_ = 0;
    move_to(0);
  }

 private:
  void move_to(std::size_t position) {
    const std::size_t size = end_ - begin_;
    if (begin_ != position && size > 0)
      std::memmove(bytes_.get() + position, bytes_.get() + begin_, size);
    begin_ = position;
    end_ = position + size;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_;
  std::size_t floor_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace cloister::net
