#include "base/clock.h"

namespace cloister {

WallTime SystemClock::wall_now() const {
  return std::chrono::time_point_cast<Microseconds>(std::chrono::system_clock::now());
}

SteadyTime SystemClock::steady_now() const {
  return std::chrono::steady_clock::now();
}

double to_unix_seconds(WallTime time) {
  return static_cast<double>(time.time_since_epoch().count()) / 1e6;
}

}  // namespace cloister
