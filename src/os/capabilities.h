// Capability sets of the calling thread. Post-fork safe: 0 or an errno value.
#pragma once

#include <cstdint>

namespace cloister::os {

// A set of capabilities as bits, bit n for the capability numbered n in linux/capability.h.
using CapabilitySet = std::uint64_t;

constexpr CapabilitySet capability(int number) {
  return CapabilitySet{1} << number;
}

// Makes effective and permitted exactly `kept` (which must be permitted now), inheritable and
// ambient empty, and removes all others from the bounding set. Removing needs CAP_SETPCAP, which is
// used before it is dropped itself.
int limit_capabilities(CapabilitySet kept);

// The two halves of it, for a change of user in between: the bounding set needs CAP_SETPCAP, which
// the change takes away.
int limit_bounding_set(CapabilitySet kept);
int set_capabilities(CapabilitySet kept);

}  // namespace cloister::os
