#include "sandbox/process_tree.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace cloister::sandbox {
namespace {

constexpr std::size_t kMaxProcesses = 4096;
constexpr int kMaxStopPasses = 64;

struct PidList {
  pid_t pids[kMaxProcesses];
  std::size_t count = 0;

  bool add(pid_t pid) {
    for (std::size_t i = 0; i < count; ++i) {
      if (pids[i] == pid) return false;
    }
    if (count == kMaxProcesses) return false;
    pids[count++] = pid;
    return true;
  }
};

// Adds the children that `thread` of `pid` has made; true if any was new.
bool add_children_of_thread(pid_t pid, pid_t thread, PidList& list) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/task/%d/children", static_cast<int>(pid),
                static_cast<int>(thread));
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool any_new = false;
  char buffer[4096];
  pid_t number = 0;
  bool in_number = false;
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count <= 0) break;
    for (ssize_t i = 0; i < count; ++i) {
      if (buffer[i] >= '0' && buffer[i] <= '9') {
        number = static_cast<pid_t>(number * 10 + (buffer[i] - '0'));
        in_number = true;
      } else if (in_number) {
        any_new = list.add(number) || any_new;
        number = 0;
        in_number = false;
      }
    }
  }
  if (in_number) any_new = list.add(number) || any_new;
  ::close(fd);
  return any_new;
}

// As the kernel fills it (getdents64(2)).
struct TaskEntry {
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[1];
};

bool add_children(pid_t pid, PidList& list) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/task", static_cast<int>(pid));
  const int directory = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return false;
  bool any_new = false;
  alignas(8) char buffer[4096];
  for (;;) {
    const long count = ::syscall(SYS_getdents64, directory, buffer, sizeof buffer);
    if (count <= 0) break;
    for (long at = 0; at < count;) {
      const auto* entry = reinterpret_cast<const TaskEntry*>(buffer + at);
      at += entry->length;
      const pid_t thread = static_cast<pid_t>(std::atoi(entry->name));
      if (thread > 0) any_new = add_children_of_thread(pid, thread, list) || any_new;
    }
  }
  ::close(directory);
  return any_new;
}

// Stops what is found until a pass finds nobody new: then nobody is left who could fork.
void stop_descendants(PidList& list) {
  for (int pass = 0; pass < kMaxStopPasses; ++pass) {
    bool any_new = add_children(::getpid(), list);
    for (std::size_t i = 0; i < list.count; ++i) {
      ::kill(list.pids[i], SIGSTOP);
      any_new = add_children(list.pids[i], list) || any_new;
    }
    if (!any_new) return;
  }
}

}  // namespace

void kill_descendants() {
  static PidList list;  // Too large for a small stack; this process is single-threaded.
  for (;;) {
    list.count = 0;
    stop_descendants(list);
    for (std::size_t i = 0; i < list.count; ++i)
      ::kill(list.pids[i], SIGKILL);
    if (::waitpid(-1, nullptr, __WALL) < 0 && errno == ECHILD) return;
  }
}

}  // namespace cloister::sandbox
