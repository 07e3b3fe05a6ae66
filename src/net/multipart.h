// Reads multipart/form-data piece by piece (RFC 7578), without holding part data in memory.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cloister::net {

struct PartHeader {
  std::string name;
  // As sent: no percent decoding, slashes kept. From `filename`, or decoded from `filename*` when
  // that alone is given. Absent for a plain form field; may be empty.
  std::optional<std::string> filename;
  std::string content_type;  // Empty when absent.
};

// Receives the parts in order. An error stops the parser and comes back from feed().
class MultipartSink {
 public:
  virtual ~MultipartSink() = default;
  virtual Result<void> on_part_begin(const PartHeader& header) = 0;
  virtual Result<void> on_part_data(std::string_view bytes) = 0;
  virtual Result<void> on_part_end() = 0;
};

struct MultipartLimits {
  std::size_t max_parts = 1000;
  std::size_t max_header_bytes = 8192;  // Of one part.
  std::size_t max_name_bytes = 1024;    // Of a part's name.
};

// True for multipart/form-data with any parameters.
bool is_multipart_form(std::string_view content_type);
// The boundary parameter; nothing when it is missing or not a boundary by RFC 2046.
std::optional<std::string> multipart_boundary(std::string_view content_type);

// `sink` is not owned and must outlive the parser. After an error nothing more may be fed.
class MultipartParser {
 public:
  enum class Problem {
    kNone,
    kMalformed,  // Not multipart/form-data; kInvalidArgument.
    kTruncated,  // Ends before the closing boundary; kInvalidArgument.
    kLimit,      // One of the limits; kTooLarge.
    kSink,       // The sink's own error.
  };

  // `boundary` comes from multipart_boundary().
  MultipartParser(std::string_view boundary, MultipartSink& sink,
                  const MultipartLimits& limits = {});

  Result<void> feed(std::string_view bytes);
  // To be called at the end of the body.
  Result<void> finish();
  Problem problem() const { return problem_; }

 private:
  enum class State { kPreamble, kAfterDelimiter, kHeaders, kData, kEpilogue };

  Result<void> take_preamble(std::string_view& bytes);
  Result<void> take_after_delimiter(std::string_view& bytes);
  Result<void> begin_part();
  Result<void> take_headers(std::string_view& bytes);
  Result<void> take_data(std::string_view& bytes);
  Result<void> take_header_line(std::string_view line);
  Result<void> take_disposition(std::string_view value);
  Result<void> end_headers();
  Result<void> give(std::string_view bytes);
  tl::unexpected<Error> stop(Problem problem, ErrorCode code, std::string message);

  const std::string delimiter_;  // CR LF "--" boundary. CR occurs at its beginning only.
  MultipartSink& sink_;
  const MultipartLimits limits_;

  State state_ = State::kPreamble;
  Problem problem_ = Problem::kNone;
  std::size_t matched_ = 2;  // Bytes of delimiter_ seen; a body may begin with the boundary.
  bool preamble_line_lost_ = false;  // The preamble's current line is not a boundary.
  std::string line_;                 // The header line, or what follows a delimiter, so far.
  std::size_t header_bytes_ = 0;
  std::size_t parts_ = 0;
  bool has_disposition_ = false;
  PartHeader header_;
};

}  // namespace cloister::net
