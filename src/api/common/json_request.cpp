#include "api/common/json_request.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace cloister::api {
namespace {

bool is_json_type(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  std::transform(type.begin(), type.end(), type.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t'))
    type.pop_back();
  return type == "application/json" ||
         (type.starts_with("application/") && type.ends_with("+json"));
}

}  // namespace

tl::expected<Json, BodyProblem> read_object(std::string_view content_type,
                                            const std::string& body) {
  const Location location = Location::array({"body"});
  BodyProblem problem;
  SchemaErrors& errors = problem.errors;
  if (body.empty()) {
    errors.missing(location, nullptr);
    return tl::unexpected(std::move(problem));
  }
  if (!is_valid_utf8(body)) {
    problem.is_syntax = true;
    return tl::unexpected(std::move(problem));
  }
  if (!is_json_type(content_type)) {
    errors.not_an_object(location, Json(body));
    return tl::unexpected(std::move(problem));
  }
  tl::expected<Json, JsonSyntaxError> value = parse_json(body);
  if (!value) {
    problem.is_syntax = true;
    errors.invalid_json(value.error());
  } else if (value->is_null()) {
    errors.missing(location, nullptr);
  } else if (!value->is_object()) {
    errors.not_an_object(location, *value);
  }
  if (!errors.empty()) return tl::unexpected(std::move(problem));
  return std::move(*value);
}

Decoded<Json> decode_object(std::string_view content_type, const std::string& body) {
  tl::expected<Json, BodyProblem> object = read_object(content_type, body);
  if (object) return std::move(*object);
  if (!object.error().errors.empty()) {
    return tl::unexpected(Refusal{422, object.error().errors.body()});
  }
  return tl::unexpected(Refusal{400, R"({"detail":"There was an error parsing the body"})"});
}

}  // namespace cloister::api
