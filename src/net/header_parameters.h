// The value of a header with parameters: `form-data; name="a"; filename="b"`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cloister::net {

struct HeaderParameters {
  std::string value;                                            // Lower case.
  std::vector<std::pair<std::string, std::string>> parameters;  // Names in lower case.

  // Null when absent.
  const std::string* find(std::string_view name) const;
};

// In quoted strings \" and \\ stand for " and \, any other backslash for itself: user agents send
// Windows paths unescaped. Nothing for text of another form or for a parameter that is given twice.
std::optional<HeaderParameters> parse_header_parameters(std::string_view text);

// "UTF-8''%e2%82%ac" -> the euro sign (RFC 8187). Nothing for another charset or form.
std::optional<std::string> decode_extended_value(std::string_view text);

bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace cloister::net
