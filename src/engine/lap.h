// Measures one part of an execution after the other. Used by one thread.
#pragma once

#include <chrono>
#include <utility>

#include "base/clock.h"

namespace cloister::engine {

class Lap {
 public:
  // Not owned; must outlive the lap.
  explicit Lap(const Clock& clock) : clock_(clock), begin_(clock.steady_now()) {}

  // The time since the last call, or since the beginning.
  Microseconds take() {
    const SteadyTime now = clock_.steady_now();
    return std::chrono::duration_cast<Microseconds>(now - std::exchange(begin_, now));
  }

 private:
  const Clock& clock_;
  SteadyTime begin_;
};

}  // namespace cloister::engine
