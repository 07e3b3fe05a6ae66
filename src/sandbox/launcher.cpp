#include "sandbox/launcher.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "os/landlock.h"
#include "os/syscalls.h"
#include "os/user_namespace.h"
#include "sandbox/init.h"

namespace cloister::sandbox {
namespace {

// What epoll says is ready: a kind in the upper byte and a token or number below.
constexpr std::uint64_t kKindShift = 56;
enum class Tag : std::uint64_t { kServer = 1, kSignals = 2, kZygote = 3, kInit = 4 };

std::uint64_t make_tag(Tag kind, std::uint64_t value = 0) {
  return static_cast<std::uint64_t>(kind) << kKindShift | value;
}

constexpr std::uint32_t kFirstSandboxId = 1000;  // Of the launcher's id range; below are its own.

void say(const char* text, int error_number) {
  std::fprintf(stderr, "cloister-launcher: %s (errno %d)\n", text, error_number);
}

// The tree: each zygote has loaded what its parent has, and more. kNone is this process.
Zygote parent_of(Zygote which) {
  switch (which) {
    case Zygote::kPlot:
      return Zygote::kData;
    case Zygote::kData:
      return Zygote::kBase;
    default:
      return Zygote::kNone;
  }
}

}  // namespace

Launcher::Launcher(UniqueFd server, const LauncherConfig& config, os::CgroupTree cgroups)
    : server_(std::move(server)),
      config_(config),
      cgroups_(std::move(cgroups)),
      landlock_abi_(os::landlock_abi()),
      mounts_(plan_mounts()) {
  zygotes_.resize(kZygoteCount);
  for (std::uint32_t slot = kMaxSlots; slot > 0; --slot)
    free_slots_.push_back(slot - 1);
}

Result<void> Launcher::watch(int fd, std::uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno("epoll_ctl");
  return {};
}

// Closing alone does not end the watch while a clone that has not closed its copies yet exists.
void Launcher::unwatch(UniqueFd& fd) {
  if (fd.is_open()) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd.get(), nullptr);
  fd.reset();
}

int Launcher::run() {
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child, nullptr);
  signals_.reset(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  proc_.reset(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!watch(server_.get(), make_tag(Tag::kServer)) ||
      !watch(signals_.get(), make_tag(Tag::kSignals))) {
    LauncherEvent event;
    event.kind = LauncherEventKind::kFatal;
    event.step = static_cast<std::uint32_t>(Step::kReceive);
    event.error = errno;
    send(event);
    return 1;
  }
  LauncherEvent ready;
  ready.kind = LauncherEventKind::kReady;
  for (const os::CgroupController controller : os::kAllControllers) {
    if (cgroups_.has(controller)) ready.value |= 1U << static_cast<unsigned>(controller);
  }
  ready.detail = static_cast<std::uint64_t>(landlock_abi_);
  send(ready);
  start_zygotes_below(Zygote::kNone);
  return serve();
}

int Launcher::serve() {
  epoll_event events[64];
  while (!server_gone_) {
    const int count = ::epoll_wait(epoll_.get(), events, 64, -1);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t tag = events[i].data.u64;
      const std::uint64_t value = tag & ((1ULL << kKindShift) - 1);
      switch (static_cast<Tag>(tag >> kKindShift)) {
        case Tag::kServer:
          handle_server();
          break;
        case Tag::kSignals:
          handle_children();
          break;
        case Tag::kZygote:
          handle_zygote(static_cast<Zygote>(value));
          break;
        case Tag::kInit:
          handle_init(value);
          break;
      }
    }
  }
  return 0;
}

bool Launcher::is_wanted(Zygote which) const {
  return (config_.zygote_mask & (1U << static_cast<std::uint32_t>(which))) != 0;
}

Result<void> Launcher::start_zygote(Zygote which) {
  const auto number = static_cast<std::uint32_t>(which);
  const Zygote parent = parent_of(which);
  if (parent == Zygote::kNone) {
    zygotes_[number] = TRY(ZygoteProcess::start(which));
  } else {
    zygotes_[number] =
        TRY(ZygoteProcess::sprout(which, *zygotes_[static_cast<std::uint32_t>(parent)]));
  }
  return watch(zygotes_[number]->socket(), make_tag(Tag::kZygote, number));
}

// Those whose parent has become ready.
void Launcher::start_zygotes_below(Zygote parent) {
  for (std::uint32_t number = 1; number < kZygoteCount; ++number) {
    const auto which = static_cast<Zygote>(number);
    if (!is_wanted(which) || parent_of(which) != parent || zygotes_[number]) continue;
    if (!start_zygote(which)) say("a zygote cannot be started", errno);
  }
}

void Launcher::send(const LauncherEvent& event, int descriptor) {
  const int passed[] = {descriptor};
  const auto fds = descriptor >= 0 ? std::span<const int>(passed) : std::span<const int>();
  if (os::send_message(server_.get(), &event, sizeof event, fds) != 0) server_gone_ = true;
}

void Launcher::handle_server() {
  CreateRequest request;
  os::ReceivedMessage message;
  const int error =
      os::receive_message(server_.get(), &request, sizeof request, message, MSG_DONTWAIT);
  if (error == EAGAIN) return;
  if (error == 0 && message.size == 0) {
    server_gone_ = true;
    return;
  }
  if (error != 0 || message.size != sizeof request || request.magic != kProtocolMagic) {
    say("a request of the wrong form from the server", error);
    message.close_all();
    return;
  }
  if (request.kind == CreateKind::kCreate) handle_create(request, message);
  if (request.kind == CreateKind::kDestroy) handle_destroy(request.token);
  message.close_all();
}

std::optional<std::uint32_t> Launcher::take_slot() {
  if (free_slots_.empty()) return std::nullopt;
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

void Launcher::handle_create(const CreateRequest& request, os::ReceivedMessage& message) {
  const bool plain = request.zygote == Zygote::kNone;
  const std::size_t expected = plain ? kCreateFdsPlain : kCreateFdsZygote;
  const bool valid = message.descriptor_count == expected && request.token != 0 &&
                     request.token < 1ULL << kKindShift &&
                     static_cast<std::uint32_t>(request.zygote) < kZygoteCount &&
                     !sandboxes_.contains(request.token);
  const auto slot = valid ? take_slot() : std::nullopt;
  if (!slot) {
    LauncherEvent event;
    event.kind = LauncherEventKind::kFailed;
    event.token = request.token;
    event.step = static_cast<std::uint32_t>(Step::kReceive);
    event.error = valid ? EAGAIN : EINVAL;
    return send(event);
  }
  Sandbox& sandbox = sandboxes_[request.token];
  sandbox.token = request.token;
  sandbox.slot = *slot;
  sandbox.request = request;
  for (std::size_t i = 1; i < expected; ++i)
    sandbox.program_fds.push_back(message.take(i));
  const ArmFailure failure = create(sandbox, message.take(0));
  if (failure.step != Step::kNone) discard(request.token, failure);
}

ArmFailure Launcher::create(Sandbox& sandbox, UniqueFd control) {
  const SandboxLimits& limits = sandbox.request.limits;
  if (!cgroups_.empty()) {
    auto leaf = cgroups_.make_leaf("s" + std::to_string(sandbox.token),
                                   {limits.memory_bytes, limits.processes, limits.cpu_percent});
    if (!leaf) {
      std::fprintf(stderr, "cloister-launcher: %s\n", leaf.error().describe().c_str());
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

void Launcher::handle_init(std::uint64_t token) {
  const auto found = sandboxes_.find(token);
  if (found == sandboxes_.end()) return;
  Sandbox& sandbox = found->second;
  LauncherEvent event;
  os::ReceivedMessage message;
  const int error =
      os::receive_message(sandbox.init_socket.get(), &event, sizeof event, message, MSG_DONTWAIT);
  if (error == EAGAIN) return;
  std::vector<UniqueFd> namespaces;
  for (std::size_t i = 0; i < message.descriptor_count; ++i)
    namespaces.push_back(message.take(i));
  unwatch(sandbox.init_socket);
  if (error != 0 || message.size != sizeof event || event.magic != kProtocolMagic) {
    return discard(token, {Step::kClone, error != 0 ? error : ECHILD});
  }
  if (event.kind == LauncherEventKind::kFailed) {
    return discard(token, {static_cast<Step>(event.step), event.error});
  }
  if (sandbox.request.zygote != Zygote::kNone) {
    const ArmFailure failure = fork_program(sandbox, namespaces);
    if (failure.step != Step::kNone) return discard(token, failure);
  }
  LauncherEvent created;
  created.kind = LauncherEventKind::kCreated;
  created.token = token;
  send(created, sandbox.cgroup.oom_events.get());
  sandbox.cgroup.oom_events.reset();
  sandbox.cgroup.procs.clear();
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

void Launcher::handle_zygote(Zygote which) {
  auto& zygote = zygotes_[static_cast<std::uint32_t>(which)];
  if (!zygote) return;
  char byte = 0;
  const ssize_t count = ::recv(zygote->socket(), &byte, 1, MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;
  LauncherEvent event;
  event.token = static_cast<std::uint64_t>(which);
  if (count == 1) {
    zygote->set_ready();
    event.kind = LauncherEventKind::kZygoteReady;
    send(event);
    return start_zygotes_below(which);
  }
  // The process is reaped by handle_children. One that never became ready would only fail again, so
  // it is not tried again; its parent may be lost too, and then starts it when it is ready itself.
  const bool was_ready = zygote->is_ready();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, zygote->socket(), nullptr);
  zygote.reset();
  event.kind = LauncherEventKind::kZygoteLost;
  event.value = was_ready ? 1 : 0;
  send(event);
  const Zygote parent = parent_of(which);
  const auto& parent_zygote = zygotes_[static_cast<std::uint32_t>(parent)];
  const bool can_start = parent == Zygote::kNone || (parent_zygote && parent_zygote->is_ready());
  if (was_ready && can_start && !start_zygote(which)) say("a zygote cannot be started", errno);
}

void Launcher::handle_destroy(std::uint64_t token) {
  const auto found = sandboxes_.find(token);
  if (found != sandboxes_.end()) os::pidfd_send_signal(found->second.pidfd.get(), SIGKILL);
}

void Launcher::handle_children() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) > 0) {
  }
  for (;;) {
    const pid_t pid = ::waitpid(-1, nullptr, WNOHANG | __WALL);
    if (pid <= 0) break;
    const auto found = inits_.find(pid);
    if (found == inits_.end()) continue;
    const std::uint64_t token = found->second;
    inits_.erase(found);
    handle_init_end(token);
  }
  std::vector<std::string> stale;
  stale.swap(stale_cgroups_);
  for (const std::string& name : stale)
    remove_cgroup(name);
}

// The kernel reports a PID namespace's first process only after all others of it are gone.
void Launcher::handle_init_end(std::uint64_t token) {
  const auto found = sandboxes_.find(token);
  if (found == sandboxes_.end()) return;
  Sandbox& sandbox = found->second;
  if (!sandbox.cgroup.name.empty()) remove_cgroup(sandbox.cgroup.name);
  free_slots_.push_back(sandbox.slot);
  LauncherEvent event;
  event.kind = LauncherEventKind::kEnded;
  event.token = token;
  sandboxes_.erase(found);
  send(event);
}

void Launcher::remove_cgroup(const std::string& name) {
  if (cgroups_.remove_leaf(name) == EBUSY) stale_cgroups_.push_back(name);
}

void Launcher::discard(std::uint64_t token, const ArmFailure& failure) {
  const auto found = sandboxes_.find(token);
  if (found == sandboxes_.end()) return;
  Sandbox& sandbox = found->second;
  LauncherEvent event;
  event.kind = LauncherEventKind::kFailed;
  event.token = token;
  event.step = static_cast<std::uint32_t>(failure.step);
  event.error = failure.error;
  send(event);
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

}  // namespace cloister::sandbox
