#include "sandbox/stager.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "os/syscalls.h"
#include "sandbox/limits.h"
#include "sandbox/protocol.h"

namespace cloister::sandbox {
namespace {

constexpr open_how beneath(std::uint64_t flags, std::uint64_t mode) {
  return open_how{flags | O_CLOEXEC, mode,
                  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
}

int make_parent(int workspace, const char* path) {
  if (::mkdirat(workspace, path, 0755) != 0) return errno == EEXIST ? 0 : errno;
  if (::fchownat(workspace, path, kSandboxUid, kSandboxUid, AT_SYMLINK_NOFOLLOW) != 0) return errno;
  return 0;
}

int make_parents(int workspace, const char* path) {
  char prefix[kMaxPath];
  for (std::size_t i = 0; path[i] != '\0'; ++i) {
    prefix[i] = path[i];
    if (path[i + 1] != '/') continue;
    prefix[i + 1] = '\0';
    if (const int error = make_parent(workspace, prefix); error != 0) return error;
  }
  return 0;
}

int copy_all(int source, int target) {
  off_t offset = 0;
  for (;;) {
    const ssize_t copied = ::sendfile(target, source, &offset, std::size_t{1} << 30);
    if (copied == 0) return 0;
    if (copied < 0 && errno != EINTR) return errno;
  }
}

}  // namespace

int stage_file(int workspace, const char* path, int source) {
  if (std::strlen(path) >= kMaxPath) return ENAMETOOLONG;
  if (const int error = make_parents(workspace, path); error != 0) return error;
  const open_how how = beneath(O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
  const int target = os::openat2(workspace, path, how);
  if (target < 0) return errno;
  int error = copy_all(source, target);
  const timespec epoch[2] = {{0, 0}, {0, 0}};
  if (error == 0 && (::fchown(target, kSandboxUid, kSandboxUid) != 0 ||
                     ::fchmod(target, 0644) != 0 || ::futimens(target, epoch) != 0)) {
    error = errno;
  }
  ::close(target);
  return error;
}

}  // namespace cloister::sandbox
