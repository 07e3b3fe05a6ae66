#include "net/multipart.h"

#include <algorithm>

#include "net/header_parameters.h"

namespace cloister::net {
namespace {

constexpr std::size_t kMaxBoundaryBytes = 200;  // RFC 2046 allows 70; some clients send more.
constexpr std::size_t kMaxPaddingBytes = 64;

bool is_boundary_character(char c) {
  return c > 0x20 && c < 0x7f && c != '"' && c != '\\';
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpaces = " \t";
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

}  // namespace

bool is_multipart_form(std::string_view content_type) {
  const std::size_t end = std::min(content_type.find(';'), content_type.size());
  return equal_ignoring_case(trim(content_type.substr(0, end)), "multipart/form-data");
}

std::optional<std::string> multipart_boundary(std::string_view content_type) {
  const auto header = parse_header_parameters(content_type);
  if (!header) return std::nullopt;
  const std::string* boundary = header->find("boundary");
  if (boundary == nullptr || boundary->empty() || boundary->size() > kMaxBoundaryBytes ||
      boundary->back() == ' ') {
    return std::nullopt;
  }
  const bool valid =
      std::ranges::all_of(*boundary, [](char c) { return c == ' ' || is_boundary_character(c); });
  return valid ? std::optional(*boundary) : std::nullopt;
}

MultipartParser::MultipartParser(std::string_view boundary, MultipartSink& sink,
                                 const MultipartLimits& limits)
    : delimiter_("\r\n--" + std::string(boundary)), sink_(sink), limits_(limits) {}

tl::unexpected<Error> MultipartParser::stop(Problem problem, ErrorCode code, std::string message) {
  problem_ = problem;
  return fail(code, std::move(message));
}

Result<void> MultipartParser::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::kPreamble:
        TRY_VOID(take_preamble(bytes));
        break;
      case State::kAfterDelimiter:
        TRY_VOID(take_after_delimiter(bytes));
        break;
      case State::kHeaders:
        TRY_VOID(take_headers(bytes));
        break;
      case State::kData:
        TRY_VOID(take_data(bytes));
        break;
      case State::kEpilogue:
        return {};
    }
  }
  return {};
}

Result<void> MultipartParser::finish() {
  if (state_ == State::kEpilogue) return {};
  return stop(Problem::kTruncated, ErrorCode::kInvalidArgument,
              "The multipart body ends before its closing boundary.");
}

// Lines before the first boundary mean nothing. They may end with LF alone.
Result<void> MultipartParser::take_preamble(std::string_view& bytes) {
  while (!bytes.empty()) {
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (c == '\n') {
      matched_ = 2;
      preamble_line_lost_ = false;
    } else if (!preamble_line_lost_ && c == delimiter_[matched_]) {
      if (++matched_ < delimiter_.size()) continue;
      matched_ = 0;
      state_ = State::kAfterDelimiter;
      return {};
    } else {
      preamble_line_lost_ = true;
    }
  }
  return {};
}

// After "--boundary": "--" closes the body, spaces are padding, an end of line begins a part.
Result<void> MultipartParser::take_after_delimiter(std::string_view& bytes) {
  while (!bytes.empty()) {
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (c == '\n' && line_ != "-") return begin_part();
    const bool after_cr = !line_.empty() && line_.back() == '\r';
    line_ += c;
    if (line_ == "--") {
      state_ = State::kEpilogue;
      return {};
    }
    const bool allowed = line_.front() != '-' && (c == ' ' || c == '\t' || c == '\r');
    if ((!allowed && line_ != "-") || after_cr || line_.size() > kMaxPaddingBytes) {
      return stop(Problem::kMalformed, ErrorCode::kInvalidArgument,
                  "A boundary of the multipart body is followed by other text.");
    }
  }
  return {};
}

Result<void> MultipartParser::begin_part() {
  if (++parts_ > limits_.max_parts) {
    return stop(Problem::kLimit, ErrorCode::kTooLarge, "Too many parts in the multipart body.");
  }
  line_.clear();
  header_ = {};
  header_bytes_ = 0;
  has_disposition_ = false;
  state_ = State::kHeaders;
  return {};
}

Result<void> MultipartParser::take_headers(std::string_view& bytes) {
  const std::size_t end = bytes.find('\n');
  const std::string_view piece = bytes.substr(0, end);
  bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  header_bytes_ += piece.size() + 1;
  if (header_bytes_ > limits_.max_header_bytes) {
    return stop(Problem::kLimit, ErrorCode::kTooLarge,
                "The header of a multipart part is too long.");
  }
  line_ += piece;
  if (end == std::string_view::npos) {
    --header_bytes_;
    return {};
  }
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  const std::string line = std::exchange(line_, {});
  return line.empty() ? end_headers() : take_header_line(line);
}

Result<void> MultipartParser::take_header_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 || line.front() == ' ' ||
      line.front() == '\t') {
    return stop(Problem::kMalformed, ErrorCode::kInvalidArgument,
                "A header line of a multipart part is malformed.");
  }
  const std::string_view name = trim(line.substr(0, colon));
  const std::string_view value = trim(line.substr(colon + 1));
  if (equal_ignoring_case(name, "content-disposition")) return take_disposition(value);
  if (equal_ignoring_case(name, "content-type")) header_.content_type = value;
  return {};
}

Result<void> MultipartParser::take_disposition(std::string_view value) {
  const auto disposition = parse_header_parameters(value);
  const std::string* name = disposition ? disposition->find("name") : nullptr;
  if (has_disposition_ || name == nullptr || disposition->value != "form-data") {
    return stop(Problem::kMalformed, ErrorCode::kInvalidArgument,
                "A part needs one Content-Disposition: form-data header with a name.");
  }
  if (name->size() > limits_.max_name_bytes) {
    return stop(Problem::kLimit, ErrorCode::kTooLarge, "The name of a multipart part is too long.");
  }
  has_disposition_ = true;
  header_.name = *name;
  if (const std::string* filename = disposition->find("filename")) {
    header_.filename = *filename;
  } else if (const std::string* extended = disposition->find("filename*")) {
    header_.filename = decode_extended_value(*extended);
  }
  return {};
}

Result<void> MultipartParser::end_headers() {
  if (!has_disposition_) {
    return stop(Problem::kMalformed, ErrorCode::kInvalidArgument,
                "A part of the multipart body has no Content-Disposition header.");
  }
  state_ = State::kData;
  matched_ = 0;
  problem_ = Problem::kSink;
  TRY_VOID(sink_.on_part_begin(header_));
  problem_ = Problem::kNone;
  return {};
}

Result<void> MultipartParser::give(std::string_view bytes) {
  if (bytes.empty()) return {};
  problem_ = Problem::kSink;
  TRY_VOID(sink_.on_part_data(bytes));
  problem_ = Problem::kNone;
  return {};
}

// Since CR occurs only at the beginning of the delimiter, a failed match can begin anew only at the
// byte that broke it, and the bytes matched so far are known without keeping them.
Result<void> MultipartParser::take_data(std::string_view& bytes) {
  while (!bytes.empty()) {
    if (matched_ == 0) {
      const std::size_t start = std::min(bytes.find('\r'), bytes.size());
      TRY_VOID(give(bytes.substr(0, start)));
      bytes.remove_prefix(start);
      if (bytes.empty()) return {};
    }
    if (bytes.front() != delimiter_[matched_]) {
      TRY_VOID(give(std::string_view(delimiter_).substr(0, std::exchange(matched_, 0))));
      continue;
    }
    bytes.remove_prefix(1);
    if (++matched_ < delimiter_.size()) continue;
    matched_ = 0;
    line_.clear();
    state_ = State::kAfterDelimiter;
    problem_ = Problem::kSink;
    TRY_VOID(sink_.on_part_end());
    problem_ = Problem::kNone;
    return {};
  }
  return {};
}

}  // namespace cloister::net
