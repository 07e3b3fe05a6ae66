// Takes the fields of one JSON object and reports what does not fit its schema.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/common/schema_errors.h"

namespace cloister::api {

struct IntegerBounds {
  std::int64_t minimum = 1;
  std::optional<std::int64_t> maximum;
};

// Each method reads one field; errors go to `errors` in the order of the calls. After an error the
// value returned is a placeholder: the caller looks at errors.empty() once, at the end. Nothing is
// owned; all must outlive the reader.
class ObjectReader {
 public:
  ObjectReader(const Json& object, Location location, SchemaErrors& errors)
      : object_(object), location_(std::move(location)), errors_(errors) {}

  std::string required_string(std::string_view name);
  // Absent and null give an empty string: here they mean the same.
  std::string nullable_string(std::string_view name);
  // Integers only: no 1.0, no "1", no true.
  std::int64_t integer(std::string_view name, std::int64_t fallback, IntegerBounds bounds);
  // Also 1/0, 1.0/0.0 and, in any letter case, true t yes y on 1 / false f no n off 0.
  bool lenient_boolean(std::string_view name, bool fallback);
  // Nothing for absent and null. A whole number in any notation: 30 and 30.0.
  std::optional<std::int64_t> nullable_integer(std::string_view name);
  // A list of strings; absent and null give an empty one.
  std::vector<std::string> strings(std::string_view name);
  // The same, where one string stands for a list of one.
  std::vector<std::string> strings_or_one(std::string_view name);
  // Calls `visit` with a reader of each object in a list, which has to be a list of objects. Absent
  // means empty.
  void objects(std::string_view name, const std::function<void(ObjectReader&)>& visit);

  // Null when absent.
  const Json* find(std::string_view name) const;
  bool has(std::string_view name) const {
    const Json* value = find(name);
    return value != nullptr && !value->is_null();
  }

 private:
  Location at(std::string_view name) const { return below(location_, Json(name)); }

  const Json& object_;
  const Location location_;
  SchemaErrors& errors_;
};

}  // namespace cloister::api
