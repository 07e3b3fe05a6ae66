// The launcher as the server sees it: a child process and a socket to it.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace cloister::backends::native {

struct LauncherOptions {
  std::string program;     // Path of cloister-launcher.
  std::string image_root;  // Directory of the image's root file system.
  // Layers whose absence is accepted: "cgroup.memory", "cgroup.pids", "cgroup.cpu", or "cgroups"
  // for the three.
  std::vector<std::string> accept_weaker;
  bool zygotes = true;  // Start interpreters that fork.
};

// Owns the process: destruction closes the socket, upon which the launcher and everything in its
// PID namespace end, and waits for that. Start it before giving up root. Not thread safe.
class LauncherProcess {
 public:
  // Starts the process and sends its configuration; does not wait for it to be ready.
  static Result<LauncherProcess> start(const LauncherOptions& options);

  // Around a socket to something that already speaks the protocol; there is no process to wait for.
  static LauncherProcess over(UniqueFd socket) { return {-1, std::move(socket)}; }

  LauncherProcess(LauncherProcess&& other) noexcept;
  LauncherProcess& operator=(LauncherProcess&&) = delete;
  ~LauncherProcess();

  // Carries sandbox::CreateRequest and sandbox::LauncherEvent. Owned by this object.
  int socket() const { return socket_.get(); }
  pid_t pid() const { return pid_; }

 private:
  LauncherProcess(pid_t pid, UniqueFd socket) : pid_(pid), socket_(std::move(socket)) {}

  pid_t pid_ = -1;
  UniqueFd socket_;
};

// The launcher beside the running program: <directory of /proc/self/exe>/cloister-launcher.
Result<std::string> default_launcher_path();

}  // namespace cloister::backends::native
