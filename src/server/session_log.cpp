#include "server/session_log.h"

namespace cloister::server {

void SessionLog::on_created(const engine::StoredSession& session) {
  log_.info("session created", {{"session", session.id}, {"tenant", session.tenant}});
}

void SessionLog::on_run(const engine::StoredSession& session, std::string_view language) {
  log_.debug("session used",
             {{"session", session.id}, {"language", language}, {"runs", session.runs + 1}});
}

void SessionLog::on_expired(const engine::StoredSession& session) {
  log_.info("session expired", {{"session", session.id}, {"runs", session.runs}});
}

void SessionLog::on_deleted(const engine::StoredSession& session) {
  log_.info("session deleted", {{"session", session.id}, {"runs", session.runs}});
}

void SessionLog::on_swept(std::size_t ended, std::size_t kept_in_use) {
  if (ended == 0 && kept_in_use == 0) return;
  log_.info("sessions swept", {{"ended", ended}, {"kept_in_use", kept_in_use}});
}

}  // namespace cloister::server
