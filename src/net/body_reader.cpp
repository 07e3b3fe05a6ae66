#include "net/body_reader.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace cloister::net {
namespace {

constexpr std::size_t kDrainPiece = 65536;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

tl::unexpected<Error> fail_gone() {
  return fail(ErrorCode::kCancelled, "the client closed the connection within the body");
}

}  // namespace

BodyReader::BodyReader(TimedSocket& socket, InputBuffer& input, const RequestHead& head,
                       Milliseconds byte_timeout, Milliseconds write_timeout)
    : socket_(socket),
      input_(input),
      byte_timeout_(byte_timeout),
      write_timeout_(write_timeout),
      chunked_(head.is_chunked),
      continue_owed_(head.expects_continue && (head.is_chunked || head.content_length > 0)),
      finished_(!head.is_chunked && head.content_length == 0),
      remaining_(head.content_length) {}

Result<std::size_t> BodyReader::read(std::span<char> buffer) {
  return read_with(buffer, std::chrono::steady_clock::now() + byte_timeout_);
}

Result<std::size_t> BodyReader::read_with(std::span<char> buffer, SteadyTime deadline) {
  if (finished_ || buffer.empty()) return 0;
  if (broken_) return fail(ErrorCode::kCancelled, "the body cannot be read further");
  broken_ = true;
  if (continue_owed_) {
    continue_owed_ = false;
    // A client that has begun to send does not wait.
    if (input_.empty()) TRY_VOID(socket_.write_all(kContinue, write_timeout_));
  }
  const std::size_t count =
      TRY(chunked_ ? read_chunked(buffer, deadline) : read_counted(buffer, deadline));
  broken_ = false;
  bytes_read_ += count;
  return count;
}

Result<std::size_t> BodyReader::read_counted(std::span<char> buffer, SteadyTime deadline) {
  if (buffer.size() > remaining_) buffer = buffer.first(static_cast<std::size_t>(remaining_));
  std::size_t count = 0;
  if (input_.empty()) {
    count = TRY(socket_.read_some(buffer, deadline));
    if (count == 0) return fail_gone();
  } else {
    const std::string_view data = input_.data();
    count = std::min(data.size(), buffer.size());
    std::memcpy(buffer.data(), data.data(), count);
    input_.consume(count);
  }
  remaining_ -= count;
  finished_ = remaining_ == 0;
  return count;
}

Result<std::size_t> BodyReader::read_chunked(std::span<char> buffer, SteadyTime deadline) {
  for (;;) {
    if (input_.empty()) {
      input_.make_room();
      const std::size_t count = TRY(socket_.read_some(input_.free_space(), deadline));
      if (count == 0) return fail_gone();
      input_.commit(count);
    }
    const ChunkDecoder::Step step = TRY(decoder_.decode(input_.data(), buffer));
    input_.consume(step.consumed);
    finished_ = decoder_.is_done();
    if (step.produced > 0 || finished_) return step.produced;
  }
}

bool BodyReader::can_reach_end(std::uint64_t limit_bytes) const {
  if (finished_) return true;
  return !broken_ && !continue_owed_ && remaining_ <= limit_bytes;
}

bool BodyReader::drain(std::uint64_t limit_bytes, Milliseconds time_limit) {
  if (!can_reach_end(limit_bytes)) return false;
  if (finished_) return true;
  const SteadyTime deadline = std::chrono::steady_clock::now() + time_limit;
  const auto scrap = std::make_unique_for_overwrite<char[]>(kDrainPiece);
  std::uint64_t drained = 0;
  while (!finished_) {
    // A client that never stops sending does not run into the deadline of a single read.
    if (drained > limit_bytes || std::chrono::steady_clock::now() >= deadline) return false;
    const auto count = read_with({scrap.get(), kDrainPiece}, deadline);
    if (!count) return false;
    drained += *count;
  }
  return true;
}

}  // namespace cloister::net
