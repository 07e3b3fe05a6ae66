// Identity maps of user namespaces (user_namespaces(7)). Post-fork safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

namespace cloister::os {

struct IdRange {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;  // As seen from the writer's user namespace.
  std::uint32_t count = 1;
};

inline constexpr std::size_t kMaxIdRanges = 8;

// Writes the same map for users and groups of the namespace of process `pid`. With
// `deny_setgroups`, setgroups is refused inside first, as a writer without privilege must.
// `proc_fd` is a descriptor of a proc file system in which `pid` is valid. 0 or an errno value.
int write_id_maps(int proc_fd, pid_t pid, std::span<const IdRange> ranges, bool deny_setgroups);

// Maps user and group 0 inside to one user and one group, as a process without privilege may for
// its own. 0 or an errno value.
int write_single_id_map(int proc_fd, pid_t pid, std::uint32_t user, std::uint32_t group);

}  // namespace cloister::os
