// Writes the life of stored sessions to the log.
#pragma once

#include "engine/stored_sessions.h"
#include "observe/log.h"

namespace cloister::server {

// Thread safe. `log` is not owned and must outlive the observer.
class SessionLog final : public engine::StoredSessionObserver {
 public:
  explicit SessionLog(const Logger& log) : log_(log) {}

  void on_created(const engine::StoredSession& session) override;
  void on_run(const engine::StoredSession& session, std::string_view language) override;
  void on_expired(const engine::StoredSession& session) override;
  void on_deleted(const engine::StoredSession& session) override;
  void on_swept(std::size_t ended, std::size_t kept_in_use) override;

 private:
  const Logger& log_;
};

}  // namespace cloister::server
