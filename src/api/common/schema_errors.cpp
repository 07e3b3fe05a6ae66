#include "api/common/schema_errors.h"

#include <utility>

#include "net/json_text.h"

namespace cloister::api {

Location below(const Location& location, Json step) {
  Location result = location;
  result.push_back(std::move(step));
  return result;
}

void SchemaErrors::add(std::string_view type, const Location& location, std::string message,
                       const Json& input, Json context) {
  if (list_.size() >= kMaxReported) return;
  Json error = Json::object();
  error["type"] = type;
  error["loc"] = location;
  error["msg"] = std::move(message);
  error["input"] = input;
  if (!context.is_null()) error["ctx"] = std::move(context);
  list_.push_back(std::move(error));
}

void SchemaErrors::missing(const Location& location, const Json& enclosing) {
  add("missing", location, "Field required", enclosing);
}

void SchemaErrors::not_an_object(const Location& location, const Json& value) {
  add("model_attributes_type", location,
      "Input should be a valid dictionary or object to extract fields from", value);
}

void SchemaErrors::invalid_json(const JsonSyntaxError& error) {
  Json context = Json::object();
  context["error"] = error.reason;
  add("json_invalid", Location::array({"body", error.position}), "JSON decode error",
      Json::object(), std::move(context));
}

void SchemaErrors::not_a_string(const Location& location, const Json& value) {
  add("string_type", location, "Input should be a valid string", value);
}

void SchemaErrors::not_an_integer(const Location& location, const Json& value) {
  add("int_type", location, "Input should be a valid integer", value);
}

void SchemaErrors::below_minimum(const Location& location, const Json& value,
                                 std::int64_t minimum) {
  Json context = Json::object();
  context["ge"] = minimum;
  add("greater_than_equal", location,
      "Input should be greater than or equal to " + std::to_string(minimum), value,
      std::move(context));
}

void SchemaErrors::above_maximum(const Location& location, const Json& value,
                                 std::int64_t maximum) {
  Json context = Json::object();
  context["le"] = maximum;
  add("less_than_equal", location,
      "Input should be less than or equal to " + std::to_string(maximum), value,
      std::move(context));
}

void SchemaErrors::not_a_list(const Location& location, const Json& value) {
  add("list_type", location, "Input should be a valid list", value);
}

void SchemaErrors::not_a_boolean(const Location& location, const Json& value) {
  add("bool_type", location, "Input should be a valid boolean", value);
}

void SchemaErrors::uninterpretable_boolean(const Location& location, const Json& value) {
  add("bool_parsing", location, "Input should be a valid boolean, unable to interpret input",
      value);
}

void SchemaErrors::not_one_of(const Location& location, const Json& value,
                              std::string_view expected) {
  Json context = Json::object();
  context["expected"] = expected;
  add("enum", location, "Input should be " + std::string(expected), value, std::move(context));
}

void SchemaErrors::plain_form_field(const Location& location, std::string_view value) {
  Json context = Json::object();
  context["error"] = Json::object();
  add("value_error", location, "Value error, Expected UploadFile, received: <class 'str'>",
      Json(value), std::move(context));
}

std::string SchemaErrors::body() const {
  Json body = Json::object();
  body["detail"] = list_;
  return net::to_json_text(body);
}

}  // namespace cloister::api
