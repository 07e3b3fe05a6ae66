#include "os/capabilities.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstdint>

#include "os/forked_test.h"

namespace cloister::os {
namespace {

struct Sets {
  CapabilitySet effective = 0;
  CapabilitySet permitted = 0;
  CapabilitySet inheritable = 0;
};

Sets own_sets() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return {~0ULL, ~0ULL, ~0ULL};
  const auto join = [](std::uint32_t low, std::uint32_t high) {
    return CapabilitySet{high} << 32 | low;
  };
  return {join(data[0].effective, data[1].effective), join(data[0].permitted, data[1].permitted),
          join(data[0].inheritable, data[1].inheritable)};
}

bool has(CapabilitySet set, int number) {
  return (set & capability(number)) != 0;
}

TEST(Capabilities, WithoutAnyNothingIsLeft) {
  EXPECT_EQ(run_in_child([] {
              if (set_capabilities(0) != 0) return 1;
              const Sets sets = own_sets();
              return sets.effective == 0 && sets.permitted == 0 && sets.inheritable == 0 ? 0 : 2;
            }),
            0);
}

TEST(Capabilities, WhatIsGivenUpDoesNotComeBack) {
  EXPECT_EQ(run_in_child([] {
              if (set_capabilities(0) != 0) return 1;
              return set_capabilities(capability(CAP_KILL)) == EPERM ? 0 : 2;
            }),
            0);
}

TEST(Capabilities, TheNamedOnesAreKept) {
  if (!has(own_sets().permitted, CAP_SETPCAP) || !has(own_sets().permitted, CAP_KILL)) {
    GTEST_SKIP() << "this process has no capabilities to keep";
  }
  EXPECT_EQ(run_in_child([] {
              const CapabilitySet kept = capability(CAP_KILL) | capability(CAP_SETPCAP);
              if (limit_capabilities(kept) != 0) return 1;
              const Sets sets = own_sets();
              if (sets.effective != kept || sets.permitted != kept || sets.inheritable != 0)
                return 2;
              if (::prctl(PR_CAPBSET_READ, CAP_KILL, 0, 0, 0) != 1) return 3;
              if (::prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 0) return 4;
              // The last one that this kernel has goes too.
              int last = 0;
              while (::prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0)
                ++last;
              return ::prctl(PR_CAPBSET_READ, last, 0, 0, 0) == 0 ? 0 : 5;
            }),
            0);
}

TEST(Capabilities, TheBoundingSetNeedsPrivilege) {
  EXPECT_EQ(run_in_child([] {
              if (set_capabilities(0) != 0) return 1;
              return limit_bounding_set(0) == EPERM ? 0 : 2;
            }),
            0);
}

}  // namespace
}  // namespace cloister::os
