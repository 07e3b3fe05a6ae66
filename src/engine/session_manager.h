// Sessions: sandboxes that outlive a call. Thread safe.
//
// A session's files live in memory with its sandbox and end with it: at its expiry, when it is
// deleted, or when the server stops. Its record is in the metadata store.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "engine/executor.h"

namespace cloister::engine {

struct SessionRecord {
  std::string id;
  std::string tenant;
  WallTime created_at{};
  WallTime expires_at{};
};

struct SessionSpec {
  std::string tenant;
  std::string id_prefix;         // "code-session-"; 32 random hexadecimal digits follow.
  Milliseconds time_to_live{0};  // Absolute, from creation; nothing renews it.
  std::vector<InputFile> files;
};

class SessionManager {
 public:
  virtual ~SessionManager() = default;
  // Same check order as Executor::execute.
  virtual Result<SessionRecord> create(const SessionSpec& spec,
                                       const Cancellation& cancellation) = 0;
  // kNotFound for an id that is unknown, expired or another tenant's. Holds an execution slot.
  // Calls of one session run in parallel.
  virtual Result<RunOutcome> run(std::string_view tenant, std::string_view session_id,
                                 const RunSpec& spec, const Cancellation& cancellation,
                                 RunObserver& observer) = 0;
  virtual Result<void> remove(std::string_view tenant, std::string_view session_id) = 0;
  virtual std::size_t size() const = 0;
  // Ends what has expired; returns when to call again at the latest.
  virtual SteadyTime sweep() = 0;
  // `listener` is called, from any thread, when a session was created that expires before the time
  // that sweep() gave last; it must not call the session manager. An empty function ends that: no
  // call is under way once this has returned.
  virtual void set_expiry_listener(std::function<void()> listener) = 0;
};

}  // namespace cloister::engine
