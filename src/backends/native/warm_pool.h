// Sandboxes whose process has been started ahead and waits for its program.
//
// A command that was asked for is from then on kept ready: one thread starts what is missing, off
// the way of any request. A caller that finds none gets one that is started at once, and raises how
// many are kept; quiet time lowers that again. Of distinct commands the most recently used are
// kept.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "engine/backend.h"
#include "observe/log.h"

namespace cloister::backends::native {

struct WarmPoolOptions {
  std::size_t ready = 2;         // Kept for each command; 0: none.
  std::size_t ready_max = 8;     // Under load.
  std::size_t commands_max = 4;  // Distinct ones.
};

// What is started ahead, and in how much memory.
struct WarmCommand {
  std::vector<std::string> argv;
  std::uint64_t memory_bytes = 0;  // 0: the backend's default.

  bool operator==(const WarmCommand&) const = default;
};

struct WarmSandbox {
  std::unique_ptr<engine::Sandbox> sandbox;
  std::function<bool()> is_waiting;  // Whether the process is still there; valid with the sandbox.
};

// Thread safe.
class WarmPool {
 public:
  // Starts a process in a sandbox; called on callers' threads and on the pool's own.
  using Start = std::function<Result<WarmSandbox>(const WarmCommand& command)>;

  // `log` and `clock`, and what `start` uses, must outlive the pool.
  WarmPool(WarmPoolOptions options, Start start, const Logger& log, const Clock& clock);
  // Ends what is kept. Waits for a start that is under way.
  ~WarmPool();

  // One that waits for its program; an error is that of starting one.
  Result<std::unique_ptr<engine::Sandbox>> take(const WarmCommand& command);

  std::size_t ready() const;

 private:
  struct Entry {
    WarmCommand command;
    std::deque<WarmSandbox> ready;
    std::size_t wanted = 0;
    bool failed = false;      // The last start failed; not refilled until somebody asks.
    std::uint64_t asked = 0;  // How often.
    SteadyTime last_miss{};
  };

  void run();
  Entry& find_or_add(const WarmCommand& command, std::vector<WarmSandbox>& dropped);
  Entry* find(const WarmCommand& command);  // Requires mutex_, as the others here.
  Entry* first_incomplete();
  void shrink(std::vector<WarmSandbox>& dropped);

  // Constant after construction.
  const WarmPoolOptions options_;
  const Start start_;
  const Logger& log_;
  const Clock& clock_;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::condition_variable changed_;
  std::list<Entry> entries_;  // The most recently used one first.
  bool stopping_ = false;

  std::thread thread_;  // Last: uses everything above.
};

}  // namespace cloister::backends::native
