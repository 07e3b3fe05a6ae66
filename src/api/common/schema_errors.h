// The list of everything that is wrong with a request, in the array form of status 422.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/common/json_body.h"

namespace cloister::api {

// Where in the request a value stands: names and list indexes, "body" first. A JSON array.
using Location = Json;

// `location` with one more name or index.
Location below(const Location& location, Json step);

// Used by one thread. Errors are kept in the order of their report; those beyond kMaxReported are
// counted as present but left out of the text, because each echoes its input.
class SchemaErrors {
 public:
  static constexpr std::size_t kMaxReported = 100;

  void missing(const Location& location, const Json& enclosing);
  void not_an_object(const Location& location, const Json& value);
  void invalid_json(const JsonSyntaxError& error);
  void not_a_string(const Location& location, const Json& value);
  void not_an_integer(const Location& location, const Json& value);
  void below_minimum(const Location& location, const Json& value, std::int64_t minimum);
  void above_maximum(const Location& location, const Json& value, std::int64_t maximum);
  void not_a_list(const Location& location, const Json& value);
  void not_a_boolean(const Location& location, const Json& value);
  void uninterpretable_boolean(const Location& location, const Json& value);
  void not_one_of(const Location& location, const Json& value, std::string_view expected);
  void plain_form_field(const Location& location, std::string_view value);

  bool empty() const { return list_.empty(); }
  // The array itself.
  const Json& list() const { return list_; }
  // {"detail":[...]}
  std::string body() const;

 private:
  void add(std::string_view type, const Location& location, std::string message, const Json& input,
           Json context = nullptr);

  Json list_ = Json::array();
};

}  // namespace cloister::api
