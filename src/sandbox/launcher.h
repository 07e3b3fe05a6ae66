// The launcher: makes sandboxes for the server. One thread, one epoll loop, nothing blocks.
//
// Theory of operation. The server starts `cloister-launcher` with one socket (descriptor 3) and
// sends LauncherConfig with the image's directory. The privileged part (bootstrap.h) makes the
// cgroup directories and a user, PID and mount namespace, and then only waits. The launcher proper
// is the first process of that PID namespace and root of that user namespace, which has no
// privilege on the host; its file system is the image, read-only. Its children are
//
//   zygotes        interpreters that fork (runtimes/python); one per kind
//   sandbox inits  one a sandbox, cloned with every namespace of its own
//
// and the zygotes' children join a sandbox's namespaces before user code runs. When the launcher
// ends, for whatever reason, the kernel ends everything in its PID namespace; it ends when the
// server does.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "os/cgroup.h"
#include "os/unix_message.h"
#include "sandbox/protocol.h"
#include "sandbox/sandbox_mounts.h"
#include "sandbox/zygote_process.h"

namespace cloister::sandbox {

class Launcher {
 public:
  // `server` is the socket to the server. The calling process is inside the image's root already.
  Launcher(UniqueFd server, const LauncherConfig& config, os::CgroupTree cgroups);

  // Serves until the server is gone; returns the exit status of the process.
  int run();

 private:
  struct Sandbox {
    std::uint64_t token = 0;
    std::uint32_t slot = 0;
    pid_t init = -1;
    UniqueFd pidfd;
    UniqueFd init_socket;  // Open until init is ready.
    os::CgroupLeaf cgroup;
    CreateRequest request;
    std::vector<UniqueFd> program_fds;  // For the zygote; empty afterwards.
  };

  int serve();
  bool is_wanted(Zygote which) const;
  Result<void> start_zygote(Zygote which);
  void start_zygotes_below(Zygote parent);
  void handle_server();
  void handle_create(const CreateRequest& request, os::ReceivedMessage& message);
  void handle_destroy(std::uint64_t token);
  void handle_resize(const CreateRequest& request);
  void handle_init(std::uint64_t token);
  void handle_zygote(Zygote which);
  void handle_children();
  void handle_init_end(std::uint64_t token);

  ArmFailure create(Sandbox& sandbox, UniqueFd control);
  ArmFailure clone_init(Sandbox& sandbox, UniqueFd control);
  ArmFailure map_identities(const Sandbox& sandbox);
  ArmFailure fork_program(Sandbox& sandbox, const std::vector<UniqueFd>& namespaces);
  void discard(std::uint64_t token, const ArmFailure& failure);
  void remove_cgroup(const std::string& name);
  void send(const LauncherEvent& event, int descriptor = -1);
  void send_failed(std::uint64_t token, const ArmFailure& failure);
  std::optional<std::uint32_t> take_slot();
  Result<void> watch(int fd, std::uint64_t tag);
  void unwatch(UniqueFd& fd);

  UniqueFd server_;
  const LauncherConfig config_;
  os::CgroupTree cgroups_;
  const int landlock_abi_;
  const MountPlan mounts_;
  UniqueFd epoll_;
  UniqueFd signals_;
  UniqueFd proc_;

  std::map<std::uint64_t, Sandbox> sandboxes_;
  std::map<pid_t, std::uint64_t> inits_;
  std::vector<std::optional<ZygoteProcess>> zygotes_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::string> stale_cgroups_;  // Could not be removed yet.
  bool server_gone_ = false;
};

}  // namespace cloister::sandbox
