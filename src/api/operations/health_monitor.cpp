#include "api/operations/health_monitor.h"

#include <utility>

namespace cloister::api::operations {

HealthMonitor::HealthMonitor(engine::Backend& backend, const Logger& log, const Clock& clock,
                             HealthLimits limits)
    : backend_(backend),
      log_(log),
      clock_(clock),
      limits_(limits),
      last_finished_(clock.steady_now()) {}

HealthMonitor::~HealthMonitor() {
  stop();
}

void HealthMonitor::start() {
  thread_ = std::thread([this] { run(); });
}

void HealthMonitor::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void HealthMonitor::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!checking_) check(lock);
    changed_.wait_for(lock, limits_.interval, [this] { return stopping_; });
  }
}

void HealthMonitor::check(std::unique_lock<std::mutex>& lock) {
  checking_ = true;
  lock.unlock();
  const Result<void> result = backend_.check(limits_.check_timeout);
  lock.lock();
  std::string problem;
  // A backend that is full has shown that it works.
  if (!result && result.error().code != ErrorCode::kSaturated) {
    problem = result.error().message;
    if (problem.empty()) problem = "The backend cannot start a sandbox";
    if (problem != problem_) {
      log_.error("backend check failed", {{"error", result.error().describe()}});
    }
  } else if (!problem_.empty()) {
    log_.info("backend is usable");
  }
  problem_ = std::move(problem);
  checking_ = false;
  ++checks_finished_;
  last_finished_ = clock_.steady_now();
  changed_.notify_all();
}

HealthReport HealthMonitor::current() const {
  const std::lock_guard lock(mutex_);
  return report();
}

HealthReport HealthMonitor::check_now() {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = checks_finished_ + 1;
  while (checks_finished_ < wanted && !stopping_) {
    if (checking_) {
      changed_.wait(lock);
    } else {
      check(lock);
    }
  }
  return report();
}

HealthReport HealthMonitor::report() const {
  HealthReport result;
  result.backend = backend_.status();
  result.stale =
      clock_.steady_now() - last_finished_ > 3 * limits_.interval + limits_.check_timeout;
  if (result.stale) {
    result.message = "The checks of the backend no longer finish";
  } else if (!problem_.empty()) {
    result.message = problem_;
  } else if (!result.backend.usable) {
    result.message =
        result.backend.message.empty() ? "The backend is not usable" : result.backend.message;
  }
  result.usable = result.message.empty();
  return result;
}

}  // namespace cloister::api::operations
