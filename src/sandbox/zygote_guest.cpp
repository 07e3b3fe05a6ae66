// The native half of a zygote: a library that zygote.py loads with ctypes.
//
// Built without the C++ runtime and against old symbols only, so that it loads into the Python of
// any glibc image. The zygote stays in serve(); the launcher's requests make it fork. A child joins
// the sandbox's cgroup and namespaces and arms every layer here, before any Python code runs in it.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "os/syscalls.h"
#include "os/unix_message.h"
#include "sandbox/arm.h"
#include "sandbox/protocol.h"
#include "sandbox/status.h"

namespace cloister::sandbox {
namespace {

using Hook = void (*)();

struct Hooks {
  Hook before_fork = nullptr;
  Hook after_fork_parent = nullptr;
  Hook after_fork_child = nullptr;
};

struct Child {
  pid_t pid = 0;
  int status_fd = -1;
};

Hooks hooks;
int own_pid_namespace = -1;
Child children[kMaxSlots];
std::size_t child_count = 0;

// Positions of a fork request's descriptors behind the namespaces.
enum Position : std::size_t {
  kProgram = kNamespaceCount,
  kStatus,
  kIn,
  kOut,
  kError,
  kFirstCgroup
};

ArmFailure join_sandbox(const os::ReceivedMessage& message) {
  for (std::size_t i = kFirstCgroup; i < message.descriptor_count; ++i) {
    if (::write(message.descriptors[i], "0", 1) != 1) return {Step::kCgroupEnter, errno};
  }
  for (std::size_t i = 0; i < kNamespaceCount; ++i) {
    // This process is in the PID namespace already: that one is joined by being forked.
    if (i == kPidNamespace) continue;
    if (::setns(message.descriptors[i], 0) != 0) return {Step::kJoinNamespaces, errno};
  }
  if (::unshare(CLONE_NEWCGROUP) != 0) return {Step::kUnshareCgroup, errno};
  return {};
}

void unblock_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// In the child. Does not return when a layer cannot be armed.
void enter_sandbox(const ZygoteRequest& request, const os::ReceivedMessage& message) {
  ArmFailure failure = join_sandbox(message);
  int status = message.descriptors[kStatus];
  if (failure.step == Step::kNone) {
    const auto& fds = message.descriptors;
    failure = take_streams(fds[kIn], fds[kOut], fds[kError], {fds[kProgram], false}, fds[kStatus]);
    if (failure.step == Step::kNone) status = kKeptFd;
  }
  if (failure.step == Step::kNone) {
    failure = arm_process(request.limits, static_cast<int>(request.landlock_abi));
  }
  if (failure.step != Step::kNone) {
    write_failure(status, failure);
    ::_exit(126);
  }
  unblock_signals();
  write_armed(kKeptFd);
  ::close(kKeptFd);
  // The change of user made the process unreadable to itself (/proc/self). It holds no secret and,
  // by now, no descriptor but the program's. Programs that are executed get this from the kernel.
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

void reap_children() {
  for (;;) {
    int status = 0;
    rusage usage{};
    const pid_t pid = ::wait4(-1, &status, WNOHANG | __WALL, &usage);
    if (pid <= 0) return;
    for (std::size_t i = 0; i < child_count; ++i) {
      if (children[i].pid != pid) continue;
      write_exit(children[i].status_fd, status, usage);
      ::close(children[i].status_fd);
      children[i] = children[--child_count];
      break;
    }
  }
}

// True in the child.
bool fork_into_sandbox(const ZygoteRequest& request, os::ReceivedMessage& message) {
  const int status = message.descriptors[kStatus];
  if (child_count == kMaxSlots || ::setns(message.descriptors[kPidNamespace], CLONE_NEWPID) != 0) {
    write_failure(status, {Step::kJoinNamespaces, child_count == kMaxSlots ? EAGAIN : errno});
    return false;
  }
  hooks.before_fork();
  const pid_t pid = ::fork();
  if (pid == 0) {
    enter_sandbox(request, message);
    hooks.after_fork_child();
    return true;
  }
  const int error = errno;
  hooks.after_fork_parent();
  // Back at once: the next zygote must not be born in a sandbox, and a dead namespace not be kept.
  if (::setns(own_pid_namespace, CLONE_NEWPID) != 0) ::_exit(1);
  if (pid < 0) {
    write_failure(status, {Step::kFork, error});
    return false;
  }
  children[child_count++] = {pid, ::fcntl(status, F_DUPFD_CLOEXEC, 0)};
  return false;
}

// True in the child, which is a zygote itself with the passed socket in place of `socket`.
bool fork_zygote(int socket, const os::ReceivedMessage& message) {
  hooks.before_fork();
  const pid_t pid = ::fork();
  if (pid != 0) {
    hooks.after_fork_parent();
    return false;
  }
  ::dup2(message.descriptors[0], socket);
  os::close_range(static_cast<unsigned>(socket) + 1, ~0U);
  child_count = 0;
  unblock_signals();
  hooks.after_fork_child();
  return true;
}

bool lower_cpu_limit(std::uint32_t seconds) {
  rlimit limit{};
  if (seconds == 0) return true;
  if (::getrlimit(RLIMIT_CPU, &limit) != 0) return false;
  if (limit.rlim_max <= seconds) return true;
  limit = {seconds, seconds};
  return ::setrlimit(RLIMIT_CPU, &limit) == 0;
}

}  // namespace
}  // namespace cloister::sandbox

using namespace cloister;           // NOLINT(google-build-using-namespace): the C interface below.
using namespace cloister::sandbox;  // NOLINT(google-build-using-namespace)

#define CLOISTER_GUEST_API __attribute__((visibility("default")))

extern "C" {

// PyOS_BeforeFork, PyOS_AfterFork_Parent and PyOS_AfterFork_Child of the running interpreter.
CLOISTER_GUEST_API void cloister_guest_hooks(Hook before_fork, Hook after_fork_parent,
                                             Hook after_fork_child) {
  hooks = {before_fork, after_fork_parent, after_fork_child};
}

// Serves the launcher. Returns in children only: 0 in a sandbox, with the program socket on
// descriptor 3; the number of the zygote to become; in the zygote itself -1 when the launcher is
// gone.
CLOISTER_GUEST_API int cloister_guest_serve(int socket) {
  sigset_t child_signal;
  ::sigemptyset(&child_signal);
  ::sigaddset(&child_signal, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child_signal, nullptr);
  const int signals = ::signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK);
  own_pid_namespace = ::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
  if (signals < 0 || own_pid_namespace < 0 || os::send_message(socket, "r", 1, {}) != 0) return -1;
  pollfd watched[2] = {{socket, POLLIN, 0}, {signals, POLLIN, 0}};
  for (;;) {
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) return -1;
    if (watched[1].revents != 0) {
      signalfd_siginfo info;
      while (::read(signals, &info, sizeof info) > 0) {
      }
      reap_children();
    }
    if (watched[0].revents == 0) continue;
    ZygoteRequest request;
    os::ReceivedMessage message;
    const int error = os::receive_message(socket, &request, sizeof request, message);
    if (error != 0 || message.size != sizeof request || request.magic != kProtocolMagic) return -1;
    if (request.kind == ZygoteRequestKind::kFork && message.descriptor_count >= kForkFdsFixed) {
      if (fork_into_sandbox(request, message)) return 0;
    } else if (request.kind == ZygoteRequestKind::kSprout && message.descriptor_count == 1) {
      if (fork_zygote(socket, message)) return static_cast<int>(request.zygote);
    }
    message.close_all();
  }
}

// Waits for the program of this sandbox, and lowers the limit of processor time to what it may use.
// Gives the descriptor of its memory file, and in `fields` flags, bytes of text, of parameters and
// of tools, number of arguments and of variables; -1 when the server is gone. The socket stays open
// only as the channel of a program with tools.
CLOISTER_GUEST_API int cloister_guest_receive(int socket, std::uint64_t* fields) {
  ProgramRequest request;
  os::ReceivedMessage message;
  const int error = os::receive_message(socket, &request, sizeof request, message);
  const bool valid =
      error == 0 && message.size == sizeof request && request.magic == kProtocolMagic &&
      message.descriptor_count == 1 && request.parameter_bytes <= kMaxCommandBytes &&
      request.tools_bytes <= kMaxToolsBytes && request.argument_count <= kMaxCommandStrings &&
      request.environment_count <= kMaxCommandStrings;
  const bool has_channel =
      valid && (request.flags & static_cast<std::uint32_t>(ProgramFlag::kHasTools)) != 0;
  if (!has_channel) ::close(socket);
  if (!valid || !lower_cpu_limit(request.cpu_seconds)) return -1;
  fields[0] = request.flags;
  fields[1] = request.size;
  fields[2] = request.parameter_bytes;
  fields[3] = request.tools_bytes;
  fields[4] = request.argument_count;
  fields[5] = request.environment_count;
  return message.descriptors[0];
}

// Writes out what C code of the process has buffered.
CLOISTER_GUEST_API void cloister_guest_flush() {
  ::fflush(nullptr);
}

}  // extern "C"
