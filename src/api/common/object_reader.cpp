#include "api/common/object_reader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace cloister::api {
namespace {

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  return result;
}

std::optional<bool> boolean_from_word(std::string_view text) {
  constexpr std::array<std::string_view, 6> kTrue = {"true", "t", "yes", "y", "on", "1"};
  constexpr std::array<std::string_view, 6> kFalse = {"false", "f", "no", "n", "off", "0"};
  const std::string word = lower_case(text);
  if (std::find(kTrue.begin(), kTrue.end(), word) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), word) != kFalse.end()) return false;
  return std::nullopt;
}

std::optional<bool> boolean_from_scalar(const Json& value) {
  if (value.is_string()) return boolean_from_word(value.get_ref<const std::string&>());
  if (value.is_number()) {
    const double number = value.get<double>();
    if (number == 1.0) return true;
    if (number == 0.0) return false;
  }
  return std::nullopt;
}

std::int64_t saturated_integer(const Json& value) {
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return std::numeric_limits<std::int64_t>::max();
  }
  return value.get<std::int64_t>();
}

}  // namespace

const Json* ObjectReader::find(std::string_view name) const {
  const auto found = object_.find(std::string(name));
  return found == object_.end() ? nullptr : &*found;
}

std::string ObjectReader::required_string(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr) {
    errors_.missing(at(name), object_);
    return {};
  }
  if (!value->is_string()) {
    errors_.not_a_string(at(name), *value);
    return {};
  }
  return value->get<std::string>();
}

std::string ObjectReader::nullable_string(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr || value->is_null()) return {};
  if (!value->is_string()) {
    errors_.not_a_string(at(name), *value);
    return {};
  }
  return value->get<std::string>();
}

std::int64_t ObjectReader::integer(std::string_view name, std::int64_t fallback,
                                   IntegerBounds bounds) {
  const Json* value = find(name);
  if (value == nullptr) return fallback;
  if (!value->is_number_integer()) {
    errors_.not_an_integer(at(name), *value);
    return fallback;
  }
  const std::int64_t number = saturated_integer(*value);
  if (number < bounds.minimum) {
    errors_.below_minimum(at(name), *value, bounds.minimum);
  } else if (bounds.maximum && number > *bounds.maximum) {
    errors_.above_maximum(at(name), *value, *bounds.maximum);
  }
  return number;
}

bool ObjectReader::lenient_boolean(std::string_view name, bool fallback) {
  const Json* value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  if (value->is_null() || value->is_structured()) {
    errors_.not_a_boolean(at(name), *value);
    return fallback;
  }
  const std::optional<bool> result = boolean_from_scalar(*value);
  if (!result) errors_.uninterpretable_boolean(at(name), *value);
  return result.value_or(fallback);
}

std::optional<std::int64_t> ObjectReader::nullable_integer(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (value->is_number_integer()) return saturated_integer(*value);
  if (value->is_number_float()) {
    const double number = value->get<double>();
    constexpr double kExact = 9007199254740992.0;  // 2^53
    if (number >= -kExact && number <= kExact && number == std::trunc(number)) {
      return static_cast<std::int64_t>(number);
    }
  }
  errors_.not_an_integer(at(name), *value);
  return std::nullopt;
}

std::vector<std::string> ObjectReader::strings(std::string_view name) {
  std::vector<std::string> result;
  const Json* list = find(name);
  if (list == nullptr || list->is_null()) return result;
  const Location location = at(name);
  if (!list->is_array()) {
    errors_.not_a_list(location, *list);
    return result;
  }
  result.reserve(list->size());
  for (std::size_t index = 0; index < list->size(); ++index) {
    const Json& element = (*list)[index];
    if (element.is_string()) {
      result.push_back(element.get<std::string>());
    } else {
      errors_.not_a_string(below(location, Json(index)), element);
    }
  }
  return result;
}

std::vector<std::string> ObjectReader::strings_or_one(std::string_view name) {
  const Json* value = find(name);
  if (value != nullptr && value->is_string()) return {value->get<std::string>()};
  return strings(name);
}

void ObjectReader::objects(std::string_view name, const std::function<void(ObjectReader&)>& visit) {
  const Json* list = find(name);
  if (list == nullptr) return;
  const Location location = at(name);
  if (!list->is_array()) {
    errors_.not_a_list(location, *list);
    return;
  }
  for (std::size_t index = 0; index < list->size(); ++index) {
    const Json& element = (*list)[index];
    if (!element.is_object()) {
      errors_.not_an_object(below(location, Json(index)), element);
      continue;
    }
    ObjectReader reader(element, below(location, Json(index)), errors_);
    visit(reader);
  }
}

}  // namespace cloister::api
