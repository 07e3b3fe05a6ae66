#include "sandbox/layers.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>

#include "os/cgroup.h"
#include "os/landlock.h"
#include "os/syscalls.h"
#include "sandbox/arm.h"

namespace cloister::sandbox {
namespace {

// Runs `probe` in a child; 0 or the errno value that it returns.
int in_child(const std::function<int()>& probe) {
  const pid_t pid = ::fork();
  if (pid < 0) return errno;
  if (pid == 0) ::_exit(probe() & 0xff);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
}

LayerReport judge(std::string name, int error, std::string detail, std::string remedy) {
  if (error == 0) return {std::move(name), LayerState::kAvailable, std::move(detail), {}};
  return {std::move(name), LayerState::kMissing, std::strerror(error), std::move(remedy)};
}

// As root this is allowed anyway, so the probe asks as an ordinary user would.
int probe_namespaces(int flags) {
  return in_child([flags] { return ::unshare(CLONE_NEWUSER | flags) == 0 ? 0 : errno; });
}

LayerReport namespace_layer(const char* name, int flag) {
  const bool refused_by_setting =
      std::ifstream("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").peek() == '1';
  const std::string remedy =
      refused_by_setting
          ? "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or start as root"
          : "sysctl user.max_user_namespaces=65536 (and kernel.unprivileged_userns_clone=1 where "
            "that exists); in a container allow unshare and mount in its seccomp profile";
  return judge(std::string("namespace.") + name, probe_namespaces(flag), "unshare works", remedy);
}

LayerReport cgroup_layer(os::CgroupController controller, const char* name,
                         const std::vector<os::ControllerHome>& homes) {
  LayerReport report{std::string("cgroup.") + name, LayerState::kMissing, "no such controller",
                     "enable the controller on this host, or accept the weaker sandbox with "
                     "accept_weaker=cgroup." +
                         std::string(name)};
  for (const os::ControllerHome& home : homes) {
    if (home.controller != controller) continue;
    const std::string path = home.mount_point + (home.own_path == "/" ? "" : home.own_path);
    if (::access(path.c_str(), W_OK) != 0) {
      report.detail = path + " is not writable for this user";
      report.remedy =
          "start as root, or under systemd with Delegate=yes, or accept the weaker "
          "sandbox with accept_weaker=cgroup." +
          std::string(name);
      return report;
    }
    return {report.name,
            LayerState::kAvailable,
            std::string(home.version2 ? "version 2 at " : "version 1 at ") + path,
            {}};
  }
  return report;
}

int probe_seccomp() {
  return ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 ? errno : 0;
}

int probe_tree_clone() {
  return in_child([] {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return errno;
    const int tree = os::open_tree(AT_FDCWD, "/", 1U | 0x8000U);
    if (tree < 0) return errno;
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;
    return os::mount_setattr(tree, "", 0x1000U | 0x8000U, attributes) == 0 ? 0 : errno;
  });
}

int probe_openat2() {
  const open_how how{O_RDONLY | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS};
  const int fd = os::openat2(AT_FDCWD, "/", how);
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}

}  // namespace

std::string_view to_string(LayerState state) {
  switch (state) {
    case LayerState::kArmed:
      return "armed";
    case LayerState::kAvailable:
      return "available";
    case LayerState::kMissing:
      return "missing";
    case LayerState::kAccepted:
      return "accepted";
  }
  return "missing";
}

std::vector<LayerReport> probe_layers() {
  std::vector<LayerReport> layers;
  layers.push_back(namespace_layer("user", 0));
  layers.push_back(namespace_layer("mount", CLONE_NEWNS));
  layers.push_back(namespace_layer("pid", CLONE_NEWPID));
  layers.push_back(namespace_layer("network", CLONE_NEWNET));
  layers.push_back(namespace_layer("ipc", CLONE_NEWIPC));
  layers.push_back(namespace_layer("uts", CLONE_NEWUTS));
  layers.push_back(namespace_layer("cgroup", CLONE_NEWCGROUP));
  const auto homes = os::find_controllers();
  layers.push_back(cgroup_layer(os::CgroupController::kMemory, "memory", homes));
  layers.push_back(cgroup_layer(os::CgroupController::kPids, "pids", homes));
  layers.push_back(cgroup_layer(os::CgroupController::kCpu, "cpu", homes));
  layers.push_back(judge("image.read_only", probe_tree_clone(), "mount_setattr works",
                         "needs Linux 5.12 or later"));
  layers.push_back(judge("files.no_links", probe_openat2(), "openat2 works",
                         "needs Linux 5.6 or later, and openat2 allowed in a container's profile"));
  layers.push_back(judge("seccomp", probe_seccomp(), "filters are supported",
                         "needs a kernel with CONFIG_SECCOMP_FILTER"));
  layers.push_back({"capabilities", LayerState::kAvailable, "all dropped, bounding set too", {}});
  layers.push_back({"no_new_privs", LayerState::kAvailable, "set before user code", {}});
  layers.push_back({"rlimits", LayerState::kAvailable, "set before user code", {}});
  // Optional by design: it doubles what mounts and the user limit do. It is used where it exists.
  const int abi = os::landlock_abi();
  layers.push_back({"landlock", abi > 0 ? LayerState::kAvailable : LayerState::kAccepted,
                    abi > 0 ? "ABI " + std::to_string(abi) : "not in this kernel",
                    abi > 0 ? "" : "boot with lsm=landlock,... on Linux 5.13 or later"});
  return layers;
}

}  // namespace cloister::sandbox
