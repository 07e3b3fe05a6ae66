#include "sandbox/zygote_process.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "embedded/python_guest.h"
#include "os/capabilities.h"
#include "os/memfd.h"
#include "os/syscalls.h"
#include "os/unix_message.h"
#include "sandbox/environment.h"

namespace cloister::sandbox {
namespace {

constexpr int kSocket = 3;
constexpr int kProgram = 4;
constexpr int kLibrary = 5;

// Join namespaces (SYS_ADMIN, SYS_CHROOT) and make its children the sandbox's user (SETUID, SETGID,
// SETPCAP).
constexpr os::CapabilitySet kKept = os::capability(CAP_SYS_ADMIN) | os::capability(CAP_SYS_CHROOT) |
                                    os::capability(CAP_SETUID) | os::capability(CAP_SETGID) |
                                    os::capability(CAP_SETPCAP);

[[noreturn]] void become_zygote(Zygote which, int socket, int program, int library) {
  const int socket_copy = ::fcntl(socket, F_DUPFD, 16);
  const int program_copy = ::fcntl(program, F_DUPFD, 16);
  const int library_copy = ::fcntl(library, F_DUPFD, 16);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (socket_copy < 0 || program_copy < 0 || library_copy < 0 || null < 0) ::_exit(126);
  if (::dup2(null, 0) < 0 || ::dup2(null, 1) < 0 || ::dup2(socket_copy, kSocket) < 0 ||
      ::dup2(program_copy, kProgram) < 0 || ::dup2(library_copy, kLibrary) < 0 ||
      os::close_range(6, ~0U) != 0 || os::limit_capabilities(kKept) != 0) {
    ::_exit(126);
  }
  // Root without the special treatment of root would lose these at exec, so they stay inheritable
  // by being root: uid 0 of the launcher's user namespace.
  const std::string number = std::to_string(static_cast<std::uint32_t>(which));
  const char* const arguments[] = {"python3", "/proc/self/fd/4", number.c_str(), nullptr};
  ::execve(kPythonPath, const_cast<char* const*>(arguments),
           const_cast<char* const*>(kSandboxEnvironment));
  ::_exit(127);
}

}  // namespace

Result<ZygoteProcess> ZygoteProcess::start(Zygote which) {
  auto pair = TRY(os::make_seqpacket_pair());
  const UniqueFd program =
      TRY(os::make_sealed_memfd("zygote.py", embedded::python_guest::zygote_py()));
  const UniqueFd library =
      TRY(os::make_sealed_memfd("guest.so", embedded::python_guest::libcloister_guest_so()));
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("fork a zygote");
  if (pid == 0) become_zygote(which, pair.second.get(), program.get(), library.get());
  return ZygoteProcess(which, std::move(pair.first));
}

Result<ZygoteProcess> ZygoteProcess::sprout(Zygote which, ZygoteProcess& parent) {
  auto pair = TRY(os::make_seqpacket_pair());
  ZygoteRequest request;
  request.kind = ZygoteRequestKind::kSprout;
  request.zygote = which;
  const int passed[] = {pair.second.get()};
  const int error = os::send_message(parent.socket(), &request, sizeof request, passed);
  if (error != 0) return fail_errno("ask a zygote to sprout", error);
  return ZygoteProcess(which, std::move(pair.first));
}

int ZygoteProcess::request_fork(const ZygoteRequest& request, std::span<const int> fds) {
  return os::send_message(socket_.get(), &request, sizeof request, fds, MSG_DONTWAIT);
}

}  // namespace cloister::sandbox
