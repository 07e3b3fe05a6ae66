// Whether sandboxes can be started: checked in the background, answered from memory.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "engine/backend.h"
#include "observe/log.h"

namespace cloister::api::operations {

struct HealthLimits {
  Milliseconds interval{30000};
  Milliseconds check_timeout{2500};
};

struct HealthReport {
  bool usable = false;
  bool stale = false;   // No check has finished for three intervals and one time-out.
  std::string message;  // Why not usable; empty when usable.
  engine::BackendStatus backend;
};

// Thread safe. Owns one thread between start() and stop().
class HealthMonitor {
 public:
  // Nothing is owned; all must outlive the monitor.
  HealthMonitor(engine::Backend& backend, const Logger& log, const Clock& clock,
                HealthLimits limits);
  ~HealthMonitor();
  HealthMonitor(const HealthMonitor&) = delete;
  HealthMonitor& operator=(const HealthMonitor&) = delete;

  void start();
  // Waits for a check under way.
  void stop();

  // From memory, at once.
  HealthReport current() const;
  // The report after a check that ends after this call began. Callers share one check at a time.
  HealthReport check_now();

 private:
  void run();
  void check(std::unique_lock<std::mutex>& lock);  // Requires that checking_ is false.
  HealthReport report() const;                     // Requires mutex_.

  engine::Backend& backend_;
  const Logger& log_;
  const Clock& clock_;
  const HealthLimits limits_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  bool stopping_ = false;
  bool checking_ = false;
  std::uint64_t checks_finished_ = 0;
  SteadyTime last_finished_;
  std::string problem_ = "No check of the backend has finished yet";  // Empty: usable.

  std::thread thread_;
};

}  // namespace cloister::api::operations
