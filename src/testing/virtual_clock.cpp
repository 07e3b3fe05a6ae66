#include "testing/virtual_clock.h"

namespace cloister::fakes {
namespace {

// 2030-01-01: after every file that a test makes, so that real files are old and never of the
// future.
constexpr std::chrono::seconds kWallBegin{1'893'456'000};
constexpr std::chrono::hours kSteadyBegin{100};

}  // namespace

WallTime VirtualClock::wall_now() const {
  return WallTime(kWallBegin) + Microseconds(elapsed_microseconds_.load());
}

SteadyTime VirtualClock::steady_now() const {
  return SteadyTime(kSteadyBegin) + Microseconds(elapsed_microseconds_.load());
}

void VirtualClock::advance(Microseconds step) {
  elapsed_microseconds_.fetch_add(step.count());
}

}  // namespace cloister::fakes
