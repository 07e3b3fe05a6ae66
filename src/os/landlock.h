// Landlock: the kernel's unprivileged access control. Post-fork safe.
#pragma once

#include <cstddef>
#include <span>

namespace cloister::os {

// The kernel's Landlock ABI version; 0 when the kernel has none or it is switched off.
int landlock_abi();

// Restricts the calling thread and its children: every file may be read and executed; only what is
// beneath `writable_directories` may be changed; `writable_files` (devices) may be written. From
// ABI 6 on, signals and abstract Unix sockets do not reach outside. Needs no_new_privs. 0 or an
// errno value; ENOSYS when landlock_abi() is 0.
int restrict_with_landlock(int abi, std::span<const char* const> writable_directories,
                           std::span<const char* const> writable_files);

}  // namespace cloister::os
