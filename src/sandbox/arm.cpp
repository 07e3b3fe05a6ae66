#include "sandbox/arm.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>

#include "os/capabilities.h"
#include "os/landlock.h"
#include "os/seccomp.h"
#include "os/syscalls.h"
#include "sandbox_seccomp_profile.h"

namespace cloister::sandbox {
namespace {

// The other names of the workspace lead to the same inodes, which is what Landlock looks at.
constexpr const char* kWritableDirectories[] = {"/workspace", "/program", "/tmp", "/dev/shm"};
constexpr const char* kWritableFiles[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                                          "/dev/urandom"};

int set_limit(int resource, rlim_t value) {
  const rlimit limit{value, value};
  return ::setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0 ? 0 : errno;
}

int set_resource_limits(const SandboxLimits& limits) {
  // A core size of 1, not 0: only then the kernel does not start a core handler of the host either.
  const struct {
    int resource;
    rlim_t value;
  } wanted[] = {
      {RLIMIT_CPU, limits.cpu_seconds},
      {RLIMIT_NOFILE, limits.open_files},
      {RLIMIT_NPROC, limits.processes},
      {RLIMIT_CORE, 1},
      {RLIMIT_MEMLOCK, 1U << 16},
      {RLIMIT_MSGQUEUE, 0},
      {RLIMIT_SIGPENDING, 256},
      {RLIMIT_NICE, 0},
      {RLIMIT_RTPRIO, 0},
  };
  for (const auto& limit : wanted) {
    if (const int error = set_limit(limit.resource, limit.value); error != 0) return error;
  }
  return 0;
}

// By system call: the C library's wrappers would signal other threads, of which there are none.
int become_sandbox_user() {
  if (::syscall(SYS_setgroups, 0, nullptr) != 0 && errno != EPERM) return errno;
  if (::syscall(SYS_setresgid, kSandboxUid, kSandboxUid, kSandboxUid) != 0) return errno;
  if (::syscall(SYS_setresuid, kSandboxUid, kSandboxUid, kSandboxUid) != 0) return errno;
  return 0;
}

}  // namespace

ArmFailure arm_process(const SandboxLimits& limits, int landlock_abi) {
  if (::chdir("/workspace") != 0) return {Step::kWorkingDirectory, errno};
  ::umask(022);
  if (const int error = set_resource_limits(limits); error != 0) {
    return {Step::kResourceLimits, error};
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return {Step::kNoNewPrivileges, errno};
  if (landlock_abi > 0) {
    const int error =
        os::restrict_with_landlock(landlock_abi, kWritableDirectories, kWritableFiles);
    if (error != 0) return {Step::kLandlock, error};
  }
  if (const int error = os::limit_bounding_set(0); error != 0) {
    return {Step::kCapabilities, error};
  }
  if (const int error = become_sandbox_user(); error != 0) return {Step::kIdentity, error};
  if (const int error = os::set_capabilities(0); error != 0) {
    return {Step::kCapabilities, error};
  }
  if (const int error = os::load_seccomp_filter(kSeccompProfile, std::size(kSeccompProfile));
      error != 0) {
    return {Step::kSeccomp, error};
  }
  return {};
}

ArmFailure take_streams(int in, int out, int error_stream, Channel channel, int kept) {
  if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(error_stream, 2) < 0) {
    return {Step::kStandardStreams, errno};
  }
  const int flags = channel.is_inherited ? 0 : O_CLOEXEC;
  if (channel.fd >= 0 && ::dup3(channel.fd, kChannelFd, flags) < 0) {
    return {Step::kStandardStreams, errno};
  }
  if (::dup3(kept, kKeptFd, O_CLOEXEC) < 0) return {Step::kStandardStreams, errno};
  if (channel.fd < 0 && os::close_range(kChannelFd, kChannelFd) != 0) {
    return {Step::kCloseDescriptors, errno};
  }
  if (os::close_range(kKeptFd + 1, ~0U) != 0) return {Step::kCloseDescriptors, errno};
  return {};
}

}  // namespace cloister::sandbox
