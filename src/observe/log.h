// Structured log lines: a level, a message, and named fields.
//
// A line is written with one write(2), so lines of several threads do not mix. Text that is not
// UTF-8 is repaired, control characters are escaped, and long values are cut, so one event is
// always one line.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/clock.h"

namespace cloister {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kPlain, kJson };

std::string_view to_string(LogLevel level);
// "debug", "info", "warn" or "warning", "error" or "critical", in any letter case.
std::optional<LogLevel> parse_log_level(std::string_view text);
// "plain" or "json", in any letter case.
std::optional<LogFormat> parse_log_format(std::string_view text);

// One named value. Refers to the caller's text; lives for the duration of the log call.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, double, bool>;

  LogField(std::string_view field_key, std::string_view text) : key(field_key), value(text) {}
  LogField(std::string_view field_key, const std::string& text)
      : key(field_key), value(std::string_view(text)) {}
  LogField(std::string_view field_key, const char* text)
      : key(field_key), value(std::string_view(text)) {}
  LogField(std::string_view field_key, double number) : key(field_key), value(number) {}
  LogField(std::string_view field_key, bool flag) : key(field_key), value(flag) {}
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  LogField(std::string_view field_key, Integer number) : key(field_key), value(clamp(number)) {}

  std::string_view key;
  Value value;

 private:
  template <std::integral Integer>
  static std::int64_t clamp(Integer number) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    if constexpr (std::is_unsigned_v<Integer>) {
      if (number > static_cast<std::uint64_t>(kMost)) return kMost;
    }
    return static_cast<std::int64_t>(number);
  }
};

using LogFields = std::initializer_list<LogField>;

// Thread safe. `clock` is not owned and must outlive the logger; `fd` is not owned.
class Logger {
 public:
  Logger(LogLevel lowest, LogFormat format, const Clock& clock, int fd = 2);
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  bool enabled(LogLevel level) const { return level >= lowest_; }
  void log(LogLevel level, std::string_view message, LogFields fields = {}) const;

  void debug(std::string_view message, LogFields fields = {}) const {
    log(LogLevel::kDebug, message, fields);
  }
  void info(std::string_view message, LogFields fields = {}) const {
    log(LogLevel::kInfo, message, fields);
  }
  void warning(std::string_view message, LogFields fields = {}) const {
    log(LogLevel::kWarning, message, fields);
  }
  void error(std::string_view message, LogFields fields = {}) const {
    log(LogLevel::kError, message, fields);
  }

 private:
  void write_line(std::string_view line) const;

  const LogLevel lowest_;
  const LogFormat format_;
  const Clock& clock_;
  const int fd_;
  mutable std::mutex mutex_;  // Keeps the rest of a partly written line next to its beginning.
};

}  // namespace cloister
