// Time that stands still until it is moved.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace cloister::fakes {

// Both times start at a fixed point and move together. Thread safe.
class VirtualClock final : public Clock {
 public:
  WallTime wall_now() const override;
  SteadyTime steady_now() const override;
  void advance(Microseconds step);

 private:
  std::atomic<std::int64_t> elapsed_microseconds_{0};
};

}  // namespace cloister::fakes
