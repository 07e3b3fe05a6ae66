#include "observe/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <ctime>
#include <iterator>

#include "base/utf8.h"

namespace cloister {
namespace {

constexpr std::size_t kMaxTextBytes = 8192;

using Line = fmt::memory_buffer;

void append(Line& line, std::string_view text) {
  line.append(text.data(), text.data() + text.size());
}

// The inside of a JSON string. Plain lines use it too, so that no value can start a new line.
void append_escaped(Line& line, std::string_view text) {
  std::string repaired;
  if (text.size() > kMaxTextBytes) text = text.substr(0, kMaxTextBytes);
  if (!is_valid_utf8(text)) {
    repaired = repair_utf8(text);
    text = repaired;
  }
  for (const char c : text) {
    switch (c) {
      case '"':
        append(line, "\\\"");
        break;
      case '\\':
        append(line, "\\\\");
        break;
      case '\n':
        append(line, "\\n");
        break;
      case '\r':
        append(line, "\\r");
        break;
      case '\t':
        append(line, "\\t");
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          fmt::format_to(std::back_inserter(line), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
          line.push_back(c);
        }
    }
  }
}

// RFC 3339 in UTC with milliseconds.
void append_time(Line& line, WallTime time) {
  const auto micros = time.time_since_epoch().count();
  const std::time_t seconds = static_cast<std::time_t>(micros / 1'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  fmt::format_to(std::back_inserter(line), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                 parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                 parts.tm_sec, micros / 1000 % 1000);
}

// Whether a plain line can show the text without quotes.
bool is_bare(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == '\\' || c == 0x7f)
      return false;
  }
  return true;
}

void append_value(Line& line, const LogField::Value& value, bool always_quote) {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    const bool quote = always_quote || !is_bare(*text);
    if (quote) line.push_back('"');
    append_escaped(line, *text);
    if (quote) line.push_back('"');
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    fmt::format_to(std::back_inserter(line), "{}", *integer);
  } else if (const auto* number = std::get_if<double>(&value)) {
    // JSON has no infinities.
    if (std::isfinite(*number)) {
      fmt::format_to(std::back_inserter(line), "{}", *number);
    } else {
      append(line, "null");
    }
  } else {
    append(line, std::get<bool>(value) ? "true" : "false");
  }
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_word(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != lower_case[i]) return false;
  }
  return true;
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

std::optional<LogLevel> parse_log_level(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, LogLevel>, 6> kWords{{
      {"debug", LogLevel::kDebug},
      {"info", LogLevel::kInfo},
      {"warn", LogLevel::kWarning},
      {"warning", LogLevel::kWarning},
      {"error", LogLevel::kError},
      {"critical", LogLevel::kError},
  }};
  for (const auto& [word, level] : kWords) {
    if (same_word(text, word)) return level;
  }
  return std::nullopt;
}

std::optional<LogFormat> parse_log_format(std::string_view text) {
  if (same_word(text, "plain")) return LogFormat::kPlain;
  if (same_word(text, "json")) return LogFormat::kJson;
  return std::nullopt;
}

Logger::Logger(LogLevel lowest, LogFormat format, const Clock& clock, int fd)
    : lowest_(lowest), format_(format), clock_(clock), fd_(fd) {}

void Logger::log(LogLevel level, std::string_view message, LogFields fields) const {
  if (!enabled(level)) return;
  Line line;
  if (format_ == LogFormat::kJson) {
    append(line, "{\"time\":\"");
    append_time(line, clock_.wall_now());
    fmt::format_to(std::back_inserter(line), "\",\"level\":\"{}\",\"message\":\"",
                   to_string(level));
    append_escaped(line, message);
    line.push_back('"');
    for (const LogField& field : fields) {
      append(line, ",\"");
      append_escaped(line, field.key);
      append(line, "\":");
      append_value(line, field.value, true);
    }
    append(line, "}\n");
  } else {
    append_time(line, clock_.wall_now());
    fmt::format_to(std::back_inserter(line), " {:<7} ", to_string(level));
    append_escaped(line, message);
    for (const LogField& field : fields) {
      line.push_back(' ');
      append_escaped(line, field.key);
      line.push_back('=');
      append_value(line, field.value, false);
    }
    line.push_back('\n');
  }
  write_line({line.data(), line.size()});
}

void Logger::write_line(std::string_view line) const {
  const std::lock_guard lock(mutex_);
  while (!line.empty()) {
    const ssize_t count = ::write(fd_, line.data(), line.size());
    if (count < 0 && errno == EINTR) continue;
    // There is nowhere to report a log that cannot be written.
    if (count <= 0) return;
    line.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace cloister
