#include "net/request_head.h"

#include <algorithm>
#include <limits>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>

#include "net/header_parameters.h"

namespace cloister::net {
namespace {

namespace http = boost::beast::http;

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~:[]%").find(c) != std::string_view::npos;
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

const std::string_view* RequestHead::find(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (equal_ignoring_case(key, name)) return &value;
  }
  return nullptr;
}

// Beast finds the lines and checks their characters; this class checks what they mean.
class RequestHeadParser::Codec {
 public:
  explicit Codec(std::size_t limit_bytes) : limit_(limit_bytes) {}

  void reset() {
    head_.fields.clear();
    std::vector fields = std::move(head_.fields);
    head_ = {};
    head_.fields = std::move(fields);
    parsed_bytes_ = 0;
    parser_.emplace(*this);
    parser_->header_limit(static_cast<std::uint32_t>(limit_));
    // Without a limit Beast 1.74 takes every length for too large.
    parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
  }

  Status parse(std::string_view bytes, std::size_t& consumed) {
    bytes_ = bytes;
    boost::beast::error_code error;
    consumed = parser_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    parsed_bytes_ += consumed;
    if (parser_->is_header_done() && (!error || error == http::error::need_more)) return finish();
    if (error == http::error::need_more) {
      const std::size_t waiting = bytes.size() - consumed;
      return parsed_bytes_ + waiting >= limit_ ? Status::kTooLong : Status::kNeedMore;
    }
    return error == http::error::header_limit ? Status::kTooLong : Status::kMalformed;
  }

  const RequestHead& head() const { return head_; }

 private:
  using error_code = boost::beast::error_code;

  class Parser final : public http::basic_parser<true> {
   public:
    explicit Parser(Codec& owner) : owner_(owner) {}

   private:
    using Text = boost::beast::string_view;
    void on_request_impl(http::verb, Text method, Text target, int version,
                         error_code& error) override {
      owner_.on_request(view(method), view(target), version, error);
    }
    void on_field_impl(http::field name, Text text, Text value, error_code& error) override {
      owner_.on_field(name, view(text), view(value), error);
    }
    void on_header_impl(error_code&) override {}
    void on_finish_impl(error_code&) override {}
    // Bodies are read elsewhere: bytes after the head are never given to this parser.
    void on_response_impl(int, Text, int, error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(Text, error_code&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, Text, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, Text, error_code&) override { return 0; }

    Codec& owner_;
  };

  void on_request(std::string_view method, std::string_view target, int version,
                  error_code& error) {
    head_.method = method;
    head_.minor_version = version % 10;
    if (!target.starts_with('/') && target != "*") {
      // A proxy's form: http://host/path.
      const std::size_t scheme = target.find("://");
      if (scheme == std::string_view::npos) return fail_with(error, http::error::bad_target);
      target.remove_prefix(scheme + 3);
      const std::size_t path = target.find('/');
      target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
    }
    const std::size_t mark = target.find('?');
    head_.path = target.substr(0, mark);
    if (mark != std::string_view::npos) head_.query = target.substr(mark + 1);
  }

  void on_field(http::field name, std::string_view text, std::string_view value,
                error_code& error) {
    // A value outside of the input was folded over several lines and put together by the parser.
    if (!value.empty() &&
        (value.data() < bytes_.data() || value.data() >= bytes_.data() + bytes_.size())) {
      return fail_with(error, http::error::bad_value);
    }
    if (name == http::field::content_length) {
      if (seen_before("content-length") || !is_digits(value)) {
        return fail_with(error, http::error::bad_content_length);
      }
    } else if (name == http::field::transfer_encoding) {
      if (seen_before("transfer-encoding") || !equal_ignoring_case(value, "chunked") ||
          head_.minor_version == 0) {
        return fail_with(error, http::error::bad_transfer_encoding);
      }
    } else if (name == http::field::host) {
      if (seen_before("host") || !std::ranges::all_of(value, is_host_character)) {
        return fail_with(error, http::error::bad_value);
      }
      head_.host = value;
    } else if (name == http::field::expect && head_.minor_version > 0) {
      head_.expects_continue = equal_ignoring_case(value, "100-continue");
    }
    head_.fields.emplace_back(text, value);
  }

  Status finish() {
    if (head_.minor_version > 0 && head_.find("host") == nullptr) return Status::kMalformed;
    head_.keep_alive = parser_->keep_alive();
    head_.is_chunked = parser_->chunked();
    head_.content_length = parser_->content_length().value_or(0);
    return Status::kDone;
  }

  bool seen_before(std::string_view name) const { return head_.find(name) != nullptr; }
  static void fail_with(error_code& error, http::error value) { error = make_error_code(value); }

  const std::size_t limit_;
  RequestHead head_;
  std::string_view bytes_;        // What is being parsed.
  std::size_t parsed_bytes_ = 0;  // Of this head.
  std::optional<Parser> parser_;
};

RequestHeadParser::RequestHeadParser(std::size_t limit_bytes)
    : codec_(std::make_unique<Codec>(limit_bytes)) {
  codec_->reset();
}

RequestHeadParser::~RequestHeadParser() = default;

void RequestHeadParser::reset() {
  codec_->reset();
}

RequestHeadParser::Status RequestHeadParser::parse(std::string_view bytes, std::size_t& consumed) {
  return codec_->parse(bytes, consumed);
}

const RequestHead& RequestHeadParser::head() const {
  return codec_->head();
}

std::string_view reason_phrase(int status) {
  const auto known = http::int_to_status(static_cast<unsigned>(status));
  return known == http::status::unknown ? std::string_view() : view(http::obsolete_reason(known));
}

}  // namespace cloister::net
