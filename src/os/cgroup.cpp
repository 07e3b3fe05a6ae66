#include "os/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

namespace cloister::os {
namespace {

constexpr const char* kBaseName = "cloister";
constexpr const char* kManagerName = "manager";

std::string controller_name(CgroupController controller) {
  switch (controller) {
    case CgroupController::kMemory:
      return "memory";
    case CgroupController::kPids:
      return "pids";
    case CgroupController::kCpu:
      return "cpu";
  }
  return {};
}

bool has_word(const std::string& text, char separator, const std::string& word) {
  std::istringstream words(text);
  for (std::string part; std::getline(words, part, separator);) {
    if (part == word) return true;
  }
  return false;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct CgroupMount {
  bool version2;
  std::string root;
  std::string point;
  std::string super_options;
};

// proc_pid_mountinfo(5): id parent dev root point options [optional...] - type source
// super-options.
std::vector<CgroupMount> parse_mounts(const std::string& mountinfo) {
  std::vector<CgroupMount> mounts;
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, root, point, word, type, source, super_options;
    fields >> id >> parent >> device >> root >> point;
    while (fields >> word && word != "-") {
    }
    fields >> type >> source >> super_options;
    if (type == "cgroup2") mounts.push_back({true, root, point, super_options});
    if (type == "cgroup") mounts.push_back({false, root, point, super_options});
  }
  return mounts;
}

// The path of this process in the hierarchy with this controller list; empty when not found.
std::string own_path(const std::string& self_cgroup, bool version2, const std::string& controller) {
  std::istringstream lines(self_cgroup);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string list = line.substr(first + 1, second - first - 1);
    const bool fits = version2 ? line.rfind("0::", 0) == 0 : has_word(list, ',', controller);
    if (fits) return line.substr(second + 1);
  }
  return {};
}

// /proc/self/cgroup counts from the root of the cgroup namespace, a mount may begin deeper.
std::string below_mount_root(const std::string& path, const std::string& mount_root) {
  if (mount_root == "/" || path.rfind(mount_root, 0) != 0) return path;
  const std::string rest = path.substr(mount_root.size());
  return rest.empty() ? "/" : rest;
}

int write_at(int directory, const char* name, const std::string& text) {
  if (directory < 0) return EBADF;
  const int fd = ::openat(directory, name, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const ssize_t written = ::write(fd, text.data(), text.size());
  const int error = written < 0 ? errno : 0;
  ::close(fd);
  return error;
}

std::string read_at(int directory, const char* name) {
  const UniqueFd fd(::openat(directory, name, O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t count = fd.is_open() ? ::read(fd.get(), buffer, sizeof buffer) : 0;
    if (count <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

// "<pid>-<start time>": whether that process still runs.
bool instance_is_alive(const std::string& name) {
  const std::size_t dash = name.find('-');
  if (dash == std::string::npos) return false;
  const std::string stat = read_file("/proc/" + name.substr(0, dash) + "/stat");
  const std::size_t after_name = stat.rfind(')');
  if (after_name == std::string::npos) return false;
  std::istringstream fields(stat.substr(after_name + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i)
    fields >> field;  // starttime is field 22.
  return field == name.substr(dash + 1);
}

// Kills with version 2 what still runs in it: only for instances whose server is dead.
void remove_tree(int parent, const char* name, bool kill) {
  if (parent < 0) return;
  const int directory = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  std::vector<std::string> children;
  if (DIR* stream = ::fdopendir(directory); stream != nullptr) {
    while (const dirent* entry = ::readdir(stream)) {
      if (entry->d_type == DT_DIR && entry->d_name[0] != '.') children.emplace_back(entry->d_name);
    }
    for (const std::string& child : children)
      remove_tree(::dirfd(stream), child.c_str(), kill);
    if (kill) write_at(::dirfd(stream), "cgroup.kill", "1");
    ::closedir(stream);
  }
  ::unlinkat(parent, name, AT_REMOVEDIR);
}

void remove_dead_instances(int base) {
  if (base < 0) return;
  const int copy = ::openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return;
  std::vector<std::string> dead;
  if (DIR* stream = ::fdopendir(copy); stream != nullptr) {
    while (const dirent* entry = ::readdir(stream)) {
      if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
      if (!instance_is_alive(entry->d_name)) dead.emplace_back(entry->d_name);
    }
    ::closedir(stream);
  }
  for (const std::string& name : dead)
    remove_tree(base, name.c_str(), true);
}

// Where processes go that stand in the way of passing controllers on.
constexpr const char* kHostName = "cloister-host";

// A server that is started by one which an earlier start has moved finds itself in that leaf; its
// place is the cgroup above.
std::string without_host_leaf(const std::string& path) {
  const std::string suffix = std::string("/") + kHostName;
  if (!path.ends_with(suffix)) return path;
  return path.size() == suffix.size() ? "/" : path.substr(0, path.size() - suffix.size());
}

// Version 2 lets a cgroup either hold processes or pass controllers on, except at the very root.
Result<void> pass_controllers_on(int directory, const std::vector<CgroupController>& controllers,
                                 bool may_move_processes) {
  std::string wanted;
  for (const CgroupController controller : controllers) {
    wanted += (wanted.empty() ? "+" : " +") + controller_name(controller);
  }
  int error = write_at(directory, "cgroup.subtree_control", wanted);
  if (error == EBUSY && may_move_processes) {
    const std::string processes = read_at(directory, "cgroup.procs");
    ::mkdirat(directory, kHostName, 0755);
    const UniqueFd leaf(::openat(directory, kHostName, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::istringstream lines(processes);
    for (std::string pid; std::getline(lines, pid);)
      write_at(leaf.get(), "cgroup.procs", pid);
    error = write_at(directory, "cgroup.subtree_control", wanted);
  }
  if (error != 0)
    return fail_errno("pass the controllers " + wanted + " on to cgroups below", error);
  return {};
}

Result<UniqueFd> make_directory(int parent, const std::string& name, uid_t owner, bool version2) {
  if (::mkdirat(parent, name.c_str(), 0755) != 0 && errno != EEXIST) {
    return fail_errno("make cgroup " + name);
  }
  UniqueFd directory(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return fail_errno("open cgroup " + name);
  if (owner == ::geteuid()) return directory;
  if (::fchown(directory.get(), owner, owner) != 0) return fail_errno("chown cgroup " + name);
  for (const char* file : {"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"}) {
    if (!version2 && std::strcmp(file, "cgroup.procs") != 0) continue;
    if (::fchownat(directory.get(), file, owner, owner, 0) != 0) {
      return fail_errno("chown cgroup file " + std::string(file));
    }
  }
  return directory;
}

constexpr const char* kMemory = "memory.limit_in_bytes";               // Version 1.
constexpr const char* kMemoryAndSwap = "memory.memsw.limit_in_bytes";  // Version 1.

bool has_memory(const std::vector<CgroupController>& controllers) {
  return std::find(controllers.begin(), controllers.end(), CgroupController::kMemory) !=
         controllers.end();
}

Result<void> set_limit(int leaf, const char* file, const std::string& value) {
  const int error = write_at(leaf, file, value);
  if (error != 0) return fail_errno("write cgroup " + std::string(file), error);
  return {};
}

}  // namespace

std::vector<ControllerHome> find_controllers(const std::string& mountinfo,
                                             const std::string& self_cgroup,
                                             const std::string& v2_controllers) {
  std::vector<ControllerHome> homes;
  const std::vector<CgroupMount> mounts = parse_mounts(mountinfo);
  for (const CgroupController controller : kAllControllers) {
    const std::string name = controller_name(controller);
    for (const CgroupMount& mount : mounts) {
      const bool here = mount.version2 ? has_word(v2_controllers, ' ', name)
                                       : has_word(mount.super_options, ',', name);
      if (!here) continue;
      const std::string path = own_path(self_cgroup, mount.version2, name);
      if (path.empty()) continue;
      homes.push_back(
          {controller, mount.version2, mount.point, below_mount_root(path, mount.root)});
      break;
    }
  }
  return homes;
}

std::vector<ControllerHome> find_controllers() {
  const std::string mountinfo = read_file("/proc/self/mountinfo");
  std::string v2_controllers;
  const std::string self_cgroup = read_file("/proc/self/cgroup");
  for (const CgroupMount& mount : parse_mounts(mountinfo)) {
    if (!mount.version2) continue;
    const std::string path = below_mount_root(own_path(self_cgroup, true, ""), mount.root);
    v2_controllers = read_file(mount.point + without_host_leaf(path) + "/cgroup.controllers");
    if (!v2_controllers.empty() && v2_controllers.back() == '\n') v2_controllers.pop_back();
  }
  return find_controllers(mountinfo, self_cgroup, v2_controllers);
}

Result<CgroupTree> CgroupTree::create(const std::vector<ControllerHome>& homes,
                                      const std::string& instance, uid_t owner) {
  CgroupTree tree;
  tree.instance_ = instance;
  std::vector<std::string> paths;
  for (const ControllerHome& home : homes) {
    const std::string own = home.version2 ? without_host_leaf(home.own_path) : home.own_path;
    const std::string path = home.mount_point + (own == "/" ? "" : own);
    const auto known = std::find(paths.begin(), paths.end(), path);
    if (known != paths.end()) {
      tree.hierarchies_[static_cast<std::size_t>(known - paths.begin())].controllers.push_back(
          home.controller);
      continue;
    }
    paths.push_back(path);
    Hierarchy hierarchy;
    hierarchy.version2 = home.version2;
    hierarchy.controllers.push_back(home.controller);
    tree.hierarchies_.push_back(std::move(hierarchy));
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    Hierarchy& hierarchy = tree.hierarchies_[i];
    const UniqueFd own(::open(paths[i].c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own.is_open()) return fail_errno("open cgroup " + paths[i]);
    if (hierarchy.version2) {
      TRY_VOID(pass_controllers_on(own.get(), hierarchy.controllers, true));
    }
    hierarchy.base = TRY(make_directory(own.get(), kBaseName, owner, hierarchy.version2));
    remove_dead_instances(hierarchy.base.get());
    if (hierarchy.version2) {
      TRY_VOID(pass_controllers_on(hierarchy.base.get(), hierarchy.controllers, false));
    }
    hierarchy.instance =
        TRY(make_directory(hierarchy.base.get(), instance, owner, hierarchy.version2));
    if (hierarchy.version2) {
      TRY_VOID(pass_controllers_on(hierarchy.instance.get(), hierarchy.controllers, false));
      const UniqueFd manager =
          TRY(make_directory(hierarchy.instance.get(), kManagerName, owner, true));
      if (const int error = write_at(manager.get(), "cgroup.procs", "0"); error != 0) {
        return fail_errno("enter the manager cgroup", error);
      }
    }
  }
  return tree;
}

Result<void> CgroupTree::limit_leaf(const Hierarchy& hierarchy, int leaf,
                                    const CgroupLimits& limits) {
  for (const CgroupController controller : hierarchy.controllers) {
    if (controller == CgroupController::kMemory) {
      const std::string bytes = std::to_string(limits.memory_bytes);
      TRY_VOID(set_limit(leaf, hierarchy.version2 ? "memory.max" : kMemory, bytes));
      // Kernels without swap accounting lack these files: then there is nothing to limit.
      const char* swap = hierarchy.version2 ? "memory.swap.max" : kMemoryAndSwap;
      const int error = write_at(leaf, swap, hierarchy.version2 ? "0" : bytes);
      if (error != 0 && error != ENOENT) return fail_errno("limit swap", error);
      if (error == ENOENT && !hierarchy.version2)
        TRY_VOID(set_limit(leaf, "memory.swappiness", "0"));
    } else if (controller == CgroupController::kPids) {
      TRY_VOID(set_limit(leaf, "pids.max", std::to_string(limits.processes)));
    } else if (limits.cpu_percent != 0) {
      constexpr std::uint64_t kPeriodUs = 100000;
      const std::string quota = std::to_string(kPeriodUs * limits.cpu_percent / 100);
      if (hierarchy.version2) {
        TRY_VOID(set_limit(leaf, "cpu.max", quota + " " + std::to_string(kPeriodUs)));
      } else {
        TRY_VOID(set_limit(leaf, "cpu.cfs_quota_us", quota));
      }
    }
  }
  return {};
}

Result<CgroupLeaf> CgroupTree::make_leaf(const std::string& name, const CgroupLimits& limits) {
  CgroupLeaf leaf;
  leaf.name = name;
  for (const Hierarchy& hierarchy : hierarchies_) {
    if (::mkdirat(hierarchy.instance.get(), name.c_str(), 0755) != 0) {
      return fail_errno("make cgroup " + name);
    }
    const UniqueFd directory(
        ::openat(hierarchy.instance.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.is_open()) return fail_errno("open cgroup " + name);
    TRY_VOID(limit_leaf(hierarchy, directory.get(), limits));
    UniqueFd procs(::openat(directory.get(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
    if (!procs.is_open()) return fail_errno("open cgroup.procs of " + name);
    leaf.procs.push_back(std::move(procs));
    if (!has_memory(hierarchy.controllers)) continue;
    const char* events = hierarchy.version2 ? "memory.events" : "memory.oom_control";
    leaf.oom_events.reset(::openat(directory.get(), events, O_RDONLY | O_CLOEXEC));
  }
  return leaf;
}

Result<void> CgroupTree::limit_memory(const std::string& name, std::uint64_t bytes) {
  for (const Hierarchy& hierarchy : hierarchies_) {
    if (!has_memory(hierarchy.controllers)) continue;
    const UniqueFd leaf(
        ::openat(hierarchy.instance.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!leaf.is_open()) return fail_errno("open cgroup " + name);
    const std::string value = std::to_string(bytes);
    if (hierarchy.version2) return set_limit(leaf.get(), "memory.max", value);
    // Version 1 refuses a limit with swap that is below the one without: the larger one goes first.
    const bool counts_swap = ::faccessat(leaf.get(), kMemoryAndSwap, F_OK, 0) == 0;
    if (!counts_swap) return set_limit(leaf.get(), kMemory, value);
    if (!set_limit(leaf.get(), kMemory, value)) {
      TRY_VOID(set_limit(leaf.get(), kMemoryAndSwap, value));
      return set_limit(leaf.get(), kMemory, value);
    }
    return set_limit(leaf.get(), kMemoryAndSwap, value);
  }
  return {};
}

int CgroupTree::remove_leaf(const std::string& name) {
  int first_error = 0;
  for (const Hierarchy& hierarchy : hierarchies_) {
    if (::unlinkat(hierarchy.instance.get(), name.c_str(), AT_REMOVEDIR) == 0) continue;
    if (errno != ENOENT && first_error == 0) first_error = errno;
  }
  return first_error;
}

void CgroupTree::remove_instance() {
  for (const Hierarchy& hierarchy : hierarchies_) {
    remove_tree(hierarchy.base.get(), instance_.c_str(), false);
  }
}

bool CgroupTree::has(CgroupController controller) const {
  return std::any_of(hierarchies_.begin(), hierarchies_.end(), [&](const Hierarchy& hierarchy) {
    return std::find(hierarchy.controllers.begin(), hierarchy.controllers.end(), controller) !=
           hierarchy.controllers.end();
  });
}

std::uint64_t read_oom_kills(int oom_events_fd) {
  char buffer[512];
  const ssize_t count = ::pread(oom_events_fd, buffer, sizeof buffer - 1, 0);
  if (count <= 0) return 0;
  buffer[count] = '\0';
  const char* found = std::strstr(buffer, "oom_kill ");
  if (found == nullptr) return 0;
  const char* digits = found + std::strlen("oom_kill ");
  std::uint64_t value = 0;
  std::from_chars(digits, buffer + count, value);
  return value;
}

}  // namespace cloister::os
