#include "os/user_namespace.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace cloister::os {
namespace {

int write_proc_file(int proc_fd, pid_t pid, const char* name, const char* text, std::size_t size) {
  char path[64];
  std::snprintf(path, sizeof path, "%d/%s", static_cast<int>(pid), name);
  const int fd = ::openat(proc_fd, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const ssize_t written = ::write(fd, text, size);
  const int error = written == static_cast<ssize_t>(size) ? 0 : (written < 0 ? errno : EIO);
  ::close(fd);
  return error;
}

int format_map(char* text, std::size_t capacity, std::span<const IdRange> ranges) {
  std::size_t size = 0;
  for (const IdRange& range : ranges) {
    const int length = std::snprintf(text + size, capacity - size, "%u %u %u\n", range.inside,
                                     range.outside, range.count);
    size += static_cast<std::size_t>(length);
  }
  return static_cast<int>(size);
}

}  // namespace

int write_id_maps(int proc_fd, pid_t pid, std::span<const IdRange> ranges, bool deny_setgroups) {
  if (ranges.size() > kMaxIdRanges) return EINVAL;
  char text[kMaxIdRanges * 40];
  const auto size = static_cast<std::size_t>(format_map(text, sizeof text, ranges));
  if (deny_setgroups) {
    if (const int error = write_proc_file(proc_fd, pid, "setgroups", "deny", 4); error != 0) {
      return error;
    }
  }
  if (const int error = write_proc_file(proc_fd, pid, "uid_map", text, size); error != 0) {
    return error;
  }
  return write_proc_file(proc_fd, pid, "gid_map", text, size);
}

int write_single_id_map(int proc_fd, pid_t pid, std::uint32_t user, std::uint32_t group) {
  char text[40];
  const IdRange user_range{0, user, 1};
  const IdRange group_range{0, group, 1};
  if (const int error = write_proc_file(proc_fd, pid, "setgroups", "deny", 4); error != 0) {
    return error;
  }
  auto size = static_cast<std::size_t>(format_map(text, sizeof text, std::span(&user_range, 1)));
  if (const int error = write_proc_file(proc_fd, pid, "uid_map", text, size); error != 0) {
    return error;
  }
  size = static_cast<std::size_t>(format_map(text, sizeof text, std::span(&group_range, 1)));
  return write_proc_file(proc_fd, pid, "gid_map", text, size);
}

}  // namespace cloister::os
