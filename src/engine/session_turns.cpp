#include "engine/session_turns.h"

namespace cloister::engine {

SessionTurn::~SessionTurn() {
  if (owner_ != nullptr) owner_->release(key_);
}

void SessionTurn::set_interrupt(std::function<void()> interrupt) {
  const std::lock_guard lock(holder_->mutex);
  holder_->interrupt = std::move(interrupt);
  if (holder_->interrupted && holder_->interrupt) holder_->interrupt();
}

bool SessionTurn::is_interrupted() const {
  const std::lock_guard lock(holder_->mutex);
  return holder_->interrupted;
}

Result<SessionTurn> SessionTurns::take(SessionKey key) {
  std::unique_lock lock(mutex_);
  const auto [place, is_free] = places_.try_emplace(key);
  if (is_free) {
    place->second.holder = std::make_shared<SessionTurn::Holder>();
    return SessionTurn(this, std::move(key), place->second.holder);
  }
  if (place->second.waiters.size() >= waiters_max_) {
    return fail(ErrorCode::kSaturated,
                "Too many runs wait for the session '" + key.id + "'. Retry later.");
  }
  Waiter waiter;
  place->second.waiters.push_back(&waiter);
  waiter.granted.wait(lock, [&] { return waiter.holder != nullptr; });
  return SessionTurn(this, std::move(key), std::move(waiter.holder));
}

std::optional<SessionTurn> SessionTurns::try_take(SessionKey key) {
  const std::lock_guard lock(mutex_);
  const auto [place, is_free] = places_.try_emplace(key);
  if (!is_free) return std::nullopt;
  place->second.holder = std::make_shared<SessionTurn::Holder>();
  return SessionTurn(this, std::move(key), place->second.holder);
}

void SessionTurns::interrupt(const SessionKey& key) {
  HolderPtr holder;
  {
    const std::lock_guard lock(mutex_);
    const auto place = places_.find(key);
    if (place == places_.end()) return;
    holder = place->second.holder;
  }
  const std::lock_guard lock(holder->mutex);
  if (std::exchange(holder->interrupted, true)) return;
  if (holder->interrupt) holder->interrupt();
}

std::size_t SessionTurns::waiting(const SessionKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  return place == places_.end() ? 0 : place->second.waiters.size();
}

void SessionTurns::release(const SessionKey& key) {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  if (place->second.waiters.empty()) {
    places_.erase(place);
    return;
  }
  Waiter* const next = place->second.waiters.front();
  place->second.waiters.pop_front();
  place->second.holder = std::make_shared<SessionTurn::Holder>();
  // The waiter lives until it gets the mutex, so the notification comes under it.
  next->holder = place->second.holder;
  next->granted.notify_one();
}

}  // namespace cloister::engine
