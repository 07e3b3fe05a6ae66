#include "sandbox/init.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>

#include "os/capabilities.h"
#include "os/loopback.h"
#include "os/syscalls.h"
#include "os/unix_message.h"
#include "sandbox/collector.h"
#include "sandbox/command_runner.h"
#include "sandbox/protocol.h"
#include "sandbox/stager.h"
#include "sandbox/status.h"

namespace cloister::sandbox {
namespace {

constexpr int kControl = 3;
constexpr int kSignals = 4;
constexpr int kFirstArea = 5;  // One descriptor for each Area, in its order.

// Read every file (DAC), write for the sandbox's user (CHOWN, FOWNER), kill and find its processes
// (KILL, SYS_PTRACE for /proc), and start commands as that user (SETUID, SETGID, SETPCAP).
constexpr os::CapabilitySet kKept =
    os::capability(CAP_DAC_OVERRIDE) | os::capability(CAP_DAC_READ_SEARCH) |
    os::capability(CAP_CHOWN) | os::capability(CAP_FOWNER) | os::capability(CAP_KILL) |
    os::capability(CAP_SYS_PTRACE) | os::capability(CAP_SETUID) | os::capability(CAP_SETGID) |
    os::capability(CAP_SETPCAP);

struct RunningCommand {
  std::uint64_t exec_id = 0;
  pid_t supervisor = 0;
};
constexpr std::size_t kMaxCommands = 64;

ArmFailure prepare(const InitOptions& options) {
  if (options.root_is_mapped) {
    if (::syscall(SYS_setresgid, 0, 0, 0) != 0 || ::syscall(SYS_setresuid, 0, 0, 0) != 0) {
      return {Step::kIdentity, errno};
    }
  }
  if (::unshare(CLONE_NEWCGROUP) != 0) return {Step::kUnshareCgroup, errno};
  if (const ArmFailure failure = mount_sandbox(*options.mounts, options.limits);
      failure.step != Step::kNone) {
    return failure;
  }
  if (const int error = os::bring_loopback_up(); error != 0) return {Step::kLoopback, error};
  constexpr char kHostname[] = "sandbox";
  if (::sethostname(kHostname, sizeof kHostname - 1) != 0) return {Step::kHostname, errno};
  if (const int error = os::limit_capabilities(kKept); error != 0) {
    return {Step::kInitCapabilities, error};
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return {Step::kNoNewPrivileges, errno};
  return {};
}

class Init {
 public:
  explicit Init(const InitOptions& options) : options_(options) {}

  [[noreturn]] void serve() {
    pollfd watched[2] = {{kControl, POLLIN, 0}, {kSignals, POLLIN, 0}};
    for (;;) {
      if (::poll(watched, 2, -1) < 0 && errno != EINTR) ::_exit(1);
      if (watched[1].revents != 0) reap();
      if (watched[0].revents != 0) receive();
    }
  }

 private:
  void receive() {
    os::ReceivedMessage message;
    const int error = os::receive_message(kControl, &buffer_, sizeof buffer_, message);
    if (error != 0 || message.size == 0) ::_exit(0);  // The server has let go of the sandbox.
    if (message.size >= sizeof buffer_.request && buffer_.request.magic == kProtocolMagic) {
      handle(message);
    }
    message.close_all();
  }

  void handle(os::ReceivedMessage& message) {
    switch (buffer_.request.kind) {
      case InitRequestKind::kStage:
        return stage(message);
      case InitRequestKind::kExec:
        return execute(message);
      case InitRequestKind::kKillExec:
        return kill_command(buffer_.request.exec_id);
      case InitRequestKind::kKillAll:
        return kill_all();
      case InitRequestKind::kCollect:
        return collect();
    }
  }

  void reply(InitReplyKind kind, int error) {
    InitReply answer;
    answer.kind = kind;
    answer.error = error;
    if (os::send_message(kControl, &answer, sizeof answer, {}) != 0) ::_exit(1);
  }

  void stage(os::ReceivedMessage& message) {
    const std::size_t path_bytes = message.size - sizeof buffer_.request;
    const bool terminated = path_bytes > 1 && path_bytes <= sizeof buffer_.path &&
                            std::memchr(buffer_.path, 0, path_bytes) != nullptr;
    const int directory = directory_of(buffer_.request.area);
    if (!terminated || message.descriptor_count != 1 || directory < 0) {
      return reply(InitReplyKind::kStaged, EINVAL);
    }
    const bool is_executable =
        (buffer_.request.flags & static_cast<std::uint32_t>(FileFlag::kExecutable)) != 0;
    reply(InitReplyKind::kStaged,
          stage_file(directory, buffer_.path, message.descriptors[0], is_executable));
  }

  void collect() {
    const Area area = buffer_.request.area;
    const int directory = directory_of(area);
    if (directory < 0) return reply(InitReplyKind::kEndOfFiles, EINVAL);
    if (collect_files(directory, area, kControl) != 0) ::_exit(1);
  }

  static int directory_of(Area area) {
    const auto number = static_cast<std::uint32_t>(area);
    return number < kAreaCount ? kFirstArea + static_cast<int>(number) : -1;
  }

  void execute(os::ReceivedMessage& message) {
    const bool has_channel = message.descriptor_count == kExecFdsChannel;
    if (message.descriptor_count != kExecFdsPlain && !has_channel) return;
    const CommandFds fds{message.descriptors[0], message.descriptors[1],
                         message.descriptors[2], message.descriptors[3],
                         message.descriptors[4], has_channel ? message.descriptors[5] : -1};
    RunningCommand* free_entry = find(0);
    if (free_entry == nullptr) {
      return write_failure(fds.status, {Step::kFork, EAGAIN});
    }
    const pid_t supervisor = start_command(fds, buffer_.request.size, options_.landlock_abi);
    if (supervisor < 0) return write_failure(fds.status, {Step::kFork, -supervisor});
    *free_entry = {buffer_.request.exec_id, supervisor};
  }

  void kill_command(std::uint64_t exec_id) {
    RunningCommand* command = exec_id == 0 ? nullptr : find(exec_id);
    if (command != nullptr) ::kill(command->supervisor, SIGTERM);
  }

  // One sweep is enough: the kernel lets no fork finish in a process that SIGKILL is pending for.
  void kill_all() {
    while (::kill(-1, SIGKILL) == 0) {
      if (::waitpid(-1, nullptr, __WALL) < 0 && errno == ECHILD) {
        // What is left is a zygote's child, which the zygote reaps; nobody of it runs user code
        // now.
        break;
      }
    }
    while (::waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR) {
    }
    for (RunningCommand& command : commands_)
      command = {};
    reply(InitReplyKind::kQuiet, 0);
  }

  void reap() {
    signalfd_siginfo info{};
    static_cast<void>(!::read(kSignals, &info, sizeof info));
    for (;;) {
      const pid_t pid = ::waitpid(-1, nullptr, WNOHANG | __WALL);
      if (pid <= 0) return;
      for (RunningCommand& command : commands_) {
        if (command.supervisor == pid) command = {};
      }
    }
  }

  RunningCommand* find(std::uint64_t exec_id) {
    for (RunningCommand& command : commands_) {
      if (command.exec_id == exec_id) return &command;
    }
    return nullptr;
  }

  struct Buffer {
    InitRequest request;
    char path[kMaxPath];
  };

  const InitOptions& options_;
  Buffer buffer_{};
  RunningCommand commands_[kMaxCommands] = {};
};

// Opened before this process makes itself undumpable, which also closes its /proc entries to
// itself.
int open_namespaces(int (&descriptors)[kNamespaceCount]) {
  char path[32];
  for (std::size_t i = 0; i < kNamespaceCount; ++i) {
    std::snprintf(path, sizeof path, "/proc/self/ns/%s", kNamespaceFiles[i]);
    descriptors[i] = ::open(path, O_RDONLY | O_CLOEXEC);
    if (descriptors[i] < 0) return errno;
  }
  return 0;
}

void report(int launcher, const ArmFailure& failure, std::span<const int> namespaces) {
  LauncherEvent event;
  event.kind =
      failure.step == Step::kNone ? LauncherEventKind::kCreated : LauncherEventKind::kFailed;
  event.step = static_cast<std::uint32_t>(failure.step);
  event.error = failure.error;
  os::send_message(launcher, &event, sizeof event, namespaces);
}

ArmFailure arrange_descriptors(const InitOptions& options) {
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &child, nullptr);
  const int signals = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  const int workspace = ::open("/workspace", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int program = ::open("/program", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (signals < 0 || workspace < 0 || program < 0) return {Step::kCloseDescriptors, errno};
  // First above the wanted numbers, so that no move overwrites another's source.
  const int control_copy = ::fcntl(options.control, F_DUPFD_CLOEXEC, 16);
  const int signals_copy = ::fcntl(signals, F_DUPFD_CLOEXEC, 16);
  const int workspace_copy = ::fcntl(workspace, F_DUPFD_CLOEXEC, 16);
  const int program_copy = ::fcntl(program, F_DUPFD_CLOEXEC, 16);
  if (::dup3(control_copy, kControl, O_CLOEXEC) < 0 ||
      ::dup3(signals_copy, kSignals, O_CLOEXEC) < 0 ||
      ::dup3(workspace_copy, kFirstArea, O_CLOEXEC) < 0 ||
      ::dup3(program_copy, kFirstArea + 1, O_CLOEXEC) < 0 ||
      os::close_range(kFirstArea + static_cast<unsigned>(kAreaCount), ~0U) != 0) {
    return {Step::kCloseDescriptors, errno};
  }
  return {};
}

}  // namespace

void run_init(const InitOptions& options) {
  char go = 0;
  if (::read(options.launcher, &go, 1) != 1) ::_exit(1);
  ArmFailure failure = prepare(options);
  int namespaces[kNamespaceCount] = {};
  if (failure.step == Step::kNone) {
    if (const int error = open_namespaces(namespaces); error != 0) {
      failure = {Step::kNamespaces, error};
    }
  }
  // Nobody in the sandbox may look into this process.
  if (failure.step == Step::kNone && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    failure = {Step::kInitCapabilities, errno};
  }
  const bool ready = failure.step == Step::kNone;
  report(options.launcher, failure,
         ready ? std::span<const int>(namespaces) : std::span<const int>());
  if (!ready) ::_exit(1);
  failure = arrange_descriptors(options);
  if (failure.step != Step::kNone) ::_exit(1);
  Init(options).serve();
}

}  // namespace cloister::sandbox
