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
#include "sandbox/launcher_tags.h"

namespace cloister::sandbox {
namespace {

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

// Bounds that no setting reaches; more would be a mistake of the server, or worse.
constexpr std::uint64_t kBytesMax = 1ULL << 42;

bool within(std::uint64_t value, std::uint64_t most) {
  return value > 0 && value <= most;
}

bool limits_are_valid(const SandboxLimits& limits) {
  return within(limits.memory_bytes, kBytesMax) && within(limits.workspace_bytes, kBytesMax) &&
         within(limits.workspace_inodes, 1ULL << 32) && within(limits.tmp_bytes, kBytesMax) &&
         within(limits.shm_bytes, kBytesMax) && within(limits.program_bytes, kBytesMax) &&
         within(limits.processes, 1U << 20) && limits.cpu_percent <= 100000 &&
         within(limits.cpu_seconds, 1U << 30) && within(limits.open_files, 1U << 20);
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

void Launcher::send_failed(std::uint64_t token, const ArmFailure& failure) {
  LauncherEvent event;
  event.kind = LauncherEventKind::kFailed;
  event.token = token;
  event.step = static_cast<std::uint32_t>(failure.step);
  event.error = failure.error;
  send(event);
}

void Launcher::handle_server() {
  CreateRequest request;
  os::ReceivedMessage message;
  const int error =
      os::receive_message(server_.get(), &request, sizeof request, message, MSG_DONTWAIT);
  if (error == EAGAIN) return;
  // A reset: it has gone without having heard of everything.
  if (error == ECONNRESET || (error == 0 && message.size == 0)) {
    server_gone_ = true;
    return;
  }
  // The request itself is whole, but its descriptors did not fit into this process.
  if (error == EMSGSIZE && message.size == sizeof request && request.magic == kProtocolMagic) {
    return send_failed(request.token, {Step::kReceive, EMFILE});
  }
  if (error != 0 || message.size != sizeof request || request.magic != kProtocolMagic) {
    say("a request of the wrong form from the server", error);
    message.close_all();
    return;
  }
  if (request.kind == CreateKind::kCreate) handle_create(request, message);
  if (request.kind == CreateKind::kDestroy) handle_destroy(request.token);
  if (request.kind == CreateKind::kResize) handle_resize(request);
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
                     limits_are_valid(request.limits) && !sandboxes_.contains(request.token);
  const auto slot = valid ? take_slot() : std::nullopt;
  if (!slot) return send_failed(request.token, {Step::kReceive, valid ? EAGAIN : EINVAL});
  Sandbox& sandbox = sandboxes_[request.token];
  sandbox.token = request.token;
  sandbox.slot = *slot;
  sandbox.request = request;
  for (std::size_t i = 1; i < expected; ++i)
    sandbox.program_fds.push_back(message.take(i));
  const ArmFailure failure = create(sandbox, message.take(0));
  if (failure.step != Step::kNone) discard(request.token, failure);
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
  namespaces.reserve(message.descriptor_count);
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

// A sandbox that is being made has not been handed to anybody who could ask for this.
void Launcher::handle_resize(const CreateRequest& request) {
  const auto found = sandboxes_.find(request.token);
  const bool is_known = found != sandboxes_.end() && !found->second.init_socket.is_open();
  if (!is_known || !within(request.limits.memory_bytes, kBytesMax)) {
    return send_failed(request.token, {Step::kCgroupResize, is_known ? EINVAL : ESRCH});
  }
  const std::string& name = found->second.cgroup.name;
  if (!name.empty()) {
    if (const auto done = cgroups_.limit_memory(name, request.limits.memory_bytes); !done) {
      return send_failed(request.token, {Step::kCgroupResize, done.error().system_errno});
    }
  }
  LauncherEvent event;
  event.kind = LauncherEventKind::kResized;
  event.token = request.token;
  send(event);
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

}  // namespace cloister::sandbox
