// Control groups, versions 1 and 2, also mixed: each controller is used where the host has it.
//
// The privileged start makes one directory for this server in every hierarchy (CgroupTree::create)
// and hands it to an unprivileged owner. That owner then makes one leaf a sandbox (make_leaf).
// Not thread safe. Sources: Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst of the kernel.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace cloister::os {

enum class CgroupController : std::uint8_t { kMemory, kPids, kCpu };
inline constexpr CgroupController kAllControllers[] = {
    CgroupController::kMemory, CgroupController::kPids, CgroupController::kCpu};

// Where a controller can be used from this process.
struct ControllerHome {
  CgroupController controller;
  bool version2 = false;
  std::string mount_point;
  std::string
      own_path;  // Of this process in the hierarchy, relative to the mount; "/" at its root.
};

// Reads /proc/self/mountinfo and /proc/self/cgroup. A controller that is nowhere is left out.
std::vector<ControllerHome> find_controllers();

// The same from given texts, for tests. `v2_controllers` is cgroup.controllers of the v2 mount.
std::vector<ControllerHome> find_controllers(const std::string& mountinfo,
                                             const std::string& self_cgroup,
                                             const std::string& v2_controllers);

struct CgroupLimits {
  std::uint64_t memory_bytes = 0;  // With tmpfs and without swap.
  std::uint32_t processes = 0;     // Threads count too.
  std::uint32_t cpu_percent = 0;   // Of one core; 0: no limit.
};

// One leaf in every hierarchy. Destruction does not remove it: see CgroupTree::remove_leaf.
struct CgroupLeaf {
  std::string name;
  std::vector<UniqueFd>
      procs;            // cgroup.procs of each hierarchy, writable: "0" moves the writer in.
  UniqueFd oom_events;  // memory.oom_control or memory.events, readable; may be empty.
};

struct CgroupUsage {
  std::uint64_t oom_kills = 0;
};

class CgroupTree {
 public:
  // Makes `<own cgroup>/cloister/<instance>` in each hierarchy, owned by `owner`, after removing
  // what instances that no longer run have left there. Moves this process into a leaf of it where
  // version 2 demands that. Needs privilege or delegation.
  static Result<CgroupTree> create(const std::vector<ControllerHome>& homes,
                                   const std::string& instance, uid_t owner);

  Result<CgroupLeaf> make_leaf(const std::string& name, const CgroupLimits& limits);
  // Changes the memory limit of a leaf, swap included. When it fails the leaf keeps a limit that is
  // at most the larger one. Nothing to do without the memory controller.
  Result<void> limit_memory(const std::string& name, std::uint64_t bytes);
  // 0 or an errno value; EBUSY while a process is still in it.
  int remove_leaf(const std::string& name);
  // Removes the instance's own directories, which must be without leaves and processes.
  void remove_instance();

  bool has(CgroupController controller) const;
  bool empty() const { return hierarchies_.empty(); }

 private:
  struct Hierarchy {
    bool version2 = false;
    std::vector<CgroupController> controllers;
    UniqueFd base;      // .../cloister
    UniqueFd instance;  // .../cloister/<instance>
  };

  static Result<void> limit_leaf(const Hierarchy& hierarchy, int leaf, const CgroupLimits& limits);

  std::string instance_;
  std::vector<Hierarchy> hierarchies_;
};

// oom_kill of memory.oom_control or memory.events; 0 when it cannot be read. Thread safe.
std::uint64_t read_oom_kills(int oom_events_fd);

}  // namespace cloister::os
