// What one run may use of what its sandbox may.
#pragma once

#include <algorithm>
#include <cstdint>

#include "sandbox/limits.h"

namespace cloister::backends::native {

struct RunLimits {
  sandbox::SandboxLimits limits;      // Its cpu_seconds are those of a run that does not name any.
  std::uint32_t cpu_seconds_max = 0;  // The most that a run may ask for, if that is more.

  std::uint32_t cpu_most() const { return std::max(limits.cpu_seconds, cpu_seconds_max); }

  // Of a run that asks for `asked` seconds; 0: that does not name any.
  std::uint32_t cpu_seconds(std::uint32_t asked) const {
    return asked == 0 ? limits.cpu_seconds : std::min(asked, cpu_most());
  }

  sandbox::SandboxLimits with_cpu_seconds(std::uint32_t seconds) const {
    sandbox::SandboxLimits changed = limits;
    changed.cpu_seconds = seconds;
    return changed;
  }
};

}  // namespace cloister::backends::native
