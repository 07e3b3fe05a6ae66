#include "sandbox/image_root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <string>

#include "base/unique_fd.h"
#include "os/syscalls.h"

namespace cloister::sandbox {
namespace {

// The classic mount(2) header and linux/mount.h each define half of these.
constexpr unsigned kCloneTree = 1;                // OPEN_TREE_CLONE
constexpr unsigned kRecursive = 0x8000;           // AT_RECURSIVE
constexpr unsigned kEmptyPath = 0x1000;           // AT_EMPTY_PATH
constexpr unsigned kMoveEmptyPaths = 0x4 | 0x40;  // MOVE_MOUNT_F_EMPTY_PATH | T_EMPTY_PATH

ArmFailure attach_image() {
  const int image_root = ::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (image_root < 0) return {Step::kImageRoot, errno};
  const int tree = os::open_tree(image_root, "", kCloneTree | kRecursive | kEmptyPath | O_CLOEXEC);
  if (tree < 0) return {Step::kImageRoot, errno};
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (os::mount_setattr(tree, "", kEmptyPath | kRecursive, attributes) != 0) {
    return {Step::kImageRoot, errno};
  }
  if (os::move_mount(tree, "", image_root, "", kMoveEmptyPaths) != 0) {
    return {Step::kImageRoot, errno};
  }
  if (::fchdir(tree) != 0) return {Step::kImageRoot, errno};
  ::close(tree);
  ::close(image_root);
  return {};
}

// Relative paths: the working directory is the image, "/" still the host.
ArmFailure make_dev() {
  if (::mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "size=64k,mode=0755") != 0) {
    return {Step::kImageDev, errno};
  }
  for (const char* name : {"null", "zero", "full", "random", "urandom"}) {
    char source[32] = "/dev/";
    char target[32] = "dev/";
    for (std::size_t i = 0; i < 16; ++i) {
      source[5 + i] = target[4 + i] = name[i];
      if (name[i] == '\0') break;
    }
    const int fd = ::open(target, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (fd < 0) return {Step::kImageDev, errno};
    ::close(fd);
    const unsigned long tight = MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NOEXEC;
    if (::mount(source, target, nullptr, MS_BIND, nullptr) != 0 ||
        ::mount(nullptr, target, nullptr, tight, nullptr) != 0) {
      return {Step::kImageDev, errno};
    }
  }
  // What hides entries of /proc: an empty file and an empty directory (sandbox_mounts.h).
  if (::mkdir("dev/.mask", 0755) != 0 || ::mkdir("dev/.mask/directory", 0555) != 0) {
    return {Step::kImageDev, errno};
  }
  const int mask = ::open("dev/.mask/file", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444);
  if (mask < 0) return {Step::kImageDev, errno};
  ::close(mask);
  if (::mkdir("dev/shm", 01777) != 0 || ::symlink("/proc/self/fd", "dev/fd") != 0 ||
      ::symlink("/proc/self/fd/0", "dev/stdin") != 0 ||
      ::symlink("/proc/self/fd/1", "dev/stdout") != 0 ||
      ::symlink("/proc/self/fd/2", "dev/stderr") != 0) {
    return {Step::kImageDev, errno};
  }
  if (::mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=16m") != 0) {
    return {Step::kImageDev, errno};
  }
  const unsigned long remount = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC;
  if (::mount(nullptr, "dev", nullptr, remount, nullptr) != 0) return {Step::kImageDev, errno};
  return {};
}

// Images that were built for an older version lack some of them.
ArmFailure check_mount_points() {
  for (const char* name : {"workspace", "mnt/data", "sandbox", "program", "cloister"}) {
    struct stat status{};
    if (::lstat(name, &status) != 0) return {Step::kImageMountPoints, errno};
    if (!S_ISDIR(status.st_mode)) return {Step::kImageMountPoints, ENOTDIR};
  }
  return {};
}

// Makes the directories of `path` below `top`; a descriptor of the last one, or -errno. What the
// process would take away with its umask is given back: other users read here.
int make_parents(int top, const char*& path) {
  int directory = ::fcntl(top, F_DUPFD_CLOEXEC, 0);
  while (const char* end = directory < 0 ? nullptr : std::strchr(path, '/')) {
    const std::string name(path, end);
    const bool made = ::mkdirat(directory, name.c_str(), 0755) == 0;
    int next = -1;
    if (made || errno == EEXIST) {
      next = ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    if (next >= 0 && made && ::fchmod(next, 0755) != 0) {
      ::close(next);
      next = -1;
    }
    const int error = errno;
    ::close(directory);
    if (next < 0) return -error;
    directory = next;
    path = end + 1;
  }
  return directory < 0 ? -errno : directory;
}

int write_guest_file(int top, const GuestFile& file) {
  const char* name = file.path;
  const UniqueFd directory(make_parents(top, name));
  if (directory.get() < 0) return -directory.get();
  const UniqueFd target(
      ::openat(directory.get(), name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444));
  if (!target.is_open() || ::fchmod(target.get(), 0444) != 0) return errno;
  std::string_view left = file.bytes;
  while (!left.empty()) {
    const ssize_t written = ::write(target.get(), left.data(), left.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) left.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

// As make_dev: relative, while "/" is still the host's.
ArmFailure make_guest_tree(std::span<const GuestFile> files) {
  constexpr std::size_t kPage = 4096;
  std::size_t bytes = 0;
  for (const GuestFile& file : files)
    bytes += (file.bytes.size() / kPage + 1) * kPage;
  const std::string options = "mode=0755,size=" + std::to_string(bytes + 64 * kPage);
  const unsigned long flags = MS_NOSUID | MS_NODEV;
  if (::mount("tmpfs", "cloister", "tmpfs", flags, options.c_str()) != 0) {
    return {Step::kImageGuestFiles, errno};
  }
  const UniqueFd top(::open("cloister", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!top.is_open()) return {Step::kImageGuestFiles, errno};
  for (const GuestFile& file : files) {
    if (const int error = write_guest_file(top.get(), file); error != 0) {
      return {Step::kImageGuestFiles, error};
    }
  }
  if (::mount(nullptr, "cloister", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, nullptr) !=
      0) {
    return {Step::kImageGuestFiles, errno};
  }
  return {};
}

}  // namespace

ArmFailure enter_image_root(std::span<const GuestFile> guest_files) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return {Step::kImageRoot, errno};
  }
  if (const ArmFailure failure = attach_image(); failure.step != Step::kNone) {
    return failure;
  }
  if (const ArmFailure failure = check_mount_points(); failure.step != Step::kNone) {
    return failure;
  }
  if (const ArmFailure failure = make_dev(); failure.step != Step::kNone) return failure;
  if (const ArmFailure failure = make_guest_tree(guest_files); failure.step != Step::kNone) {
    return failure;
  }
  const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (::mount("proc", "proc", "proc", flags, nullptr) != 0) return {Step::kImageProc, errno};
  if (::mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=64m,mode=1777") != 0) {
    return {Step::kImageRoot, errno};
  }
  // The new root on top of the old one, then the old one away from under it.
  if (os::pivot_root(".", ".") != 0) return {Step::kPivotRoot, errno};
  if (::umount2(".", MNT_DETACH) != 0) return {Step::kPivotRoot, errno};
  if (::chdir("/") != 0) return {Step::kPivotRoot, errno};
  return {};
}

}  // namespace cloister::sandbox
