#include "sandbox/command_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "os/syscalls.h"
#include "sandbox/arm.h"
#include "sandbox/command_parser.h"
#include "sandbox/process_tree.h"
#include "sandbox/status.h"

namespace cloister::sandbox {
namespace {

// Maps the memory file and looks at it.
bool read_command(int fd, std::uint64_t size, Command& command) {
  struct stat status{};
  // Beyond its end a mapped file cannot be read.
  if (::fstat(fd, &status) != 0 || static_cast<std::uint64_t>(status.st_size) < size) return false;
  if (size == 0 || size > kMaxCommandBytes) return false;
  void* map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (map == MAP_FAILED) return false;
  return parse_command(static_cast<const char*>(map), size, command);
}

void restore_signals() {
  for (int signal = 1; signal < NSIG; ++signal)
    ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become_program(const CommandFds& fds, Command& command, int landlock_abi) {
  restore_signals();
  ::setsid();
  // The status pipe stays open, close-on-exec, to report a failure to execute.
  ArmFailure failure =
      take_streams(fds.in, fds.out, fds.error_stream, {fds.channel, true}, fds.status);
  const int status = failure.step == Step::kNone ? kKeptFd : fds.status;
  if (failure.step == Step::kNone) failure = arm_process(command.limits, landlock_abi);
  // As the sandbox's user, who gets no further than this one may.
  if (failure.step == Step::kNone && ::chdir(command.directory) != 0) {
    failure = {Step::kWorkingDirectory, errno};
  }
  if (failure.step == Step::kNone) {
    const char* const* environment = command.envp;
    ::execvpe(command.argv[0], const_cast<char* const*>(command.argv),
              const_cast<char* const*>(environment));
    failure = {Step::kExec, errno};
  }
  write_failure(status, failure);
  ::_exit(127);
}

// Reaps whatever has ended; true once the program itself has, with its status.
bool reap(pid_t program, int& status, rusage& usage) {
  bool ended = false;
  for (;;) {
    int one = 0;
    rusage used{};
    const pid_t pid = ::wait4(-1, &one, WNOHANG | __WALL, &used);
    if (pid <= 0) return ended;
    if (pid != program) continue;
    ended = true;
    status = one;
    usage = used;
  }
}

[[noreturn]] void supervise(const CommandFds& fds, Command& command, int landlock_abi) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  sigset_t watched;
  ::sigemptyset(&watched);
  ::sigaddset(&watched, SIGCHLD);
  ::sigaddset(&watched, SIGTERM);
  ::sigprocmask(SIG_SETMASK, &watched, nullptr);
  const pid_t program = ::fork();
  if (program == 0) become_program(fds, command, landlock_abi);
  if (program < 0) {
    write_failure(fds.status, {Step::kFork, errno});
    ::_exit(1);
  }
  // Nothing of the program's is kept here, so its pipes end when the program's processes end.
  ::dup2(fds.status, 3);
  const int signals = ::signalfd(-1, &watched, SFD_CLOEXEC);
  ::dup2(signals, 4);
  os::close_range(5, ~0U);
  ::close(0);
  ::close(1);
  ::close(2);
  int status = 0;
  rusage usage{};
  for (;;) {
    signalfd_siginfo info{};
    if (::read(4, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) continue;
    if (info.ssi_signo == SIGTERM) {
      kill_descendants();
      write_exit(3, SIGKILL, usage);
      ::_exit(0);
    }
    if (reap(program, status, usage)) {
      write_exit(3, status, usage);
      ::_exit(0);
    }
  }
}

}  // namespace

pid_t start_command(const CommandFds& fds, std::uint64_t command_bytes, int landlock_abi) {
  const pid_t supervisor = ::fork();
  if (supervisor != 0) return supervisor > 0 ? supervisor : -errno;
  static Command command;
  if (!read_command(fds.command, command_bytes, command)) {
    write_failure(fds.status, {Step::kReceive, EINVAL});
    ::_exit(1);
  }
  supervise(fds, command, landlock_abi);
}

}  // namespace cloister::sandbox
