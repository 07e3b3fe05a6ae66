#include "os/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

// The rights and scopes that are newer than the kernel headers of Debian 12 (ABI 2), by ABI
// version. Source: Documentation/userspace-api/landlock.rst of the Linux kernel.
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE  // ABI 3
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV  // ABI 5
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET  // ABI 6
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

namespace cloister::os {
namespace {

// landlock_ruleset_attr as of ABI 6; older kernels accept the prefix that they know.
struct RulesetAttributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;  // ABI 4
  std::uint64_t scoped = 0;              // ABI 6
};

constexpr std::uint64_t kRead =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

std::uint64_t handled_rights(int abi) {
  std::uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // All of ABI 1.
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
  if (abi >= 5) rights |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
  return rights;
}

int allow(int ruleset, const char* path, std::uint64_t rights) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = ::open(path, O_PATH | O_CLOEXEC);
  if (rule.parent_fd < 0) return errno;
  const long result =
      ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  const int error_number = result == 0 ? 0 : errno;
  ::close(rule.parent_fd);
  return error_number;
}

int add_rules(int ruleset, std::uint64_t handled, std::span<const char* const> directories,
              std::span<const char* const> files) {
  if (const int error = allow(ruleset, "/", kRead); error != 0) return error;
  for (const char* path : directories) {
    if (const int error = allow(ruleset, path, handled); error != 0) return error;
  }
  const std::uint64_t file_rights =
      handled & (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                 LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV);
  for (const char* path : files) {
    if (const int error = allow(ruleset, path, file_rights); error != 0) return error;
  }
  return 0;
}

}  // namespace

int landlock_abi() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

int restrict_with_landlock(int abi, std::span<const char* const> writable_directories,
                           std::span<const char* const> writable_files) {
  if (abi <= 0) return ENOSYS;
  RulesetAttributes attributes;
  attributes.handled_access_fs = handled_rights(abi);
  std::size_t size = sizeof attributes.handled_access_fs;
  if (abi >= 6) {
    attributes.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
    size = sizeof attributes;
  }
  const int ruleset =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
  if (ruleset < 0) return errno;
  int error =
      add_rules(ruleset, attributes.handled_access_fs, writable_directories, writable_files);
  if (error == 0 && ::syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) error = errno;
  ::close(ruleset);
  return error;
}

}  // namespace cloister::os
