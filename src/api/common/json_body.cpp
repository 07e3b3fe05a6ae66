#include "api/common/json_body.h"

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace cloister::api {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// The library's message without its number, position and quote of the input.
std::string short_reason(std::string_view message) {
  const std::size_t begin = message.find("while parsing ");
  if (begin == std::string_view::npos) return "Invalid JSON";
  const std::size_t end = message.find(" - ", begin);
  if (end == std::string_view::npos) return "Invalid JSON";
  return "Syntax error " + std::string(message.substr(begin, end - begin));
}

// Builds the document from the parser's events and stops at the bounds.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t& text) override {
    if (text.find_first_of(".eE") != string_t::npos) return put(value);
    // An integer that fits no 64-bit type stays an integer, so that bounds refuse it, not the type.
    if (text.starts_with('-')) return put(std::numeric_limits<std::int64_t>::min());
    return put(std::numeric_limits<std::uint64_t>::max());
  }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (open_.back()->size() >= kMaxJsonObjectKeys) return refuse("Too many keys in one object");
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) override {
    error_.position = position > 0 ? position - 1 : 0;
    error_.reason = short_reason(error.what());
    return false;
  }

  Json take() { return std::move(root_); }
  JsonSyntaxError error() const { return error_; }

 private:
  // Only the innermost open container grows, so pointers to the outer ones stay valid.
  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    Json& member = parent[key_];
    member = std::move(value);
    return &member;
  }
  bool put(Json value) {
    place(std::move(value));
    return true;
  }
  bool open(Json container) {
    if (open_.size() >= kMaxJsonDepth) return refuse("Too many nested values");
    open_.push_back(place(std::move(container)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  bool refuse(std::string_view reason) {
    error_.reason = reason;
    return false;
  }

  Json root_;
  std::vector<Json*> open_;
  std::string key_;
  JsonSyntaxError error_;
};

}  // namespace

tl::expected<Json, JsonSyntaxError> parse_json(std::string_view text) {
  const std::size_t skipped = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  text.remove_prefix(skipped);
  Builder builder;
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    JsonSyntaxError error = builder.error();
    error.position += skipped;
    return tl::unexpected(std::move(error));
  }
  return builder.take();
}

}  // namespace cloister::api
