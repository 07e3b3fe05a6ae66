#include <algorithm>

#include "net/http.h"

namespace cloister::net {
namespace {

// Splits at '/', without the empty segment before the leading one. "/a/" gives "a" and "".
template <typename Text>
std::vector<Text> split_path(std::string_view path) {
  std::vector<Text> segments;
  if (path.empty() || path.front() != '/') return segments;
  segments.reserve(8);
  for (;;) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
    if (path.empty()) return segments;
  }
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{';
}

bool fits(std::string_view pattern, std::string_view segment) {
  if (is_parameter(pattern)) return !segment.empty();
  if (segment.find('%') == std::string_view::npos) return pattern == segment;
  return pattern == percent_decode(segment);
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string_view>& segments) {
  return std::ranges::equal(pattern, segments,
                            [](std::string_view a, std::string_view b) { return fits(a, b); });
}

// A literal segment is a better fit than a named one; the first difference decides.
bool is_more_literal(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (is_parameter(a[i]) != is_parameter(b[i])) return is_parameter(b[i]);
  }
  return false;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string_view without_trailing_slashes(std::string_view path) {
  while (!path.empty() && path.back() == '/')
    path.remove_suffix(1);
  return path;
}

}  // namespace

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  routes_.push_back({std::string(method), std::string(pattern), split_path<std::string>(pattern),
                     std::move(handler)});
}

Handler Router::take(std::string_view method, std::string_view pattern) {
  const auto segments = split_path<std::string>(pattern);
  const auto same = [](const std::string& a, const std::string& b) {
    return is_parameter(a) ? is_parameter(b) : a == b;
  };
  const auto found = std::ranges::find_if(routes_, [&](const Route& route) {
    return route.method == method && std::ranges::equal(route.segments, segments, same);
  });
  if (found == routes_.end()) return nullptr;
  Handler handler = std::move(found->handler);
  routes_.erase(found);
  return handler;
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  Match result;
  const auto segments = split_path<std::string_view>(path);
  const Route* best = nullptr;
  for (const Route& route : routes_) {
    if (!fits(route.segments, segments)) continue;
    if (route.method != method) {
      if (std::ranges::find(result.allowed_methods, route.method) == result.allowed_methods.end()) {
        result.allowed_methods.push_back(route.method);
      }
    } else if (best == nullptr || is_more_literal(route.segments, best->segments)) {
      best = &route;
    }
  }
  if (best != nullptr) {
    result.handler = &best->handler;
    result.route = best->pattern;
    result.allowed_methods.clear();
    for (std::size_t i = 0; i < segments.size(); ++i) {
      if (is_parameter(best->segments[i])) result.parameters.push_back(percent_decode(segments[i]));
    }
    return result;
  }
  const std::string_view shorter = without_trailing_slashes(path);
  if (result.allowed_methods.empty() && shorter.size() < path.size() && !shorter.empty()) {
    const auto shorter_segments = split_path<std::string_view>(shorter);
    result.without_slash_matches = std::ranges::any_of(
        routes_, [&](const Route& route) { return fits(route.segments, shorter_segments); });
  }
  return result;
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    decoded += text[i];
  }
  return decoded;
}

}  // namespace cloister::net
