// Who may run now: a fixed number of slots and a bounded, fair queue before them.
//
// Order of service: first come, first served within a tenant; tenants take turns. A caller that
// finds the queue full is refused at once; one that waits longer than the limit is refused then.
// Thread safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace cloister::engine {

struct AdmissionLimits {
  std::size_t slots = 16;
  std::size_t queue_length = 256;             // All tenants together.
  std::size_t queue_length_per_tenant = 256;  // One tenant.
  Milliseconds queue_timeout{5000};           // 0: no waiting at all.
};

class Admission;

// One slot, given back on destruction. Must not outlive its Admission.
class AdmissionSlot {
 public:
  AdmissionSlot() = default;
  AdmissionSlot(AdmissionSlot&& other) noexcept;
  AdmissionSlot& operator=(AdmissionSlot&& other) noexcept;
  ~AdmissionSlot();
  Microseconds waited() const { return waited_; }

 private:
  friend class Admission;
  AdmissionSlot(Admission* owner, Microseconds waited) : owner_(owner), waited_(waited) {}
  Admission* owner_ = nullptr;
  Microseconds waited_{0};
};

class Admission {
 public:
  explicit Admission(AdmissionLimits limits) : limits_(limits) {}

  // Waits for a slot. kSaturated when there is none in time, kUnavailable after shut_down().
  // A waiting caller whose client hangs up keeps its place until its turn: the wait is short.
  Result<AdmissionSlot> admit(std::string_view tenant);

  // Refuses everyone from now on, waiting ones included.
  void shut_down();

  std::size_t active() const;
  std::size_t waiting() const;
  const AdmissionLimits& limits() const { return limits_; }

 private:
  friend class AdmissionSlot;
  struct Waiter {
    std::condition_variable granted_or_refused;
    bool granted = false;
  };

  void release();
  void grant_next();                                             // Requires mutex_.
  void forget(const std::string& tenant, const Waiter* waiter);  // Requires mutex_.

  const AdmissionLimits limits_;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::size_t active_ = 0;
  std::size_t waiting_ = 0;
  bool shutting_down_ = false;
  std::map<std::string, std::deque<Waiter*>, std::less<>> queues_;
  std::deque<std::string> turns_;  // Tenants with waiters, next to be served first.
};

}  // namespace cloister::engine
