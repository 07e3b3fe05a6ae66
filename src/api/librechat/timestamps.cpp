#include "api/librechat/timestamps.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace cloister::api::librechat {
namespace {

std::tm parts_of(WallTime time) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return parts;
}

std::int64_t microseconds_of_second(WallTime time) {
  return (time - std::chrono::floor<std::chrono::seconds>(time)).count();
}

}  // namespace

std::string iso_utc(WallTime time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", parts_of(time),
                     microseconds_of_second(time) / 1000);
}

std::string iso_naive(WallTime time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}", parts_of(time), microseconds_of_second(time));
}

std::string http_date(WallTime time) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", parts_of(time));
}

}  // namespace cloister::api::librechat
