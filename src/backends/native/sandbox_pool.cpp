#include "backends/native/sandbox_pool.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "backends/native/program_pipes.h"
#include "os/cgroup.h"
#include "os/unix_message.h"
#include "sandbox/step.h"

namespace cloister::backends::native {
namespace {

using sandbox::LauncherEvent;
using sandbox::LauncherEventKind;
using sandbox::Zygote;

// Epoll data: these two, else the token of a creation whose status pipe is readable.
constexpr std::uint64_t kLauncherTag = ~0ULL;
constexpr std::uint64_t kWakeTag = ~0ULL - 1;

constexpr std::chrono::seconds kQuietTime{30};
// A creation takes milliseconds, on a machine that is out of breath seconds; one that is this late
// has lost its answer.
constexpr std::chrono::seconds kCreationLimit{60};
// Bounds how many files an init has on their way to the server: the kernel counts descriptors in
// flight for all sandboxes together.
constexpr int kInitSendBuffer = 16 * 1024;

void watch(int epoll, int fd, std::uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

Error creation_error(std::uint32_t step, int error_number) {
  Error error{ErrorCode::kUnavailable, "a sandbox could not be made", error_number, {}};
  return std::move(error).with(sandbox::step_name(step));
}

}  // namespace

SandboxPool::SandboxPool(LauncherProcess launcher, PoolOptions options, const Logger& log,
                         const Clock& clock, std::function<void(const std::string& reason)> on_lost)
    : launcher_(std::move(launcher)),
      options_(options),
      log_(log),
      clock_(clock),
      on_lost_(std::move(on_lost)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  const std::size_t part = options.ready == 0 ? 0 : std::max<std::size_t>(1, options.ready / 4);
  kind(options.zygotes ? Zygote::kBase : Zygote::kNone).floor = options.ready;
  if (options.zygotes) {
    kind(Zygote::kData).floor = kind(Zygote::kPlot).floor = kind(Zygote::kNone).floor = part;
  }
  for (Kind& one : kinds_)
    one.wanted = one.floor;
  watch(epoll_.get(), launcher_.socket(), kLauncherTag);
  watch(epoll_.get(), wake_.get(), kWakeTag);
  thread_ = std::thread([this] { run(); });
}

SandboxPool::~SandboxPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
}

void SandboxPool::wake() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_.get(), &one, sizeof one));
}

Result<void> SandboxPool::wait_until_ready(Milliseconds limit) {
  std::unique_lock lock(mutex_);
  const bool in_time = state_changed_.wait_for(lock, limit, [&] {
    return !lost_reason_.empty() ||
           (launcher_ready_ && kind(options_.zygotes ? Zygote::kBase : Zygote::kNone).usable);
  });
  if (!lost_reason_.empty()) return fail(ErrorCode::kUnavailable, lost_reason_);
  if (!in_time) return fail(ErrorCode::kUnavailable, "the launcher did not become ready in time");
  return {};
}

Zygote SandboxPool::nearest_usable(Zygote zygote) {
  auto number = static_cast<std::uint32_t>(zygote);
  while (number > static_cast<std::uint32_t>(Zygote::kBase) && !kinds_[number].usable)
    --number;
  return static_cast<Zygote>(number);
}

Result<SandboxPool::Lease> SandboxPool::take(Zygote zygote, Milliseconds limit) {
  std::unique_lock lock(mutex_);
  if (!lost_reason_.empty()) return fail(ErrorCode::kUnavailable, lost_reason_);
  Kind& wanted = kind(nearest_usable(zygote));
  if (!wanted.ready.empty() && wanted.waiters.empty()) {
    auto handle = std::move(wanted.ready.front());
    wanted.ready.pop_front();
    lock.unlock();
    wake();
    return Lease(std::move(handle), *this);
  }
  wanted.last_miss = clock_.steady_now();
  if (options_.ready > 0) wanted.wanted = std::min(wanted.wanted + 1, options_.ready_max);
  wanted.failed = false;
  Waiter waiter;
  wanted.waiters.push_back(&waiter);
  wake();
  waiter.changed.wait_for(lock, limit, [&] { return waiter.handle || waiter.error; });
  std::erase(wanted.waiters, &waiter);
  if (waiter.handle) return Lease(std::move(waiter.handle), *this);
  if (waiter.error) return fail(std::move(*waiter.error));
  return fail(ErrorCode::kUnavailable, "no sandbox became ready in time");
}

Result<void> SandboxPool::resize(const Lease& lease, std::uint64_t memory_bytes,
                                 Milliseconds limit) {
  constexpr auto kMemoryBit = 1U << static_cast<unsigned>(os::CgroupController::kMemory);
  sandbox::CreateRequest request;
  request.kind = sandbox::CreateKind::kResize;
  request.token = lease.handle().token;
  request.limits.memory_bytes = memory_bytes;
  Resize resize;
  {
    const std::lock_guard lock(mutex_);
    if (!lost_reason_.empty()) return fail(ErrorCode::kUnavailable, lost_reason_);
    if ((controllers_ & kMemoryBit) == 0) return {};
    resizes_.emplace(request.token, &resize);
  }
  const int error = os::send_message(launcher_.socket(), &request, sizeof request, {});
  std::unique_lock lock(mutex_);
  if (error == 0) resize.changed.wait_for(lock, limit, [&] { return resize.done; });
  resizes_.erase(request.token);
  if (error != 0) return fail_errno("ask the launcher", error);
  if (resize.error) return fail(std::move(*resize.error));
  if (!resize.done) return fail(ErrorCode::kUnavailable, "the launcher does not answer in time");
  return {};
}

bool SandboxPool::end_resize(std::uint64_t token, std::optional<Error> error) {
  const auto found = resizes_.find(token);
  if (found == resizes_.end()) return false;
  Resize& resize = *found->second;
  resizes_.erase(found);
  resize.done = true;
  resize.error = std::move(error);
  resize.changed.notify_one();
  return true;
}

std::size_t SandboxPool::ready() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const Kind& one : kinds_)
    count += one.ready.size();
  return count;
}

bool SandboxPool::is_lost() const {
  const std::lock_guard lock(mutex_);
  return !lost_reason_.empty();
}

std::uint64_t SandboxPool::controllers() const {
  const std::lock_guard lock(mutex_);
  return controllers_;
}

std::uint64_t SandboxPool::landlock_abi() const {
  const std::lock_guard lock(mutex_);
  return landlock_abi_;
}

void SandboxPool::run() {
  std::array<epoll_event, 64> events{};
  for (;;) {
    int wait = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      shrink();
      give_up_late_creations();
      if (lost_reason_.empty()) create_missing();
      wait = wait_ms();
    }
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t tag = events[static_cast<std::size_t>(i)].data.u64;
      if (tag == kWakeTag) {
        std::uint64_t value = 0;
        static_cast<void>(!::read(wake_.get(), &value, sizeof value));
      } else if (tag == kLauncherTag) {
        handle_launcher();
      } else {
        handle_status(tag);
      }
    }
  }
}

// The init ends when its socket closes; one that does not listen is killed by the launcher.
void SandboxPool::end(std::unique_ptr<SandboxHandle> handle) {
  sandbox::CreateRequest request;
  request.kind = sandbox::CreateKind::kDestroy;
  request.token = handle->token;
  handle.reset();
  const int error = os::send_message(launcher_.socket(), &request, sizeof request, {});
  if (error != 0) log_.warning("the launcher does not hear of a sandbox's end", {{"errno", error}});
  running_.fetch_sub(1);
}

void SandboxPool::give_up_late_creations() {
  const SteadyTime now = clock_.steady_now();
  std::vector<std::uint64_t> late;
  for (const auto& [token, creation] : creations_) {
    if (creation.deadline <= now) late.push_back(token);
  }
  for (const std::uint64_t token : late) {
    fail_creation(token,
                  {ErrorCode::kUnavailable, "a sandbox did not become ready in time", 0, {}});
  }
}

int SandboxPool::wait_ms() const {
  return static_cast<int>(Milliseconds(creations_.empty() ? kQuietTime : kCreationLimit).count());
}

void SandboxPool::shrink() {
  const SteadyTime now = clock_.steady_now();
  for (Kind& one : kinds_) {
    if (one.wanted <= one.floor || now - one.last_miss < kQuietTime) continue;
    one.wanted = one.floor;
    while (one.ready.size() > one.floor)
      one.ready.pop_back();
  }
}

void SandboxPool::create_missing() {
  if (!launcher_ready_) return;
  // Waiting callers first, then what is to be kept.
  for (const bool for_waiters : {true, false}) {
    for (std::uint32_t number = 0; number < kinds_.size(); ++number) {
      Kind& one = kinds_[number];
      if (!one.usable || (one.failed && !for_waiters)) continue;
      const std::size_t there = one.ready.size() + one.creating;
      const std::size_t target = one.waiters.size() + (for_waiters ? 0 : one.wanted);
      for (std::size_t n = there; n < target && creations_.size() < options_.creating_max; ++n) {
        if (auto created = create(static_cast<Zygote>(number)); !created) {
          log_.error("a sandbox could not be asked for", {{"error", created.error().describe()}});
          one.failed = true;
          break;
        }
      }
    }
  }
}

Result<void> SandboxPool::create(Zygote zygote) {
  auto handle = std::make_unique<SandboxHandle>();
  sandbox::CreateRequest request;
  request.token = handle->token = next_token_++;
  request.zygote = zygote;
  request.limits = options_.limits;
  request.limits.cpu_seconds = std::max(options_.limits.cpu_seconds, options_.cpu_seconds_max);
  auto control = TRY(os::make_seqpacket_pair());
  if (::setsockopt(control.second.get(), SOL_SOCKET, SO_SNDBUF, &kInitSendBuffer,
                   sizeof kInitSendBuffer) != 0) {
    return fail_errno("setsockopt SO_SNDBUF");
  }
  handle->control = std::move(control.first);
  std::vector<UniqueFd> theirs;
  theirs.push_back(std::move(control.second));
  if (zygote != Zygote::kNone) {
    auto program = TRY(os::make_seqpacket_pair());
    auto status = TRY(make_status_pipe());
    auto in = TRY(make_input_pipe());
    auto out = TRY(make_output_pipe());
    auto error = TRY(make_output_pipe());
    handle->program = std::move(program.first);
    handle->status = std::move(status.read_end);
    handle->standard_in = std::move(in.write_end);
    handle->standard_out = std::move(out.read_end);
    handle->standard_error = std::move(error.read_end);
    theirs.push_back(std::move(program.second));
    theirs.push_back(std::move(status.write_end));
    theirs.push_back(std::move(in.read_end));
    theirs.push_back(std::move(out.write_end));
    theirs.push_back(std::move(error.write_end));
  }
  std::vector<int> passed;
  passed.reserve(theirs.size());
  for (const UniqueFd& fd : theirs)
    passed.push_back(fd.get());
  const int error = os::send_message(launcher_.socket(), &request, sizeof request, passed);
  if (error != 0) return fail_errno("ask the launcher", error);
  if (handle->status.is_open()) watch(epoll_.get(), handle->status.get(), request.token);
  ++kind(zygote).creating;
  Creation& creation = creations_[request.token];
  creation.zygote = zygote;
  creation.handle = std::move(handle);
  creation.deadline = clock_.steady_now() + kCreationLimit;
  return {};
}

void SandboxPool::handle_launcher() {
  LauncherEvent event;
  os::ReceivedMessage message;
  const int error =
      os::receive_message(launcher_.socket(), &event, sizeof event, message, MSG_DONTWAIT);
  if (error == EAGAIN) return;
  if (error != 0 || message.size != sizeof event || event.magic != sandbox::kProtocolMagic) {
    message.close_all();
    return lose("the launcher is gone");
  }
  UniqueFd descriptor = message.take(0);
  message.close_all();
  handle_event(event, std::move(descriptor));
}

void SandboxPool::handle_event(const LauncherEvent& event, UniqueFd descriptor) {
  if (event.kind == LauncherEventKind::kFatal) {
    return lose(creation_error(event.step, event.error).describe());
  }
  const std::lock_guard lock(mutex_);
  switch (event.kind) {
    case LauncherEventKind::kReady:
      launcher_ready_ = true;
      controllers_ = event.value;
      landlock_abi_ = event.detail;
      kind(Zygote::kNone).usable = true;
      break;
    case LauncherEventKind::kZygoteReady:
    case LauncherEventKind::kZygoteLost: {
      if (event.token >= kinds_.size()) return;
      const bool ready = event.kind == LauncherEventKind::kZygoteReady;
      kinds_[event.token].usable = ready;
      if (!ready) {
        log_.warning("a zygote is lost", {{"zygote", std::int64_t(event.token)}});
        // Nobody would report the end of a program in these.
        kinds_[event.token].ready.clear();
        refuse_waiters(kinds_[event.token], "the interpreter is being replaced");
      }
      break;
    }
    case LauncherEventKind::kCreated: {
      const auto found = creations_.find(event.token);
      if (found == creations_.end()) return;
      found->second.handle->oom_events = std::move(descriptor);
      found->second.created = true;
      // One with a program is delivered when that says that it is armed.
      if (found->second.zygote == Zygote::kNone || found->second.armed) deliver(event.token);
      break;
    }
    case LauncherEventKind::kResized:
      end_resize(event.token, std::nullopt);
      break;
    case LauncherEventKind::kFailed:
      if (!end_resize(event.token, creation_error(event.step, event.error))) {
        fail_creation(event.token, creation_error(event.step, event.error));
      }
      break;
    case LauncherEventKind::kEnded:
    case LauncherEventKind::kFatal:
      break;
  }
  state_changed_.notify_all();
}

// Only this thread ends a creation, so the descriptor stays open between the two looks.
void SandboxPool::handle_status(std::uint64_t token) {
  int status = -1;
  {
    const std::lock_guard lock(mutex_);
    const auto found = creations_.find(token);
    if (found == creations_.end()) return;
    status = found->second.handle->status.get();
  }
  sandbox::StatusRecord record;
  const ssize_t count = ::read(status, &record, sizeof record);
  if (count < 0 && errno == EAGAIN) return;
  const bool whole =
      count == static_cast<ssize_t>(sizeof record) && record.magic == sandbox::kProtocolMagic;
  const std::lock_guard lock(mutex_);
  if (whole && record.kind == sandbox::StatusKind::kArmed) {
    // The rest of the pipe is for whoever runs the program.
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, status, nullptr);
    Creation& creation = creations_.find(token)->second;
    creation.armed = true;
    // The launcher's word may come later than the program's; it brings the OOM counter.
    if (creation.created) deliver(token);
    return;
  }
  fail_creation(token, whole ? creation_error(record.step, record.error)
                             : Error{ErrorCode::kUnavailable, "the zygote is gone", 0, {}});
}

void SandboxPool::deliver(std::uint64_t token) {
  auto node = creations_.extract(token);
  Creation& creation = node.mapped();
  Kind& one = kind(creation.zygote);
  --one.creating;
  one.failed = false;
  if (one.waiters.empty()) {
    one.ready.push_back(std::move(creation.handle));
    return;
  }
  Waiter& waiter = *one.waiters.front();
  one.waiters.pop_front();
  waiter.handle = std::move(creation.handle);
  waiter.changed.notify_one();
}

void SandboxPool::fail_creation(std::uint64_t token, Error error) {
  auto node = creations_.extract(token);
  if (node.empty()) return;
  log_.error("a sandbox could not be made", {{"error", error.describe()}});
  Kind& one = kind(node.mapped().zygote);
  --one.creating;
  one.failed = true;
  if (one.waiters.empty()) return;
  Waiter& waiter = *one.waiters.front();
  one.waiters.pop_front();
  waiter.error = std::move(error);
  waiter.changed.notify_one();
}

void SandboxPool::refuse_waiters(Kind& one, const std::string& reason) {
  for (Waiter* waiter : one.waiters) {
    waiter->error = Error{ErrorCode::kUnavailable, reason, 0, {}};
    waiter->changed.notify_one();
  }
  one.waiters.clear();
}

void SandboxPool::lose(const std::string& reason) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, launcher_.socket(), nullptr);
  {
    const std::lock_guard lock(mutex_);
    if (!lost_reason_.empty()) return;
    lost_reason_ = reason;
    creations_.clear();
    while (!resizes_.empty())
      end_resize(resizes_.begin()->first, Error{ErrorCode::kUnavailable, reason, 0, {}});
    for (Kind& one : kinds_) {
      one.ready.clear();
      one.creating = 0;
      refuse_waiters(one, reason);
    }
    state_changed_.notify_all();
  }
  if (on_lost_) on_lost_(reason);
}

}  // namespace cloister::backends::native
