// The runs of one session come one after the other, in the order they asked. One that waits for
// somebody outside lets others have the turn meanwhile. Thread safe.
#pragma once

#include <compare>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace cloister::engine {

struct SessionKey {
  std::string tenant;
  std::string id;
  auto operator<=>(const SessionKey&) const = default;
};

class SessionTurns;

// The right to be the only one that runs something in a session; given on to the next waiter on
// destruction. Must not outlive its SessionTurns. Used by one thread.
class SessionTurn {
 public:
  SessionTurn(SessionTurn&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)),
        key_(std::move(other.key_)),
        holder_(std::move(other.holder_)),
        is_paused_(other.is_paused_) {}
  SessionTurn& operator=(SessionTurn&&) = delete;
  ~SessionTurn();

  // `interrupt` is called once, from any thread, when the turn is interrupted; now when it has been
  // already. It must not use the turns. An empty function ends that: no call is under way once this
  // has returned.
  void set_interrupt(std::function<void()> interrupt);
  bool is_interrupted() const;

  // Lets others have the turn; they still cannot end the session unnoticed: an interrupt reaches
  // this turn, too, and try_take() finds the session in use.
  void pause();
  // Waits until it is this one's turn again, before all others that wait.
  void resume();

 private:
  friend class SessionTurns;
  struct Holder {
    std::mutex mutex;
    // Guarded by mutex:
    bool interrupted = false;
    std::function<void()> interrupt;
  };
  SessionTurn(SessionTurns* owner, SessionKey key, std::shared_ptr<Holder> holder)
      : owner_(owner), key_(std::move(key)), holder_(std::move(holder)) {}

  SessionTurns* owner_;
  SessionKey key_;
  std::shared_ptr<Holder> holder_;
  bool is_paused_ = false;
};

class SessionTurns {
 public:
  // `waiters_max`: how many may wait for one session.
  explicit SessionTurns(std::size_t waiters_max) : waiters_max_(waiters_max) {}

  // Waits as long as the turns before it take. kSaturated when too many wait.
  Result<SessionTurn> take(SessionKey key);
  // Nothing when somebody has the turn.
  std::optional<SessionTurn> try_take(SessionKey key);
  // Interrupts whoever has the turn.
  void interrupt(const SessionKey& key);

  std::size_t waiting(const SessionKey& key) const;

 private:
  friend class SessionTurn;
  using HolderPtr = std::shared_ptr<SessionTurn::Holder>;
  struct Waiter {
    std::condition_variable granted;
    HolderPtr resuming;  // Of a paused turn that wants to go on; null for a new one.
    HolderPtr holder;    // Once it is granted.
  };
  struct Place {
    HolderPtr holder;  // Null while nobody but paused turns is there.
    std::deque<Waiter*> waiters;
    std::vector<HolderPtr> paused;
  };
  using Places = std::map<SessionKey, Place>;

  void release(const SessionKey& key, const HolderPtr& holder);
  void pause(const SessionKey& key, const HolderPtr& holder);
  void resume(const SessionKey& key, const HolderPtr& holder);
  // Requires mutex_. Gives a turn that nobody has to the next waiter; forgets the place when nobody
  // is left.
  void grant_next(Places::iterator place);

  const std::size_t waiters_max_;

  mutable std::mutex mutex_;
  Places places_;  // Guarded by mutex_: sessions that somebody uses.
};

}  // namespace cloister::engine
