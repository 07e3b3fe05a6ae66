#include "sandbox/sandbox_mounts.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace cloister::sandbox {
namespace {

// Host state that a sandboxed program has no use for. Entries that only the host's root may read
// are hidden as well: file modes are one layer, this is another.
constexpr const char* kMaskCandidates[] = {
    "acpi",          "asound",      "bus",          "cmdline",    "config.gz",
    "driver",        "fs",          "interrupts",   "iomem",      "irq",
    "kallsyms",      "kcore",       "keys",         "key-users",  "kmsg",
    "latency_stats", "modules",     "pagetypeinfo", "partitions", "pressure",
    "sched_debug",   "scsi",        "slabinfo",     "softirqs",   "sysrq-trigger",
    "timer_list",    "timer_stats", "vmallocinfo",  "zoneinfo",
};

bool copy_name(std::array<char, MountPlan::kNameLength>& to, const char* from) {
  const std::size_t length = std::strlen(from);
  if (length >= to.size()) return false;
  std::memcpy(to.data(), from, length + 1);
  return true;
}

int mount_tmpfs(const char* target, const char* options, unsigned long extra_flags) {
  const unsigned long flags = MS_NOSUID | MS_NODEV | extra_flags;
  return ::mount("tmpfs", target, "tmpfs", flags, options) == 0 ? 0 : errno;
}

int bind(const char* source, const char* target) {
  return ::mount(source, target, nullptr, MS_BIND, nullptr) == 0 ? 0 : errno;
}

ArmFailure mount_proc(const MountPlan& plan) {
  const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (::mount("proc", "/proc", "proc", flags, "hidepid=2") != 0) return {Step::kMountProc, errno};
  char path[MountPlan::kNameLength + 8];
  for (std::size_t i = 0; i < plan.masked_file_count; ++i) {
    std::snprintf(path, sizeof path, "/proc/%s", plan.masked_files[i].data());
    if (const int error = bind(kMaskFile, path); error != 0) return {Step::kMaskProc, error};
  }
  for (std::size_t i = 0; i < plan.masked_directory_count; ++i) {
    std::snprintf(path, sizeof path, "/proc/%s", plan.masked_directories[i].data());
    if (const int error = bind(kMaskDirectory, path); error != 0) return {Step::kMaskProc, error};
  }
  if (::mount(nullptr, "/proc", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, nullptr) != 0) {
    return {Step::kMaskProc, errno};
  }
  return {};
}

// Without it the first import of matplotlib in a session would scan every font.
int link_matplotlib_cache(const MountPlan& plan) {
  if (plan.cache_file_count == 0) return 0;
  if (::mkdir("/tmp/matplotlib", 0755) != 0) return errno;
  char target[256];
  char link[256];
  for (std::size_t i = 0; i < plan.cache_file_count; ++i) {
    std::snprintf(target, sizeof target, "%s/%s", kMatplotlibCache, plan.cache_files[i].data());
    std::snprintf(link, sizeof link, "/tmp/matplotlib/%s", plan.cache_files[i].data());
    if (::symlink(target, link) != 0) return errno;
  }
  return ::lchown("/tmp/matplotlib", kSandboxUid, kSandboxUid) == 0 ? 0 : errno;
}

}  // namespace

MountPlan plan_mounts() {
  MountPlan plan;
  char path[MountPlan::kNameLength + 8];
  for (const char* name : kMaskCandidates) {
    std::snprintf(path, sizeof path, "/proc/%s", name);
    struct stat status{};
    if (::lstat(path, &status) != 0) continue;
    if (S_ISDIR(status.st_mode) && plan.masked_directory_count < MountPlan::kMaxMasks) {
      copy_name(plan.masked_directories[plan.masked_directory_count++], name);
    } else if (S_ISREG(status.st_mode) && plan.masked_file_count < MountPlan::kMaxMasks) {
      copy_name(plan.masked_files[plan.masked_file_count++], name);
    }
  }
  if (DIR* directory = ::opendir(kMatplotlibCache); directory != nullptr) {
    while (const dirent* entry = ::readdir(directory)) {
      if (entry->d_name[0] == '.' || plan.cache_file_count == MountPlan::kMaxCacheFiles) continue;
      if (copy_name(plan.cache_files[plan.cache_file_count], entry->d_name)) {
        ++plan.cache_file_count;
      }
    }
    ::closedir(directory);
  }
  return plan;
}

ArmFailure mount_sandbox(const MountPlan& plan, const SandboxLimits& limits) {
  char options[128];
  std::snprintf(options, sizeof options, "size=%llu,nr_inodes=%llu,mode=0755,uid=%u,gid=%u",
                static_cast<unsigned long long>(limits.workspace_bytes),
                static_cast<unsigned long long>(limits.workspace_inodes), kSandboxUid, kSandboxUid);
  if (const int error = mount_tmpfs("/workspace", options, 0); error != 0) {
    return {Step::kMountWorkspace, error};
  }
  // A bind mount has the flags of its source.
  for (const char* name : kWorkspaceNames) {
    if (const int error = bind("/workspace", name); error != 0) {
      return {Step::kMountWorkspace, error};
    }
  }
  std::snprintf(options, sizeof options, "size=%llu,nr_inodes=16384,mode=0755,uid=%u,gid=%u",
                static_cast<unsigned long long>(limits.program_bytes), kSandboxUid, kSandboxUid);
  if (const int error = mount_tmpfs("/program", options, 0); error != 0) {
    return {Step::kMountProgram, error};
  }
  std::snprintf(options, sizeof options, "size=%llu,nr_inodes=16384,mode=1777",
                static_cast<unsigned long long>(limits.tmp_bytes));
  if (const int error = mount_tmpfs("/tmp", options, 0); error != 0) {
    return {Step::kMountTmp, error};
  }
  if (const int error = link_matplotlib_cache(plan); error != 0) return {Step::kMountTmp, error};
  std::snprintf(options, sizeof options, "size=%llu,nr_inodes=4096,mode=1777",
                static_cast<unsigned long long>(limits.shm_bytes));
  if (const int error = mount_tmpfs("/dev/shm", options, MS_NOEXEC); error != 0) {
    return {Step::kMountShm, error};
  }
  return mount_proc(plan);
}

}  // namespace cloister::sandbox
