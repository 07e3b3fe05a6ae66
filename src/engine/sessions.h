// The SessionManager over a Backend.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/session_manager.h"
#include "store/session_table.h"

namespace cloister::engine {

// The names under which an ExecutionObserver counts the calls of sessions.
inline constexpr std::string_view kSessionCreateOperation = "session_create";
inline constexpr std::string_view kSessionRunOperation = "session_bash";

struct SessionLimits {
  std::size_t sessions_max = 256;  // Those that live and those that are being created.
  // How long the record of a session that has ended is kept.
  std::chrono::hours keep_records{24 * 7};
};

// Thread safe. A session ends once, for the first of: expiry, remove(), the death of its sandbox,
// shut_down(). Its processes are ended first, its record after that; a command that runs then gives
// kNotFound. The sandbox object goes when the last call that uses it has returned.
class Sessions final : public SessionManager {
 public:
  // Nothing is owned; all must outlive this object.
  Sessions(Backend& backend, FileStore& files, Admission& admission, store::SessionTable& table,
           ExecutionObserver& observer, const Clock& clock, SessionLimits limits);
  // Ends every session. No other call may be under way.
  ~Sessions() override;

  // To be called at start, before anything else: ends the records of the last process's sessions.
  Result<void> recover();
  // Ends every session now and refuses new ones with kUnavailable.
  void shut_down();

  Result<SessionRecord> create(const SessionSpec& spec, const Cancellation& cancellation) override;
  Result<RunOutcome> run(std::string_view tenant, std::string_view session_id, const RunSpec& spec,
                         const Cancellation& cancellation, RunObserver& observer) override;
  Result<void> remove(std::string_view tenant, std::string_view session_id) override;
  std::size_t size() const override;
  SteadyTime sweep() override;
  void set_expiry_listener(std::function<void()> listener) override;

 private:
  struct Session;
  using SessionPtr = std::shared_ptr<Session>;

  Result<void> reserve();
  void cancel_reservation();
  Result<SessionPtr> prepare(const SessionSpec& spec, const Cancellation& cancellation,
                             ExecutionTimings& timings);
  // Gives the caller's reservation to the session, whether that fails or not.
  Result<void> publish(const SessionPtr& session);
  SessionPtr find(std::string_view tenant, std::string_view session_id);
  // Takes it out of the table of live ones; false when somebody else did that before.
  bool withdraw(const SessionPtr& session);
  void end(const SessionPtr& session, std::string_view reason);
  bool has_expired(const Session& session) const;
  void forget_old_records();

  Backend& backend_;
  FileStore& files_;
  Admission& admission_;
  store::SessionTable& table_;
  ExecutionObserver& observer_;
  const Clock& clock_;
  const SessionLimits limits_;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::map<std::string, SessionPtr, std::less<>> live_;
  std::size_t reserved_ = 0;  // Sessions that are being created.
  bool shutting_down_ = false;
  SteadyTime next_sweep_ = SteadyTime::max();
  SteadyTime next_forgetting_ = SteadyTime::min();

  std::mutex listener_mutex_;
  std::function<void()> expiry_listener_;  // Guarded by listener_mutex_, called with it held.
};

}  // namespace cloister::engine
