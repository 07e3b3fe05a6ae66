// A child in fresh namespaces, for the tests of what has to be done inside of them.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <signal.h>

#include <cerrno>
#include <functional>
#include <string>

#include "os/forked_test.h"
#include "os/syscalls.h"
#include "os/unix_message.h"
#include "os/user_namespace.h"

namespace cloister::os {

// Why this process can make no user namespaces; empty when it can.
inline std::string why_no_user_namespaces() {
  const int error = run_in_child(
      [] { return ::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) == 0 ? 0 : errno; });
  return error == 0 ? "" : "user namespaces are refused here (errno " + std::to_string(error) + ")";
}

// Clones a child with CLONE_NEWUSER and `flags`, lets `map` write its identity maps (given a
// descriptor of /proc and its pid; 0 or an errno value), then runs `body` in it. The exit status of
// the child, 1000 + n when signal n ended it, -1 without a child, -1000 - errno without maps.
inline int run_in_namespaces(std::uint64_t flags, const std::function<int(int, pid_t)>& map,
                             const std::function<int()>& body) {
  auto pair = make_seqpacket_pair();
  const UniqueFd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!pair || !proc.is_open()) return -1;
  clone_args arguments{};
  arguments.flags = CLONE_NEWUSER | flags;
  arguments.exit_signal = SIGCHLD;
  const pid_t pid = clone3(arguments);
  if (pid < 0) return -1;
  if (pid == 0) {
    char go = 0;
    pair->first.reset();
    if (::read(pair->second.get(), &go, 1) != 1) ::_exit(255);
    ::_exit(body());
  }
  pair->second.reset();
  const int error = map(proc.get(), pid);
  if (error == 0) static_cast<void>(!::write(pair->first.get(), "g", 1));
  pair->first.reset();
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (error != 0) return -1000 - error;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// As the caller's own user, as root inside.
inline int map_as_root(int proc, pid_t pid) {
  return write_single_id_map(proc, pid, ::geteuid(), ::getegid());
}

}  // namespace cloister::os
