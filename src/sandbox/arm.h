// Arms every layer that a process puts on itself, in the one right order. Post-fork safe; shared by
// the sandbox init (commands) and the guest library (interpreters).
#pragma once

#include <cstdint>

#include "sandbox/limits.h"
#include "sandbox/step.h"

namespace cloister::sandbox {

struct ArmFailure {
  Step step = Step::kNone;  // kNone: everything is armed.
  int error = 0;
};

// For a process that is inside the sandbox's namespaces and cgroup already, still with capabilities
// in its user namespace. On return without failure: working directory /workspace, resource limits,
// no_new_privs, Landlock (when `landlock_abi` is not 0), sandbox user without groups and
// capabilities, and the seccomp filter. Descriptors are the caller's matter.
ArmFailure arm_process(const SandboxLimits& limits, int landlock_abi);

// What a program's descriptor 3 is to be: -1 for nothing. It stays open at exec if so wished.
struct Channel {
  int fd = -1;
  bool is_inherited = false;
};
inline constexpr int kChannelFd = 3;
inline constexpr int kKeptFd = 4;

// 0, 1 and 2 become the given descriptors, kChannelFd the channel, if there is one, and kKeptFd,
// which is close-on-exec, `kept`. Everything else is closed. The given descriptors must be above
// kKeptFd.
ArmFailure take_streams(int in, int out, int error_stream, Channel channel, int kept);

}  // namespace cloister::sandbox
