// The privileged beginning of the launcher: everything that needs the host's root, and nothing
// after.
//
// Called first in `cloister-launcher`, with the socket to the server on descriptor 3. Receives the
// configuration, makes the cgroup directories, makes the user, PID, mount, IPC, UTS and network
// namespaces, and runs the launcher in them. The process that stays outside has given up its
// privileges; it waits for the launcher and removes the cgroup directories.
#pragma once

namespace cloister::sandbox {

inline constexpr int kServerSocket = 3;

// Returns the exit status of the process.
int run_launcher();

}  // namespace cloister::sandbox
