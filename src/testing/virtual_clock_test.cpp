#include "testing/virtual_clock.h"

#include <gtest/gtest.h>

namespace cloister::fakes {
namespace {

TEST(VirtualClock, MovesBothTimesAndOnlyWhenTold) {
  VirtualClock clock;
  const WallTime wall = clock.wall_now();
  const SteadyTime steady = clock.steady_now();
  EXPECT_EQ(clock.wall_now(), wall);
  clock.advance(std::chrono::seconds(90));
  EXPECT_EQ(clock.wall_now() - wall, std::chrono::seconds(90));
  EXPECT_EQ(clock.steady_now() - steady, std::chrono::seconds(90));
}

}  // namespace
}  // namespace cloister::fakes
