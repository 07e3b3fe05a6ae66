// The thread that ends expired sessions at their time, and removes expired files, and stored
// sessions with theirs, now and then.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "engine/file_store.h"
#include "engine/session_manager.h"
#include "engine/stored_sessions.h"

namespace cloister::engine {

struct SweeperSettings {
  Milliseconds files_interval{30000};         // Of stored sessions, too.
  Milliseconds sessions_interval_max{30000};  // Finds sandboxes that died, too.
  // Told of each failed round, on the sweeper's thread; the next round comes all the same.
  std::function<void(const Error&)> on_error = [](const Error&) {};
};

// Works from construction to destruction. `clock` must run with real time: waits are real.
class Sweeper {
 public:
  // Nothing is owned; all must outlive the sweeper. `stored_sessions` may be null.
  Sweeper(SessionManager& sessions, FileStore& files, const Clock& clock, SweeperSettings settings,
          StoredSessions* stored_sessions = nullptr);
  ~Sweeper();
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

 private:
  void work();
  void wake();
  void sweep_files();

  SessionManager& sessions_;
  FileStore& files_;
  StoredSessions* const stored_sessions_;
  const Clock& clock_;
  const SweeperSettings settings_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  bool woken_ = false;
  bool stopping_ = false;

  std::thread thread_;  // Last: it uses everything above.
};

}  // namespace cloister::engine
