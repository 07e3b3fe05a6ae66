// The request line and header fields of one HTTP/1.x request, and the parser that finds them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace cloister::net {

// Views into the bytes that were parsed.
struct RequestHead {
  std::string_view method;
  std::string_view path;   // Before '?'. The authority of an absolute target is cut off.
  std::string_view query;  // After '?'.
  std::string_view host;   // Only characters that a host and port may have; may be empty.
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  int minor_version = 1;
  bool keep_alive = true;
  bool expects_continue = false;
  bool is_chunked = false;
  std::uint64_t content_length = 0;  // 0 when absent or chunked.

  // The first field of that name in any letter case.
  const std::string_view* find(std::string_view name) const;
};

// Reads heads one after the other. Stricter than the grammar where two readers could disagree about
// the end of a request: one Content-Length of digits only, or one Transfer-Encoding that is
// "chunked" and never both; no folded lines; one Host.
class RequestHeadParser {
 public:
  enum class Status { kNeedMore, kDone, kMalformed, kTooLong };

  explicit RequestHeadParser(std::size_t limit_bytes);
  ~RequestHeadParser();
  RequestHeadParser(const RequestHeadParser&) = delete;
  RequestHeadParser& operator=(const RequestHeadParser&) = delete;

  // Prepares for the next head.
  void reset();
  // `bytes` begins where the last call's `consumed` ended and must stay in place while the head is
  // used.
  Status parse(std::string_view bytes, std::size_t& consumed);
  const RequestHead& head() const;

 private:
  class Codec;
  std::unique_ptr<Codec> codec_;
};

// "Not Found" for 404; empty for unknown numbers.
std::string_view reason_phrase(int status);

}  // namespace cloister::net
