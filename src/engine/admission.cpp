#include "engine/admission.h"

#include <algorithm>
#include <utility>

namespace cloister::engine {
namespace {

tl::unexpected<Error> saturated() {
  return fail(
      ErrorCode::kSaturated,
      "Execution capacity on this replica is saturated. Retry after the Retry-After delay.");
}

tl::unexpected<Error> shutting_down() {
  return fail(ErrorCode::kUnavailable, "The server is shutting down.");
}

}  // namespace

AdmissionSlot::AdmissionSlot(AdmissionSlot&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), waited_(other.waited_) {}

AdmissionSlot& AdmissionSlot::operator=(AdmissionSlot&& other) noexcept {
  if (this != &other) {
    if (owner_ != nullptr) owner_->release();
    owner_ = std::exchange(other.owner_, nullptr);
    waited_ = other.waited_;
  }
  return *this;
}

AdmissionSlot::~AdmissionSlot() {
  if (owner_ != nullptr) owner_->release();
}

Result<AdmissionSlot> Admission::admit(std::string_view tenant) {
  std::unique_lock lock(mutex_);
  if (shutting_down_) return shutting_down();
  // A free slot while somebody waits does not occur: release() hands it on at once.
  if (active_ < limits_.slots) {
    ++active_;
    return AdmissionSlot(this, Microseconds(0));
  }
  if (limits_.queue_timeout.count() <= 0 || waiting_ >= limits_.queue_length) return saturated();
  const auto known = queues_.find(tenant);
  if ((known == queues_.end() ? 0 : known->second.size()) >= limits_.queue_length_per_tenant) {
    return saturated();
  }

  Waiter waiter;
  const std::string owner(tenant);
  std::deque<Waiter*>& queue = queues_[owner];
  if (queue.empty()) turns_.push_back(owner);
  queue.push_back(&waiter);
  ++waiting_;
  const auto begin = std::chrono::steady_clock::now();
  waiter.granted_or_refused.wait_until(lock, begin + limits_.queue_timeout,
                                       [&] { return waiter.granted || shutting_down_; });
  if (!waiter.granted) {
    forget(owner, &waiter);
    if (shutting_down_) return shutting_down();
    return saturated();
  }
  return AdmissionSlot(
      this, std::chrono::duration_cast<Microseconds>(std::chrono::steady_clock::now() - begin));
}

void Admission::shut_down() {
  const std::lock_guard lock(mutex_);
  shutting_down_ = true;
  for (const auto& [tenant, queue] : queues_) {
    for (Waiter* const waiter : queue)
      waiter->granted_or_refused.notify_one();
  }
}

std::size_t Admission::active() const {
  const std::lock_guard lock(mutex_);
  return active_;
}

std::size_t Admission::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

void Admission::release() {
  const std::lock_guard lock(mutex_);
  --active_;
  if (!shutting_down_) grant_next();
}

void Admission::grant_next() {
  if (turns_.empty()) return;
  const std::string tenant = std::move(turns_.front());
  turns_.pop_front();
  const auto queue = queues_.find(tenant);
  Waiter* const waiter = queue->second.front();
  queue->second.pop_front();
  if (queue->second.empty()) {
    queues_.erase(queue);
  } else {
    turns_.push_back(tenant);
  }
  --waiting_;
  // The slot changes hands here and not when the waiter wakes up, so that no newcomer takes it. The
  // waiter lives until it gets the mutex, so the notification comes under it.
  ++active_;
  waiter->granted = true;
  waiter->granted_or_refused.notify_one();
}

void Admission::forget(const std::string& tenant, const Waiter* waiter) {
  const auto queue = queues_.find(tenant);
  std::erase(queue->second, waiter);
  --waiting_;
  if (!queue->second.empty()) return;
  queues_.erase(queue);
  std::erase(turns_, tenant);
}

}  // namespace cloister::engine
