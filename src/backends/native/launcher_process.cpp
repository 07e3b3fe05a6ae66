#include "backends/native/launcher_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <string_view>

#include "os/syscalls.h"
#include "os/unix_message.h"
#include "sandbox/bootstrap.h"
#include "sandbox/environment.h"
#include "sandbox/protocol.h"

namespace cloister::backends::native {
namespace {

// Host ids of sandboxes when started as root: a range that systemd's allocation of uids
// (UIDS-GIDS.md) leaves free, above the container ranges.
constexpr std::uint32_t kIdBase = 0x70000000;
constexpr std::uint32_t kIdCount = 65536;

Result<std::uint32_t> accepted_bits(const std::vector<std::string>& names) {
  std::uint32_t bits = 0;
  for (const std::string& name : names) {
    if (name == "cgroup.memory" || name == "cgroups") bits |= sandbox::kAcceptNoMemoryCgroup;
    if (name == "cgroup.pids" || name == "cgroups") bits |= sandbox::kAcceptNoPidsCgroup;
    if (name == "cgroup.cpu" || name == "cgroups") bits |= sandbox::kAcceptNoCpuCgroup;
    if (name != "cgroups" && name.rfind("cgroup.", 0) != 0) {
      return fail(ErrorCode::kInvalidArgument,
                  "accept_weaker: '" + name +
                      "' is not a layer that a sandbox can do without; "
                      "possible are cgroup.memory, cgroup.pids, cgroup.cpu and cgroups");
    }
  }
  return bits;
}

[[noreturn]] void become_launcher(const char* program, int socket) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // Ignored signals would be ignored in every sandbox too.
  for (int signal = 1; signal < NSIG; ++signal)
    ::signal(signal, SIG_DFL);
  ::setsid();  // A terminal's interrupt is for the server, which then ends the launcher.
  const int copy = ::fcntl(socket, F_DUPFD, 16);
  if (::dup2(copy, sandbox::kServerSocket) < 0 || os::close_range(4, ~0U) != 0) ::_exit(126);
  const char* const arguments[] = {"cloister-launcher", nullptr};
  ::execve(program, const_cast<char* const*>(arguments),
           const_cast<char* const*>(sandbox::kSandboxEnvironment));
  ::_exit(127);
}

}  // namespace

Result<LauncherProcess> LauncherProcess::start(const LauncherOptions& options) {
  sandbox::LauncherConfig config;
  config.accepted = TRY(accepted_bits(options.accept_weaker));
  if (::geteuid() == 0) {
    config.id_base = kIdBase;
    config.id_count = kIdCount;
  }
  if (options.zygotes) {
    config.zygote_mask = 1U << static_cast<unsigned>(sandbox::Zygote::kBase) |
                         1U << static_cast<unsigned>(sandbox::Zygote::kData) |
                         1U << static_cast<unsigned>(sandbox::Zygote::kPlot);
  }
  const UniqueFd root(::open(options.image_root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) return fail_errno("open the image's root " + options.image_root);
  if (::access(options.program.c_str(), X_OK) != 0) {
    return fail_errno("find the launcher " + options.program);
  }
  auto pair = TRY(os::make_seqpacket_pair());
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("fork the launcher");
  if (pid == 0) become_launcher(options.program.c_str(), pair.second.get());
  LauncherProcess process(pid, std::move(pair.first));
  const int passed[] = {root.get()};
  const int error = os::send_message(process.socket(), &config, sizeof config, passed);
  if (error != 0) return fail_errno("send the launcher its configuration", error);
  return process;
}

LauncherProcess::LauncherProcess(LauncherProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), socket_(std::move(other.socket_)) {}

LauncherProcess::~LauncherProcess() {
  socket_.reset();
  if (pid_ <= 0) return;
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<std::string> default_launcher_path() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  if (length < 0) return fail_errno("readlink /proc/self/exe");
  const std::string_view own(path, static_cast<std::size_t>(length));
  return std::string(own.substr(0, own.rfind('/'))) + "/cloister-launcher";
}

}  // namespace cloister::backends::native
