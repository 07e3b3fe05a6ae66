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

// Makes `name` in `directory` when it is not there, and opens it; a descriptor or -errno.
int enter_parent(int directory, const char* name) {
  const bool made = ::mkdirat(directory, name, 0755) == 0;
  if (!made && errno != EEXIST) return -errno;
  const int parent = os::openat2(directory, name, beneath(O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0));
  if (parent < 0) return -errno;
  if (made && ::fchown(parent, kSandboxUid, kSandboxUid) != 0) {
    const int error = errno;
    ::close(parent);
    return -error;
  }
  return parent;
}

// Goes down to the directory of `path`, one part at a time, so that no part can be a link. Leaves
// in `path` the name of the file itself. A descriptor or -errno.
int enter_parents(int workspace, const char*& path) {
  int directory = ::fcntl(workspace, F_DUPFD_CLOEXEC, 0);
  if (directory < 0) return -errno;
  while (const char* end = std::strchr(path, '/')) {
    char name[kMaxPath];
    const auto length = static_cast<std::size_t>(end - path);
    std::memcpy(name, path, length);
    name[length] = '\0';
    const int parent = enter_parent(directory, name);
    ::close(directory);
    if (parent < 0) return parent;
    directory = parent;
    path = end + 1;
  }
  return directory;
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

int stage_file(int workspace, const char* path, int source, bool is_executable) {
  if (std::strlen(path) >= kMaxPath) return ENAMETOOLONG;
  const int directory = enter_parents(workspace, path);
  if (directory < 0) return -directory;
  // Non-blocking: a pipe in the file's place is an error and not a wait for its reader.
  const open_how how = beneath(O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0644);
  const int target = os::openat2(directory, path, how);
  int error = target < 0 ? errno : 0;
  ::close(directory);
  if (target < 0) return error;
  error = copy_all(source, target);
  const timespec epoch[2] = {{0, 0}, {0, 0}};
  if (error == 0 &&
      (::fchown(target, kSandboxUid, kSandboxUid) != 0 ||
       ::fchmod(target, is_executable ? 0755 : 0644) != 0 || ::futimens(target, epoch) != 0)) {
    error = errno;
  }
  ::close(target);
  return error;
}

}  // namespace cloister::sandbox
