#include "engine/sweeper.h"

#include <algorithm>
#include <utility>

namespace cloister::engine {

Sweeper::Sweeper(SessionManager& sessions, FileStore& files, const Clock& clock,
                 SweeperSettings settings, StoredSessions* stored_sessions)
    : sessions_(sessions),
      files_(files),
      stored_sessions_(stored_sessions),
      clock_(clock),
      settings_(std::move(settings)) {
  sessions_.set_expiry_listener([this] { wake(); });
  thread_ = std::thread([this] { work(); });
}

Sweeper::~Sweeper() {
  sessions_.set_expiry_listener({});
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  thread_.join();
}

void Sweeper::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_one();
}

void Sweeper::sweep_files() {
  if (stored_sessions_ != nullptr) {
    if (auto swept = stored_sessions_->sweep(); !swept) settings_.on_error(swept.error());
  }
  if (auto swept = files_.sweep(); !swept) settings_.on_error(swept.error());
}

void Sweeper::work() {
  SteadyTime next_files = clock_.steady_now();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    // Before the sweep: a session that is created during it wakes the next wait.
    woken_ = false;
    lock.unlock();
    const SteadyTime next_sessions =
        std::min(sessions_.sweep(), clock_.steady_now() + settings_.sessions_interval_max);
    if (clock_.steady_now() >= next_files) {
      sweep_files();
      next_files = clock_.steady_now() + settings_.files_interval;
    }
    lock.lock();
    const SteadyTime next = std::min(next_sessions, next_files);
    changed_.wait_until(lock, next, [this] { return woken_ || stopping_; });
  }
}

}  // namespace cloister::engine
