// Ready sandboxes, each used once, made by the launcher and refilled in the background.
//
// One thread talks to the launcher: it asks for sandboxes, learns when they are armed, and hands
// each to whoever waits longest, else keeps it ready. How many are kept follows the load: a caller
// that had to wait raises the number for its kind, quiet time lowers it again.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "backends/native/launcher_process.h"
#include "backends/native/sandbox_handle.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "observe/log.h"
#include "sandbox/protocol.h"

namespace cloister::backends::native {

struct PoolOptions {
  // Kept ready for plain Python programs; other kinds keep a part of it. 0: none is kept.
  std::size_t ready = 4;
  std::size_t ready_max = 32;    // Of one kind, under load.
  std::size_t creating_max = 8;  // At the same time, all kinds together.
  bool zygotes = true;           // False: only sandboxes without an interpreter are made.
  sandbox::SandboxLimits limits;
  // The most processor time that a run may ask for (RunSpec::cpu_seconds), which interpreters are
  // armed with; limits.cpu_seconds is that of a run that does not name any. 0: no more than that.
  std::uint32_t cpu_seconds_max = 0;
};

// Thread safe. Outlives every Lease.
class SandboxPool {
 public:
  // A sandbox in use. Ends with its destruction, also when its init no longer listens.
  class Lease {
   public:
    Lease(std::unique_ptr<SandboxHandle> handle, SandboxPool& pool)
        : handle_(std::move(handle)), pool_(&pool) {
      pool.running_.fetch_add(1);
    }
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (handle_) pool_->end(std::move(handle_));
    }
    SandboxHandle& handle() { return *handle_; }
    const SandboxHandle& handle() const { return *handle_; }

   private:
    std::unique_ptr<SandboxHandle> handle_;
    SandboxPool* pool_;
  };

  // `log` and `clock` must outlive the pool. `on_lost` is called once, on the pool's thread, when
  // the launcher is gone and no sandbox can be had any more.
  SandboxPool(LauncherProcess launcher, PoolOptions options, const Logger& log, const Clock& clock,
              std::function<void(const std::string& reason)> on_lost);
  ~SandboxPool();

  // Waits until the launcher serves and, with zygotes, the base one forks. kUnavailable with the
  // reason.
  Result<void> wait_until_ready(Milliseconds limit);

  // A sandbox with an interpreter of this zygote, or of the nearest smaller one that runs; kNone: a
  // session's. kUnavailable when there is none within `limit` or the launcher is gone.
  Result<Lease> take(sandbox::Zygote zygote, Milliseconds limit);

  // Changes the memory limit of a sandbox in use. Nothing to do where memory is not limited.
  // kUnavailable when that fails.
  Result<void> resize(const Lease& lease, std::uint64_t memory_bytes, Milliseconds limit);

  std::size_t ready() const;
  std::size_t running() const { return running_.load(); }
  bool is_lost() const;
  // Bits of os::CgroupController that are in force, and the Landlock ABI; 0 before it is ready.
  std::uint64_t controllers() const;
  std::uint64_t landlock_abi() const;

 private:
  struct Waiter {
    std::condition_variable changed;
    std::unique_ptr<SandboxHandle> handle;
    std::optional<Error> error;
  };
  struct Resize {
    std::condition_variable changed;
    bool done = false;
    std::optional<Error> error;
  };
  struct Kind {
    std::deque<std::unique_ptr<SandboxHandle>> ready;
    std::deque<Waiter*> waiters;
    std::size_t creating = 0;
    std::size_t wanted = 0;  // To be kept ready at present.
    std::size_t floor = 0;   // Where `wanted` falls back to.
    bool usable = false;     // Its zygote runs.
    bool failed = false;     // The last creation failed; not refilled until somebody asks.
    SteadyTime last_miss{};
  };
  struct Creation {
    sandbox::Zygote zygote = sandbox::Zygote::kNone;
    std::unique_ptr<SandboxHandle> handle;
    SteadyTime deadline{};
    bool created = false;  // The launcher has said so.
    bool armed = false;    // Its program has.
  };

  void run();
  void wake();
  void end(std::unique_ptr<SandboxHandle> handle);
  void create_missing();                        // Requires mutex_.
  Result<void> create(sandbox::Zygote zygote);  // Requires mutex_.
  void handle_launcher();
  void handle_event(const sandbox::LauncherEvent& event, UniqueFd descriptor);
  void handle_status(std::uint64_t token);
  void deliver(std::uint64_t token);                     // Requires mutex_.
  void fail_creation(std::uint64_t token, Error error);  // Requires mutex_.
  // For a resize under way: its end. False when there is none for the token.
  bool end_resize(std::uint64_t token, std::optional<Error> error);  // Requires mutex_.
  void lose(const std::string& reason);
  static void refuse_waiters(Kind& one, const std::string& reason);  // Requires mutex_.
  void shrink();                                                     // Requires mutex_.
  void give_up_late_creations();                                     // Requires mutex_.
  int wait_ms() const;                                               // Requires mutex_.
  Kind& kind(sandbox::Zygote zygote) { return kinds_[static_cast<std::size_t>(zygote)]; }
  sandbox::Zygote nearest_usable(sandbox::Zygote zygote);  // Requires mutex_.

  // Constant after construction.
  LauncherProcess launcher_;
  const PoolOptions options_;
  const Logger& log_;
  const Clock& clock_;
  const std::function<void(const std::string&)> on_lost_;
  UniqueFd epoll_;
  UniqueFd wake_;

  std::atomic<std::size_t> running_{0};

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::condition_variable state_changed_;
  std::array<Kind, sandbox::kZygoteCount> kinds_;
  std::map<std::uint64_t, Creation> creations_;
  std::map<std::uint64_t, Resize*> resizes_;
  std::uint64_t next_token_ = 1;
  bool stopping_ = false;
  bool launcher_ready_ = false;
  std::string lost_reason_;
  std::uint64_t controllers_ = 0;
  std::uint64_t landlock_abi_ = 0;

  std::thread thread_;  // Last: uses everything above.
};

}  // namespace cloister::backends::native
