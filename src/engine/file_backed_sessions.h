// The StoredSessions over a file store and the metadata store.
//
// What is promised: bytes are stored before the records that name them, and records are removed
// before their bytes. So a crash in between leaves bytes that nobody names; the file store removes
// those an hour after the session's time.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/session_turns.h"
#include "engine/stored_sessions.h"

namespace cloister::engine {

class FileBackedSessions;

// A run of a session, from its turn to its end. As long as it exists the session does not expire.
// Must not outlive its FileBackedSessions. Used by one thread.
class SessionUse {
 public:
  // The session, made when there is none or when it has expired. To be called first, once.
  Result<StoredSession> open();

  // See SessionTurn::set_interrupt: called when the session is removed.
  void set_interrupt(std::function<void()> interrupt) { turn_.set_interrupt(std::move(interrupt)); }
  bool is_removed() const { return turn_.is_interrupted(); }
  // See SessionTurn: lets others run while this one waits for somebody outside.
  void pause() { turn_.pause(); }
  void resume() { turn_.resume(); }

  // Those below after open().
  const StoredSession& session() const { return session_; }
  // Oldest first.
  Result<std::vector<SessionFile>> current_files();
  std::size_t files_max() const;
  // Until when the bytes of files are to be kept that apply() is going to add.
  WallTime bytes_expire_at() const;
  // Counts a run of `language`, retires the files of these ids, and adds those whose bytes are in
  // the file store, all at once. Says for each added one whether there was room for it. kNotFound,
  // with nothing changed, when the session was removed.
  Result<std::vector<bool>> apply(std::string_view language, std::vector<std::string> retired,
                                  std::vector<SessionFile> added);

 private:
  friend class FileBackedSessions;
  SessionUse(FileBackedSessions& sessions, SessionKey key, SessionTurn turn)
      : sessions_(sessions), key_(std::move(key)), turn_(std::move(turn)) {}

  FileBackedSessions& sessions_;
  const SessionKey key_;
  SessionTurn turn_;
  StoredSession session_;
};

// Thread safe.
class FileBackedSessions final : public StoredSessions {
 public:
  // Nothing is owned; all must outlive this object, its uploads and its uses.
  FileBackedSessions(FileStore& files, store::StoredSessionTable& table,
                     StoredSessionObserver& observer, const Clock& clock,
                     StoredSessionLimits limits);

  // To be called at start, before anything else and after the file store's own recovery: removes
  // the records of files whose bytes are gone (the machine died); returns how many.
  Result<std::size_t> recover();

  // The turn to run something in the session of that id, which need not exist. kInvalidArgument for
  // what is_session_id() refuses; waits as SessionTurns::take() does.
  Result<SessionUse> use(std::string_view tenant, std::string_view id);

  Result<StoredSession> create(std::string_view tenant) override;
  Result<StoredSession> open(std::string_view tenant, std::string_view id) override;
  Result<StoredSession> find(std::string_view tenant, std::string_view id) override;
  Result<std::vector<StoredSession>> list(std::string_view tenant, bool with_runs_only) override;
  Result<void> remove(std::string_view tenant, std::string_view id) override;
  Result<std::unique_ptr<SessionUpload>> upload(std::string_view tenant,
                                                std::string_view session_id) override;
  Result<std::vector<SessionFile>> files(std::string_view tenant,
                                         std::string_view session_id) override;
  Result<SessionFile> find_file(std::string_view tenant, std::string_view session_id,
                                std::string_view file_id) override;
  Result<UniqueFd> open_file(const SessionFile& file) override;
  Result<void> remove_file(std::string_view tenant, std::string_view session_id,
                           std::string_view file_id) override;
  Result<std::size_t> sweep() override;
  std::size_t size() const override { return size_.load(); }

  // How many runs wait for a session's turn.
  std::size_t waiting(std::string_view tenant, std::string_view id) const {
    return turns_.waiting({std::string(tenant), std::string(id)});
  }

 private:
  friend class SessionUse;
  class Upload;

  Result<StoredSession> begin(std::string_view tenant, std::string id);
  Result<StoredSession> find_or_begin(const SessionKey& key, bool has_turn);
  // True when it is over now by this call.
  Result<bool> end(const StoredSession& session);
  Result<bool> end_expired(const StoredSession& session);
  // What cannot be removed goes when the file store's time for it is over.
  void remove_bytes(const SessionFile& file);
  bool has_expired(const StoredSession& session) const;
  static WallTime bytes_expire_at(const StoredSession& session);

  FileStore& files_;
  store::StoredSessionTable& table_;
  StoredSessionObserver& observer_;
  const Clock& clock_;
  const StoredSessionLimits limits_;

  SessionTurns turns_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace cloister::engine
