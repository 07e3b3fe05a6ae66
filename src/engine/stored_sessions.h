// Sessions whose workspace is in the file store: each run gets a fresh sandbox with the session's
// files in it, and what the run changed is stored again. So they cost no memory between runs and
// outlive the server.
//
// A session appears with its first file or run. It ends with its time to live, counted from its
// creation, but never during a run; its files end with it. From that time on nobody finds it, also
// when a run of it goes on. Thread safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "engine/file_store.h"
#include "store/stored_session_table.h"

namespace cloister::engine {

struct StoredSessionLimits {
  Milliseconds time_to_live = std::chrono::minutes(60);
  std::size_t files_max = 100;  // Current ones of a session.
  std::uint64_t upload_bytes_max = std::uint64_t{10} << 20;
};

// A file of a session. A path may have several versions: a newer one supersedes the older, which
// stays readable under its id until the session ends.
using SessionFile = store::SessionFileRow;
using StoredSession = store::StoredSessionRow;

// Bytes on their way into a session. Dropping it without commit() leaves nothing behind.
class SessionUpload {
 public:
  virtual ~SessionUpload() = default;
  // kTooLarge beyond the limit for uploads.
  virtual Result<void> append(std::string_view bytes) = 0;
  virtual Result<void> append_from(int fd) = 0;
  virtual std::uint64_t size_bytes() const = 0;
  // Makes bytes and record durable, and the file the current one of its path. To be called once,
  // last. kInvalidArgument for a path that is not valid UTF-8 or no workspace path
  // (workspace_path.h), kConflict when the session has as many files as it may have, kNotFound when
  // it has ended.
  virtual Result<SessionFile> commit(std::string_view path, bool is_read_only,
                                     bool is_executable) = 0;
};

// 1 to 128 characters of [A-Za-z0-9_-].
bool is_session_id(std::string_view text);

// Told of the life of sessions, on the thread that caused it; implemented by logs. Must not call
// the sessions. All methods default to nothing.
class StoredSessionObserver {
 public:
  virtual ~StoredSessionObserver() = default;
  virtual void on_created(const StoredSession& /*session*/) {}
  // A run is over and what it changed is stored. `session` is as it was before the run.
  virtual void on_run(const StoredSession& /*session*/, std::string_view /*language*/) {}
  virtual void on_expired(const StoredSession& /*session*/) {}
  virtual void on_deleted(const StoredSession& /*session*/) {}
  // A round that looked for expired sessions. `kept_in_use` have expired, too, but run something.
  virtual void on_swept(std::size_t /*ended*/, std::size_t /*kept_in_use*/) {}
};

class StoredSessions {
 public:
  virtual ~StoredSessions() = default;

  // A session that did not exist before: a random id of 21 characters (nanoid's alphabet).
  virtual Result<StoredSession> create(std::string_view tenant) = 0;
  // The session of that id, made when there is none. kInvalidArgument for what is_session_id()
  // refuses; kConflict for one that has expired while a run of it goes on.
  virtual Result<StoredSession> open(std::string_view tenant, std::string_view id) = 0;
  // kNotFound for what does not exist or has expired.
  virtual Result<StoredSession> find(std::string_view tenant, std::string_view id) = 0;
  // Oldest first; those that ran something only, when asked so.
  virtual Result<std::vector<StoredSession>> list(std::string_view tenant, bool with_runs_only) = 0;
  // Ends it, and a run under way with it, which then fails with kNotFound. Runs that wait for their
  // turn go on, in a new session. kNotFound.
  virtual Result<void> remove(std::string_view tenant, std::string_view id) = 0;

  virtual Result<std::unique_ptr<SessionUpload>> upload(std::string_view tenant,
                                                        std::string_view session_id) = 0;
  // Oldest first, all versions; empty for an unknown session.
  virtual Result<std::vector<SessionFile>> files(std::string_view tenant,
                                                 std::string_view session_id) = 0;
  // Any version of any file. An empty session id: whatever session it is in. kNotFound.
  virtual Result<SessionFile> find_file(std::string_view tenant, std::string_view session_id,
                                        std::string_view file_id) = 0;
  virtual Result<UniqueFd> open_file(const SessionFile& file) = 0;
  virtual Result<void> remove_file(std::string_view tenant, std::string_view session_id,
                                   std::string_view file_id) = 0;

  // Ends what has expired and is not in use; returns how many.
  virtual Result<std::size_t> sweep() = 0;
  // Those that exist, expired ones that are not swept yet included.
  virtual std::size_t size() const = 0;
};

}  // namespace cloister::engine
