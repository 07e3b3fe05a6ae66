// The sandbox init: the first process of a sandbox's PID namespace.
//
// It is forked from the launcher without exec, makes the mounts, gives up what it does not need,
// and then serves the server over one socket: files in, commands, kill, files out. User code never
// runs in it. It reaps orphans; when it ends, by itself or because the server closes the socket,
// the kernel ends everything in the sandbox. Post-fork safe throughout.
#pragma once

#include "sandbox/limits.h"
#include "sandbox/sandbox_mounts.h"

namespace cloister::sandbox {

struct InitOptions {
  const MountPlan* mounts = nullptr;
  SandboxLimits limits;
  int control = -1;   // Socket to the server.
  int launcher = -1;  // Socket to the launcher: one byte in when maps and cgroup are ready, one
                      // LauncherEvent out (kCreated or kFailed), then closed.
  int landlock_abi = 0;
  bool root_is_mapped = true;  // Uid 0 exists in the sandbox's user namespace.
};

[[noreturn]] void run_init(const InitOptions& options);

}  // namespace cloister::sandbox
