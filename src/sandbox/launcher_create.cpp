// The making of one sandbox: cgroup, namespaces, identities, and the child of a zygote.
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "os/syscalls.h"
#include "os/user_namespace.h"
#include "sandbox/init.h"
#include "sandbox/launcher.h"
#include "sandbox/launcher_tags.h"

namespace cloister::sandbox {
namespace {

constexpr std::uint32_t kFirstSandboxId = 1000;  // Of the launcher's id range; below are its own.

}  // namespace

ArmFailure Launcher::create(Sandbox& sandbox, UniqueFd control) {
  const SandboxLimits& limits = sandbox.request.limits;
  if (!cgroups_.empty()) {
    auto leaf = cgroups_.make_leaf("s" + std::to_string(sandbox.token),
                                   {limits.memory_bytes, limits.processes, limits.cpu_percent});
    if (!leaf) {
      std::fprintf(stderr, "cloister-launcher: %s\n", leaf.error().describe().c_str());
      remove_cgroup("s" + std::to_string(sandbox.token));  // What was made before the failure.
      return {Step::kCgroupCreate, leaf.error().system_errno};
    }
    sandbox.cgroup = std::move(*leaf);
  }
  if (const ArmFailure failure = clone_init(sandbox, std::move(control));
      failure.step != Step::kNone) {
    return failure;
  }
  if (const ArmFailure failure = map_identities(sandbox); failure.step != Step::kNone) {
    return failure;
  }
  // A session's commands are children of its init, so the init goes into the cgroup. A zygote's
  // child enters by itself, and the init, which then does not count, can still copy files out of a
  // workspace that has used up the memory limit.
  if (sandbox.request.zygote == Zygote::kNone) {
    const std::string pid = std::to_string(sandbox.init);
    for (const UniqueFd& procs : sandbox.cgroup.procs) {
      if (::write(procs.get(), pid.data(), pid.size()) < 0) return {Step::kCgroupEnter, errno};
    }
  }
  if (::write(sandbox.init_socket.get(), "g", 1) != 1) return {Step::kClone, errno};
  if (!watch(sandbox.init_socket.get(), make_tag(Tag::kInit, sandbox.token))) {
    return {Step::kClone, errno};
  }
  return {};
}

ArmFailure Launcher::clone_init(Sandbox& sandbox, UniqueFd control) {
  auto pair = os::make_seqpacket_pair();
  if (!pair) return {Step::kClone, pair.error().system_errno};
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                    CLONE_NEWUTS | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  const pid_t pid = os::clone3(arguments);
  if (pid < 0) return {Step::kClone, errno};
  if (pid == 0) {
    InitOptions options;
    options.mounts = &mounts_;
    options.limits = sandbox.request.limits;
    options.control = control.get();
    options.launcher = pair->second.get();
    options.landlock_abi = landlock_abi_;
    options.root_is_mapped = config_.id_base != 0;
    run_init(options);
  }
  sandbox.init = pid;
  sandbox.pidfd.reset(pidfd);
  sandbox.init_socket = std::move(pair->first);
  inits_[pid] = sandbox.token;
  return {};
}

ArmFailure Launcher::map_identities(const Sandbox& sandbox) {
  // With a range of ids every sandbox's user is another user of the host, so that limits which the
  // kernel keeps per user are not shared.
  const os::IdRange range[] = {{0, 0, 1}, {kSandboxUid, kFirstSandboxId + sandbox.slot, 1}};
  const os::IdRange single[] = {{kSandboxUid, 0, 1}};
  const bool has_range = config_.id_base != 0;
  const int error = os::write_id_maps(
      proc_.get(), sandbox.init,
      has_range ? std::span<const os::IdRange>(range) : std::span<const os::IdRange>(single),
      !has_range);
  return error == 0 ? ArmFailure{} : ArmFailure{Step::kIdMap, error};
}

ArmFailure Launcher::fork_program(Sandbox& sandbox, const std::vector<UniqueFd>& namespaces) {
  auto& zygote = zygotes_[static_cast<std::uint32_t>(sandbox.request.zygote)];
  if (!zygote || !zygote->is_ready()) return {Step::kZygote, EAGAIN};
  if (namespaces.size() != kNamespaceCount) return {Step::kNamespaces, EPROTO};
  ZygoteRequest request;
  request.kind = ZygoteRequestKind::kFork;
  request.token = sandbox.token;
  request.landlock_abi = static_cast<std::uint32_t>(landlock_abi_);
  request.limits = sandbox.request.limits;
  std::vector<int> fds;
  fds.reserve(os::kMaxDescriptors);
  for (const UniqueFd& fd : namespaces)
    fds.push_back(fd.get());
  for (const UniqueFd& fd : sandbox.program_fds)
    fds.push_back(fd.get());
  for (const UniqueFd& procs : sandbox.cgroup.procs)
    fds.push_back(procs.get());
  if (const int error = zygote->request_fork(request, fds); error != 0) {
    return {Step::kZygote, error};
  }
  sandbox.program_fds.clear();
  return {};
}

void Launcher::discard(std::uint64_t token, const ArmFailure& failure) {
  const auto found = sandboxes_.find(token);
  if (found == sandboxes_.end()) return;
  Sandbox& sandbox = found->second;
  send_failed(token, failure);
  if (sandbox.init > 0) {
    // handle_init_end frees the rest once it is gone.
    os::pidfd_send_signal(sandbox.pidfd.get(), SIGKILL);
    unwatch(sandbox.init_socket);
    sandbox.program_fds.clear();
    return;
  }
  if (!sandbox.cgroup.name.empty()) remove_cgroup(sandbox.cgroup.name);
  free_slots_.push_back(sandbox.slot);
  sandboxes_.erase(found);
}

void Launcher::remove_cgroup(const std::string& name) {
  if (cgroups_.remove_leaf(name) == EBUSY) stale_cgroups_.push_back(name);
}

}  // namespace cloister::sandbox
