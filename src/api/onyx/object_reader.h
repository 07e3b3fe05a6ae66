// Takes the fields of one JSON object by the Onyx rules and reports what does not fit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/onyx/schema_errors.h"
#include "engine/executor.h"

namespace cloister::api::onyx {

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
  // Absent and null give an empty string: for this dialect they mean the same.
  std::string nullable_string(std::string_view name);
  // Integers only: no 1.0, no "1", no true.
  std::int64_t integer(std::string_view name, std::int64_t fallback, IntegerBounds bounds);
  // Also 1/0, 1.0/0.0 and, in any letter case, true t yes y on 1 / false f no n off 0.
  bool lenient_boolean(std::string_view name, bool fallback);
  // A list of {path, file_id}.
  std::vector<engine::InputFile> input_files(std::string_view name);

 private:
  const Json* find(std::string_view name) const;
  Location at(std::string_view name) const { return below(location_, Json(name)); }

  const Json& object_;
  const Location location_;
  SchemaErrors& errors_;
};

}  // namespace cloister::api::onyx
