#include "sandbox/bootstrap.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "embedded/guest_files.h"
#include "os/cgroup.h"
#include "os/descriptor_limit.h"
#include "os/syscalls.h"
#include "os/unix_message.h"
#include "os/user_namespace.h"
#include "sandbox/image_root.h"
#include "sandbox/launcher.h"

namespace cloister::sandbox {
namespace {

struct Start {
  LauncherConfig config;
  UniqueFd server;
  UniqueFd image_root;
};

void report_fatal(int server, const ArmFailure& failure, const std::string& text) {
  std::fprintf(stderr, "cloister-launcher: %s: %s\n",
               step_name(static_cast<std::uint32_t>(failure.step)), text.c_str());
  LauncherEvent event;
  event.kind = LauncherEventKind::kFatal;
  event.step = static_cast<std::uint32_t>(failure.step);
  event.error = failure.error;
  os::send_message(server, &event, sizeof event, {});
}

bool receive_start(Start& start) {
  start.server.reset(kServerSocket);
  os::ReceivedMessage message;
  const int error = os::receive_message(kServerSocket, &start.config, sizeof start.config, message);
  const bool valid = error == 0 && message.size == sizeof start.config &&
                     start.config.magic == kProtocolMagic && message.descriptor_count == 1;
  start.image_root = message.take(0);
  struct stat status{};
  return valid && ::fstat(start.image_root.get(), &status) == 0 && S_ISDIR(status.st_mode);
}

// "<pid>-<start time>": unique on this host until it reboots.
std::string instance_name() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i)
    fields >> field;
  return std::to_string(::getpid()) + "-" + field;
}

Result<os::CgroupTree> make_cgroups(const LauncherConfig& config) {
  std::vector<os::ControllerHome> homes;
  std::uint32_t missing = kAcceptNoMemoryCgroup | kAcceptNoPidsCgroup | kAcceptNoCpuCgroup;
  for (const os::ControllerHome& home : os::find_controllers()) {
    const std::uint32_t bit = 1U << static_cast<unsigned>(home.controller);
    missing &= ~bit;
    // Accepted as missing: not even tried, so that a host which has it read-only works.
    if ((config.accepted & bit) == 0) homes.push_back(home);
  }
  if ((missing & ~config.accepted) != 0) {
    return fail(ErrorCode::kUnavailable, "a cgroup controller is missing on this host");
  }
  const uid_t owner = config.id_base != 0 ? config.id_base : ::geteuid();
  return os::CgroupTree::create(homes, instance_name(), owner);
}

int map_launcher(const LauncherConfig& config, pid_t pid) {
  const UniqueFd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (config.id_base == 0) {
    return os::write_single_id_map(proc.get(), pid, ::geteuid(), ::getegid());
  }
  const os::IdRange range{0, config.id_base, config.id_count};
  return os::write_id_maps(proc.get(), pid, std::span(&range, 1), false);
}

[[noreturn]] void run_inside(Start& start, os::CgroupTree cgroups, int parent) {
  char go = 0;
  if (::read(parent, &go, 1) != 1) ::_exit(1);
  ::close(parent);
  if (start.config.id_base != 0 &&
      (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, 0, 0, 0) != 0 ||
       ::syscall(SYS_setresuid, 0, 0, 0) != 0)) {
    report_fatal(start.server.get(), {Step::kIdentity, errno}, "setresuid");
    ::_exit(1);
  }
  // After the change of user, which clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // The change also gave /proc/<pid> of this process and its clones to the host's root, but the
  // launcher writes its clones' identity maps there. Inits make themselves undumpable again.
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  std::vector<GuestFile> guest_files;
  for (const auto& file : embedded::guest_files::files())
    guest_files.push_back({file.path, file.bytes});
  const ArmFailure failure = enter_image_root(guest_files);
  if (failure.step != Step::kNone) {
    report_fatal(start.server.get(), failure, "errno " + std::to_string(failure.error));
    ::_exit(1);
  }
  Launcher launcher(std::move(start.server), start.config, std::move(cgroups));
  ::_exit(launcher.run());
}

// From here on this process can do nothing that the launcher could not.
bool give_up_privileges(const LauncherConfig& config) {
  if (config.id_base == 0) return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  return ::setgroups(0, nullptr) == 0 &&
         ::setresgid(config.id_base, config.id_base, config.id_base) == 0 &&
         ::setresuid(config.id_base, config.id_base, config.id_base) == 0 &&
         ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

}  // namespace

int run_launcher() {
  os::raise_descriptor_limit();
  Start start;
  if (!receive_start(start)) {
    std::fprintf(stderr, "cloister-launcher is started by cloister, not by hand\n");
    return 2;
  }
  auto cgroups = make_cgroups(start.config);
  if (!cgroups) {
    report_fatal(start.server.get(), {Step::kCgroupCreate, cgroups.error().system_errno},
                 cgroups.error().describe());
    return 1;
  }
  // A descriptor keeps pointing into this mount namespace; the working directory moves with the
  // clone.
  if (::fchdir(start.image_root.get()) != 0) {
    report_fatal(start.server.get(), {Step::kImageRoot, errno}, "fchdir");
    return 1;
  }
  start.image_root.reset();
  auto pair = os::make_seqpacket_pair();
  if (!pair) return 1;
  clone_args arguments{};
  arguments.flags =
      CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;
  arguments.exit_signal = SIGCHLD;
  // The kernel charges what sandboxes use of its per-user counters to whoever makes the namespace,
  // so that must not be the host's root.
  const bool has_range = start.config.id_base != 0;
  if (has_range && ::seteuid(start.config.id_base) != 0) return 1;
  const pid_t pid = os::clone3(arguments);
  if (pid == 0) run_inside(start, std::move(*cgroups), pair->second.release());
  const int clone_error = errno;
  if (has_range && ::seteuid(0) != 0) return 1;
  if (pid < 0) {
    report_fatal(start.server.get(), {Step::kNamespaces, clone_error},
                 "user namespaces are refused to this user");
    return 1;
  }
  if (const int error = map_launcher(start.config, pid); error != 0) {
    report_fatal(start.server.get(), {Step::kIdMap, error}, "errno " + std::to_string(error));
    return 1;
  }
  if (!give_up_privileges(start.config) || ::write(pair->first.get(), "g", 1) != 1) return 1;
  start.server.reset();
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  cgroups->remove_instance();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace cloister::sandbox
