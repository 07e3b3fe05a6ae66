#include "engine/session_turns.h"

namespace cloister::engine {

SessionTurn::~SessionTurn() {
  if (owner_ != nullptr) owner_->release(key_, holder_);
}

void SessionTurn::pause() {
  if (std::exchange(is_paused_, true)) return;
  owner_->pause(key_, holder_);
}

void SessionTurn::resume() {
  if (!std::exchange(is_paused_, false)) return;
  owner_->resume(key_, holder_);
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
  const auto place = places_.try_emplace(key).first;
  // Nobody waits for a turn that nobody has: grant_next() sees to that.
  if (place->second.holder == nullptr) {
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
  std::vector<HolderPtr> holders;
  {
    const std::lock_guard lock(mutex_);
    const auto place = places_.find(key);
    if (place == places_.end()) return;
    holders = place->second.paused;
    if (place->second.holder != nullptr) holders.push_back(place->second.holder);
  }
  for (const HolderPtr& holder : holders) {
    const std::lock_guard lock(holder->mutex);
    if (std::exchange(holder->interrupted, true)) continue;
    if (holder->interrupt) holder->interrupt();
  }
}

std::size_t SessionTurns::waiting(const SessionKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  return place == places_.end() ? 0 : place->second.waiters.size();
}

void SessionTurns::release(const SessionKey& key, const HolderPtr& holder) {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  std::erase(place->second.paused, holder);
  if (place->second.holder == holder) place->second.holder = nullptr;
  grant_next(place);
}

void SessionTurns::pause(const SessionKey& key, const HolderPtr& holder) {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  place->second.paused.push_back(holder);
  place->second.holder = nullptr;
  grant_next(place);
}

void SessionTurns::resume(const SessionKey& key, const HolderPtr& holder) {
  std::unique_lock lock(mutex_);
  const auto place = places_.find(key);
  Waiter waiter;
  waiter.resuming = holder;
  place->second.waiters.push_front(&waiter);
  grant_next(place);
  waiter.granted.wait(lock, [&] { return waiter.holder != nullptr; });
}

void SessionTurns::grant_next(Places::iterator place) {
  Place& session = place->second;
  if (session.holder != nullptr) return;
  if (session.waiters.empty()) {
    if (session.paused.empty()) places_.erase(place);
    return;
  }
  Waiter* const next = session.waiters.front();
  session.waiters.pop_front();
  if (next->resuming != nullptr) std::erase(session.paused, next->resuming);
  session.holder =
      next->resuming != nullptr ? next->resuming : std::make_shared<SessionTurn::Holder>();
  // The waiter lives until it gets the mutex, so the notification comes under it.
  next->holder = session.holder;
  next->granted.notify_one();
}

}  // namespace cloister::engine
