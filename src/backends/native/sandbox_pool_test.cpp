// The pool against a launcher that is the test itself.
#include "backends/native/sandbox_pool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <future>
#include <set>
#include <vector>

#include "os/memfd.h"
#include "os/unix_message.h"
#include "sandbox/status.h"
#include "sandbox/step.h"

namespace cloister::backends::native {
namespace {

using sandbox::LauncherEvent;
using sandbox::LauncherEventKind;
using sandbox::Zygote;

constexpr Milliseconds kLong{20000};

// A request with the descriptors that came with it.
struct Asked {
  sandbox::CreateRequest request;
  std::vector<UniqueFd> descriptors;

  std::uint64_t token() const { return request.token; }
  Zygote zygote() const { return request.zygote; }
  void arm() const { sandbox::write_armed(descriptors.at(2).get()); }
};

// Speaks the launcher's side of sandbox/protocol.h.
class FakeLauncher {
 public:
  explicit FakeLauncher(UniqueFd socket) : socket_(std::move(socket)) {}

  // The next request for a sandbox; one with token 0 when none comes within `limit`.
  Asked next(Milliseconds limit = kLong) {
    Asked asked = receive(limit);
    while (asked.token() != 0 && asked.request.kind != sandbox::CreateKind::kCreate)
      asked = receive(limit);
    if (asked.token() == 0) return asked;
    const bool plain = asked.request.zygote == Zygote::kNone;
    EXPECT_EQ(asked.descriptors.size(),
              plain ? sandbox::kCreateFdsPlain : sandbox::kCreateFdsZygote);
    return asked;
  }

  // The token of the next sandbox that is to end.
  std::uint64_t next_end() {
    Asked asked = receive(kLong);
    while (asked.token() != 0 && asked.request.kind != sandbox::CreateKind::kDestroy)
      asked = receive(kLong);
    return asked.token();
  }

  // The next request for another memory limit.
  sandbox::CreateRequest next_resize() {
    Asked asked = receive(kLong);
    while (asked.token() != 0 && asked.request.kind != sandbox::CreateKind::kResize)
      asked = receive(kLong);
    return asked.request;
  }

  void send(LauncherEventKind kind, std::uint64_t token = 0, int descriptor = -1,
            sandbox::Step step = sandbox::Step::kNone, int error = 0) {
    LauncherEvent event;
    event.kind = kind;
    event.token = token;
    event.step = static_cast<std::uint32_t>(step);
    event.error = error;
    if (kind == LauncherEventKind::kReady) {
      event.value = 5;
      event.detail = 3;
    }
    const int passed[] = {descriptor};
    const auto fds = descriptor >= 0 ? std::span<const int>(passed) : std::span<const int>();
    EXPECT_EQ(os::send_message(socket_.get(), &event, sizeof event, fds), 0);
  }
  void zygote_ready(Zygote which) {
    send(LauncherEventKind::kZygoteReady, static_cast<std::uint64_t>(which));
  }
  void created(const Asked& asked, int descriptor = -1) {
    send(LauncherEventKind::kCreated, asked.token(), descriptor);
  }
  void failed(const Asked& asked, sandbox::Step step, int error) {
    send(LauncherEventKind::kFailed, asked.token(), -1, step, error);
  }
  void go() { socket_.reset(); }
  bool pool_is_gone() const {
    pollfd watched{socket_.get(), POLLIN, 0};
    return ::poll(&watched, 1, 0) == 1 && (watched.revents & POLLHUP) != 0;
  }

 private:
  Asked receive(Milliseconds limit) {
    Asked asked;
    pollfd watched{socket_.get(), POLLIN, 0};
    os::ReceivedMessage message;
    if (::poll(&watched, 1, static_cast<int>(limit.count())) != 1 ||
        os::receive_message(socket_.get(), &asked.request, sizeof asked.request, message) != 0 ||
        message.size != sizeof asked.request) {
      asked.request.token = 0;
      return asked;
    }
    EXPECT_EQ(asked.request.magic, sandbox::kProtocolMagic);
    for (std::size_t i = 0; i < message.descriptor_count; ++i)
      asked.descriptors.push_back(message.take(i));
    return asked;
  }

  UniqueFd socket_;
};

bool hung_up(const UniqueFd& fd) {
  pollfd watched{fd.get(), POLLIN, 0};
  return ::poll(&watched, 1, static_cast<int>(kLong.count())) == 1 &&
         (watched.revents & POLLHUP) != 0;
}

class SandboxPoolTest : public testing::Test {
 protected:
  using Taken = std::future<Result<SandboxPool::Lease>>;

  // A pool that keeps `ready` plain interpreters; its launcher serves, with these zygotes.
  void start(std::size_t ready, const std::vector<Zygote>& zygotes = {Zygote::kBase}) {
    auto pair = os::make_seqpacket_pair();
    ASSERT_TRUE(pair.has_value());
    launcher_ = std::make_unique<FakeLauncher>(std::move(pair->second));
    options_.ready = ready;
    pool_ = std::make_unique<SandboxPool>(LauncherProcess::over(std::move(pair->first)), options_,
                                          log_, clock_, [this](const std::string& reason) {
                                            ++losses_;
                                            reason_ = reason;
                                          });
    launcher_->send(LauncherEventKind::kReady);
    // The base last: the pool waits for it, and has heard of the others then.
    for (auto zygote = zygotes.rbegin(); zygote != zygotes.rend(); ++zygote)
      launcher_->zygote_ready(*zygote);
    ASSERT_TRUE(pool_->wait_until_ready(kLong).has_value());
  }

  Taken take(Zygote zygote, Milliseconds limit = kLong) {
    return std::async(std::launch::async, [=, this] { return pool_->take(zygote, limit); });
  }

  // Makes what was asked for; one with a program is armed too.
  void make(const Asked& asked) {
    launcher_->created(asked);
    if (asked.zygote() != Zygote::kNone) asked.arm();
  }

  // What has been made may still be on its way to those that are kept.
  void wait_for_ready(std::size_t count) const {
    const SteadyTime limit = clock_.steady_now() + kLong;
    while (pool_->ready() != count && clock_.steady_now() < limit)
      std::this_thread::yield();
    ASSERT_EQ(pool_->ready(), count);
  }

  SystemClock clock_;
  Logger log_{LogLevel::kError, LogFormat::kPlain, clock_, null_.get()};
  PoolOptions options_;
  std::unique_ptr<FakeLauncher> launcher_;
  std::unique_ptr<SandboxPool> pool_;
  std::atomic<int> losses_{0};
  std::string reason_;

 private:
  inline static const UniqueFd null_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
};

TEST_F(SandboxPoolTest, KnowsWhatTheLauncherHasInForce) {
  start(0);
  EXPECT_EQ(pool_->controllers(), 5U);
  EXPECT_EQ(pool_->landlock_abi(), 3U);
  EXPECT_FALSE(pool_->is_lost());
  EXPECT_EQ(pool_->ready(), 0U);
}

TEST_F(SandboxPoolTest, AReadyOneIsHandedOutOnce) {
  start(2);
  // A session's and two plain ones; each that is taken is replaced.
  std::vector<Asked> asked;
  for (int i = 0; i < 3; ++i) {
    asked.push_back(launcher_->next());
    make(asked.back());
  }
  wait_for_ready(3);
  std::set<std::uint64_t> tokens;
  std::vector<SandboxPool::Lease> leases;
  for (int i = 0; i < 6; ++i) {
    auto lease = take(Zygote::kBase);
    asked.push_back(launcher_->next());
    EXPECT_EQ(asked.back().zygote(), Zygote::kBase);
    make(asked.back());
    auto result = lease.get();
    ASSERT_TRUE(result.has_value()) << result.error().describe();
    EXPECT_TRUE(tokens.insert(result->handle().token).second) << "handed out twice";
    leases.push_back(std::move(*result));
    wait_for_ready(3);
    EXPECT_EQ(pool_->running(), leases.size());
  }
  leases.clear();
  EXPECT_EQ(pool_->running(), 0U);
}

TEST_F(SandboxPoolTest, ASandboxHasItsEndsAndTheLimits) {
  options_.limits.processes = 13;
  start(0);
  auto taken = take(Zygote::kBase);
  const Asked asked = launcher_->next();
  EXPECT_EQ(asked.request.limits.processes, 13U);
  EXPECT_NE(asked.token(), 0U);
  make(asked);
  auto lease = taken.get();
  ASSERT_TRUE(lease.has_value());
  EXPECT_EQ(lease->handle().token, asked.token());
  // What the program writes comes out of the handle's end, and the other way round.
  ASSERT_EQ(::write(asked.descriptors[4].get(), "o", 1), 1);
  ASSERT_EQ(::write(asked.descriptors[5].get(), "e", 1), 1);
  ASSERT_EQ(::write(lease->handle().standard_in.get(), "i", 1), 1);
  char byte = 0;
  ASSERT_EQ(::read(lease->handle().standard_out.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'o');
  ASSERT_EQ(::read(lease->handle().standard_error.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'e');
  ASSERT_EQ(::read(asked.descriptors[3].get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'i');
  EXPECT_TRUE(lease->handle().is_alive());
}

TEST_F(SandboxPoolTest, InterpretersAreArmedWithTheMostProcessorTime) {
  options_.limits.cpu_seconds = 5;
  options_.cpu_seconds_max = 60;
  start(0);
  auto taken = take(Zygote::kBase);
  const Asked asked = launcher_->next();
  EXPECT_EQ(asked.request.limits.cpu_seconds, 60U);
  make(asked);
  EXPECT_TRUE(taken.get().has_value());
}

TEST_F(SandboxPoolTest, TheMemoryOfASandboxIsChanged) {
  start(0);
  auto taken = take(Zygote::kNone);
  const Asked asked = launcher_->next();
  make(asked);
  const auto lease = taken.get();
  ASSERT_TRUE(lease.has_value());
  const auto resize = [&] {
    return std::async(std::launch::async, [&] { return pool_->resize(*lease, 1U << 29, kLong); });
  };
  auto granted = resize();
  const sandbox::CreateRequest request = launcher_->next_resize();
  EXPECT_EQ(request.token, asked.token());
  EXPECT_EQ(request.limits.memory_bytes, 1U << 29);
  launcher_->send(LauncherEventKind::kResized, request.token);
  EXPECT_TRUE(granted.get().has_value());

  auto refused = resize();
  launcher_->next_resize();
  launcher_->send(LauncherEventKind::kFailed, request.token, -1, sandbox::Step::kCgroupResize,
                  EBUSY);
  const auto refusal = refused.get();
  ASSERT_FALSE(refusal.has_value());
  EXPECT_EQ(refusal.error().system_errno, EBUSY);

  auto lost = resize();
  launcher_->next_resize();
  launcher_->go();
  EXPECT_EQ(lost.get().error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(pool_->resize(*lease, 1U << 29, kLong).has_value()) << "at once";
}

TEST_F(SandboxPoolTest, AResizeThatIsNotAnsweredEnds) {
  start(0);
  auto taken = take(Zygote::kNone);
  const Asked asked = launcher_->next();
  make(asked);
  const auto lease = taken.get();
  ASSERT_TRUE(lease.has_value());
  const auto late = pool_->resize(*lease, 1U << 29, Milliseconds(20));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::kUnavailable);
  // An answer that comes then is nobody's.
  launcher_->send(LauncherEventKind::kResized, asked.token());
  launcher_->send(LauncherEventKind::kFailed, asked.token());
  auto again = take(Zygote::kBase);
  make(launcher_->next());
  EXPECT_TRUE(again.get().has_value());
}

TEST_F(SandboxPoolTest, TheEndOfALeaseIsTheEndOfItsSandbox) {
  start(0);
  auto taken = take(Zygote::kNone);
  const Asked asked = launcher_->next();
  make(asked);
  {
    const auto lease = taken.get();
    ASSERT_TRUE(lease.has_value());
  }
  EXPECT_TRUE(hung_up(asked.descriptors[0])) << "the init hears of it";
  EXPECT_EQ(launcher_->next_end(), asked.token()) << "and the launcher, should it not listen";
}

TEST_F(SandboxPoolTest, TheCounterOfKillsComesAlongInAnyOrder) {
  start(0);
  const auto counter = os::make_sealed_memfd("memory.events", "oom_kill 4\n");
  ASSERT_TRUE(counter.has_value());
  for (const bool program_is_first : {false, true}) {
    auto taken = take(Zygote::kBase);
    const Asked asked = launcher_->next();
    if (program_is_first) {
      asked.arm();
      EXPECT_EQ(taken.wait_for(Milliseconds(50)), std::future_status::timeout);
      launcher_->created(asked, counter->get());
    } else {
      launcher_->created(asked, counter->get());
      EXPECT_EQ(taken.wait_for(Milliseconds(50)), std::future_status::timeout);
      asked.arm();
    }
    auto lease = taken.get();
    ASSERT_TRUE(lease.has_value());
    EXPECT_EQ(lease->handle().oom_kills(), 4U) << program_is_first;
  }
}

TEST_F(SandboxPoolTest, WaitersAreServedInTheirOrder) {
  start(0);
  std::vector<Taken> waiters;
  std::vector<Asked> asked;
  for (int i = 0; i < 4; ++i) {
    waiters.push_back(take(Zygote::kBase));
    asked.push_back(launcher_->next());  // It waits now.
  }
  // Whatever becomes ready first goes to who waits longest.
  for (std::size_t i = 0; i < 4; ++i) {
    make(asked[3 - i]);
    auto lease = waiters[i].get();
    ASSERT_TRUE(lease.has_value());
    EXPECT_EQ(lease->handle().token, asked[3 - i].token());
  }
}

TEST_F(SandboxPoolTest, AFailureIsDeliveredToAWaiter) {
  start(0);
  auto taken = take(Zygote::kBase);
  const Asked refused = launcher_->next();
  launcher_->failed(refused, sandbox::Step::kMountProc, EPERM);
  const auto lease = taken.get();
  ASSERT_FALSE(lease.has_value());
  EXPECT_EQ(lease.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(lease.error().system_errno, EPERM);
  EXPECT_NE(lease.error().describe().find("mount /proc"), std::string::npos);
  // The next one is tried again.
  auto again = take(Zygote::kBase);
  make(launcher_->next());
  EXPECT_TRUE(again.get().has_value());
}

TEST_F(SandboxPoolTest, AProgramThatCannotBeArmedIsDeliveredToAWaiter) {
  start(0);
  auto first = take(Zygote::kBase);
  const Asked refused = launcher_->next();
  launcher_->created(refused);
  sandbox::write_failure(refused.descriptors[2].get(), {sandbox::Step::kSeccomp, EINVAL});
  const auto failed = first.get();
  ASSERT_FALSE(failed.has_value());
  EXPECT_NE(failed.error().describe().find("seccomp"), std::string::npos);

  auto second = take(Zygote::kBase);
  {
    const Asked vanished = launcher_->next();  // Its pipe closes without a record.
    launcher_->created(vanished);
  }
  EXPECT_FALSE(second.get().has_value());
}

TEST_F(SandboxPoolTest, WhatFailedIsNotRefilledUntilSomebodyAsks) {
  start(1);
  // A session's and a plain one are kept.
  Asked session = launcher_->next();
  Asked plain = launcher_->next();
  if (session.zygote() != Zygote::kNone) std::swap(session, plain);
  ASSERT_EQ(session.zygote(), Zygote::kNone);
  launcher_->failed(session, sandbox::Step::kCgroupCreate, ENOSPC);
  make(plain);
  wait_for_ready(1);
  ASSERT_TRUE(pool_->take(Zygote::kBase, kLong).has_value());
  const Asked replacement = launcher_->next();
  EXPECT_EQ(replacement.zygote(), Zygote::kBase) << "the one that was taken";
  auto asking = take(Zygote::kNone);
  const Asked again = launcher_->next();
  EXPECT_EQ(again.zygote(), Zygote::kNone);
  make(again);
  EXPECT_TRUE(asking.get().has_value());
}

TEST_F(SandboxPoolTest, ATimeLimitEndsTheWait) {
  start(0);
  const auto lease = pool_->take(Zygote::kBase, Milliseconds(30));
  ASSERT_FALSE(lease.has_value());
  EXPECT_EQ(lease.error().code, ErrorCode::kUnavailable);
  // What was made for it serves the next one.
  const Asked asked = launcher_->next();
  make(asked);
  auto next = pool_->take(Zygote::kBase, kLong);
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->handle().token, asked.token());
}

TEST_F(SandboxPoolTest, TheLaunchersEndWakesEveryWaiter) {
  start(0, {Zygote::kBase, Zygote::kData});
  std::vector<Taken> waiters;
  // Kept: a creation whose descriptors close has failed before the launcher's end is seen.
  std::vector<Asked> asked;
  for (const Zygote zygote : {Zygote::kBase, Zygote::kData, Zygote::kNone, Zygote::kBase}) {
    waiters.push_back(take(zygote));
    asked.push_back(launcher_->next());
    EXPECT_NE(asked.back().token(), 0U);
  }
  launcher_->go();
  for (Taken& waiter : waiters) {
    const auto lease = waiter.get();
    ASSERT_FALSE(lease.has_value());
    EXPECT_EQ(lease.error().code, ErrorCode::kUnavailable);
  }
  EXPECT_TRUE(pool_->is_lost());
  EXPECT_FALSE(pool_->take(Zygote::kBase, kLong).has_value()) << "at once";
  EXPECT_FALSE(pool_->wait_until_ready(kLong).has_value());
  pool_.reset();
  EXPECT_EQ(losses_, 1);
}

TEST_F(SandboxPoolTest, AFatalErrorOfTheLauncherIsTheReason) {
  start(0);
  auto taken = take(Zygote::kBase);
  const Asked asked =
      launcher_->next();  // Its descriptors stay open: only the event ends the wait.
  EXPECT_NE(asked.token(), 0U);
  launcher_->send(LauncherEventKind::kFatal, 0, -1, sandbox::Step::kNamespaces, EPERM);
  const auto lease = taken.get();
  ASSERT_FALSE(lease.has_value());
  launcher_->go();
  pool_.reset();
  EXPECT_EQ(losses_, 1) << "its end after that is not another loss";
  EXPECT_NE(reason_.find("make the launcher's namespaces"), std::string::npos) << reason_;
}

TEST_F(SandboxPoolTest, ALostPoolKeepsNothingReady) {
  start(1);
  make(launcher_->next());
  make(launcher_->next());
  wait_for_ready(2);
  auto session = pool_->take(Zygote::kNone, kLong);
  ASSERT_TRUE(session.has_value());
  launcher_->go();
  // The pool may still be busy with what came before; a caller that waits hears of the loss.
  while (pool_->take(Zygote::kData, kLong).has_value()) {
  }
  EXPECT_EQ(pool_->ready(), 0U);
  EXPECT_EQ(pool_->running(), 1U) << "what is in use stays so";
}

TEST_F(SandboxPoolTest, ThePlaceOfAMissingZygoteIsTakenByASmallerOne) {
  start(0, {Zygote::kBase, Zygote::kData});
  auto plot = take(Zygote::kPlot);
  const Asked asked = launcher_->next();
  EXPECT_EQ(asked.zygote(), Zygote::kData) << "the plot zygote has not come up";
  make(asked);
  EXPECT_TRUE(plot.get().has_value());

  auto session = take(Zygote::kNone);
  const Asked last = launcher_->next();
  launcher_->send(LauncherEventKind::kZygoteLost, static_cast<std::uint64_t>(Zygote::kData));
  make(last);
  ASSERT_TRUE(session.get().has_value());  // So the pool has heard of the loss, too.
  auto data = take(Zygote::kData);
  const Asked instead = launcher_->next();
  EXPECT_EQ(instead.zygote(), Zygote::kBase);
  make(instead);
  EXPECT_TRUE(data.get().has_value());
}

TEST_F(SandboxPoolTest, AZygoteThatComesBackIsUsedAgain) {
  start(0, {Zygote::kBase, Zygote::kData});
  auto session = take(Zygote::kNone);
  const Asked asked = launcher_->next();
  launcher_->send(LauncherEventKind::kZygoteLost, static_cast<std::uint64_t>(Zygote::kData));
  launcher_->zygote_ready(Zygote::kData);
  make(asked);
  ASSERT_TRUE(session.get().has_value());
  auto data = take(Zygote::kData);
  const Asked again = launcher_->next();
  EXPECT_EQ(again.zygote(), Zygote::kData);
  make(again);
  EXPECT_TRUE(data.get().has_value());
}

TEST_F(SandboxPoolTest, EventsAboutStrangersAreIgnored) {
  start(0);
  launcher_->send(LauncherEventKind::kCreated, 12345);
  launcher_->send(LauncherEventKind::kFailed, 12345);
  launcher_->send(LauncherEventKind::kEnded, 12345);
  launcher_->send(LauncherEventKind::kZygoteReady, 99);
  launcher_->send(LauncherEventKind::kZygoteLost, ~0ULL);
  auto taken = take(Zygote::kBase);
  make(launcher_->next());
  EXPECT_TRUE(taken.get().has_value());
}

TEST_F(SandboxPoolTest, NoMoreAreMadeAtATimeThanAllowed) {
  options_.creating_max = 2;
  start(0);
  std::vector<Taken> waiters;
  for (int i = 0; i < 4; ++i)
    waiters.push_back(take(Zygote::kBase));
  std::vector<Asked> asked;
  asked.push_back(launcher_->next());
  asked.push_back(launcher_->next());
  EXPECT_EQ(launcher_->next(Milliseconds(100)).token(), 0U) << "a third one";
  for (std::size_t i = 0; i < 4; ++i) {
    make(asked[i]);
    if (asked.size() < 4) asked.push_back(launcher_->next());
  }
  for (Taken& waiter : waiters)
    EXPECT_TRUE(waiter.get().has_value());
}

TEST_F(SandboxPoolTest, DestructionDoesNotWaitForTheLauncher) {
  start(4);
  std::vector<Asked> asked;
  for (int i = 0; i < 5; ++i) {
    asked.push_back(launcher_->next());
    ASSERT_NE(asked.back().token(), 0U);
  }
  pool_.reset();
  EXPECT_TRUE(launcher_->pool_is_gone());
  for (const Asked& one : asked)
    EXPECT_TRUE(hung_up(one.descriptors[0])) << "its init would live on";
  EXPECT_EQ(losses_, 0) << "an orderly end is no loss";
}

TEST_F(SandboxPoolTest, WithoutABaseZygoteItIsNotReady) {
  auto pair = os::make_seqpacket_pair();
  ASSERT_TRUE(pair.has_value());
  FakeLauncher launcher(std::move(pair->second));
  SandboxPool pool(LauncherProcess::over(std::move(pair->first)), options_, log_, clock_, {});
  launcher.send(LauncherEventKind::kReady);
  const auto ready = pool.wait_until_ready(Milliseconds(30));
  ASSERT_FALSE(ready.has_value());
  EXPECT_EQ(ready.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace cloister::backends::native
