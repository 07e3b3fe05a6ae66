// Time, behind an interface so that tests decide what time it is.
#pragma once

#include <chrono>

namespace cloister {

using Milliseconds = std::chrono::milliseconds;
using Microseconds = std::chrono::microseconds;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Microseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

// Thread safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // For what is stored and shown. Can jump.
  virtual WallTime wall_now() const = 0;
  // For deadlines and durations. Never goes back.
  virtual SteadyTime steady_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime wall_now() const override;
  SteadyTime steady_now() const override;
};

// Seconds since the Unix epoch as a float, the form that wire formats use.
double to_unix_seconds(WallTime time);

}  // namespace cloister
