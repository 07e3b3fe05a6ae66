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

// 0, 1 and 2 become the given descriptors; everything above 2 but `kept` (moved to 3 first; -1 for
// none) is closed. The given descriptors must be above 3.
ArmFailure take_streams(int in, int out, int error_stream, int kept);

}  // namespace cloister::sandbox
