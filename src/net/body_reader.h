// Reads the body of one request from its connection, however it is framed.
#pragma once

#include <cstdint>
#include <span>

#include "base/clock.h"
#include "base/error.h"
#include "net/chunk_decoder.h"
#include "net/input_buffer.h"
#include "net/request_head.h"
#include "net/timed_socket.h"

namespace cloister::net {

// Nothing is owned. One thread.
class BodyReader {
 public:
  BodyReader(TimedSocket& socket, InputBuffer& input, const RequestHead& head,
             Milliseconds byte_timeout, Milliseconds write_timeout);

  // Up to `buffer.size()` bytes; 0 at the end. Answers "100 Continue" first when the client waits
  // for it. kInvalidArgument for a malformed body, kDeadlineExceeded, kCancelled.
  Result<std::size_t> read(std::span<char> buffer);

  // Reads and drops what is left; false when it is more than `limit_bytes`, takes longer than
  // `time_limit`, or does not come.
  bool drain(std::uint64_t limit_bytes, Milliseconds time_limit);

  bool is_finished() const { return finished_; }
  // Whether the next request can be found after draining at most `limit_bytes`, as far as is known.
  bool can_reach_end(std::uint64_t limit_bytes) const;
  // Bytes left by the Content-Length; 0 for a chunked body.
  std::uint64_t announced_bytes() const { return remaining_; }
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  Result<std::size_t> read_with(std::span<char> buffer, SteadyTime deadline);
  Result<std::size_t> read_counted(std::span<char> buffer, SteadyTime deadline);
  Result<std::size_t> read_chunked(std::span<char> buffer, SteadyTime deadline);

  TimedSocket& socket_;
  InputBuffer& input_;
  const Milliseconds byte_timeout_;
  const Milliseconds write_timeout_;
  const bool chunked_;
  bool continue_owed_;  // The client waits for "100 Continue".
  bool finished_;
  bool broken_ = false;  // Reading failed: the end of the request will not be found.
  std::uint64_t remaining_;
  std::uint64_t bytes_read_ = 0;
  ChunkDecoder decoder_;
};

}  // namespace cloister::net
