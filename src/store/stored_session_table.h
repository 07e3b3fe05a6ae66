// The records of sessions that live in the file store, and of their files. Thread safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "store/database.h"

namespace cloister::store {

struct StoredSessionRow {
  std::string id;  // Unique within its tenant only: callers may choose it.
  std::string tenant;
  std::string language;  // Of the last run; empty before the first.
  std::uint64_t runs = 0;
  WallTime created_at{};
  WallTime last_used_at{};
  WallTime expires_at{};
};

struct SessionFileRow {
  std::string id;  // 21 characters, unguessable, unique everywhere.
  std::string tenant;
  std::string session_id;
  std::string path;     // Relative to the workspace; valid UTF-8.
  std::string file_id;  // Of the bytes, in the file store.
  std::uint64_t size_bytes = 0;
  bool is_current = true;  // False once a newer version exists or a program has removed it.
  bool is_read_only = false;
  bool is_executable = false;
  WallTime created_at{};
};

// What one upload or run does to a session, all at once.
struct SessionChanges {
  WallTime at{};
  std::optional<std::string> ran_language;  // Counts a run of that language.
  std::vector<std::string> retired;         // Ids of files that are current no more.
  std::vector<SessionFileRow> added;        // Each supersedes the current one of its path.
  std::size_t files_max = 0;                // Current files the session may have.
};

// A session may end and another one begin under the same id: whoever changes or removes one gives
// the row it knows, and one that began at another time is not meant.
class StoredSessionTable {
 public:
  // Not owned; must outlive the table.
  explicit StoredSessionTable(Database& database) : database_(database) {}

  // kConflict when the tenant has a session of that id.
  Result<void> insert(const StoredSessionRow& row);
  // Whether it has expired or not.
  Result<std::optional<StoredSessionRow>> find(std::string_view tenant, std::string_view id);
  // Those that have not expired at `now`, oldest first.
  Result<std::vector<StoredSessionRow>> list(std::string_view tenant, WallTime now,
                                             bool with_runs_only);
  // Those of all tenants that have expired at `now`.
  Result<std::vector<StoredSessionRow>> list_expired(WallTime now);
  // Of all tenants, expired ones too.
  Result<std::size_t> count();

  // Retires, then adds in the given order; an added file that would be one too many is left out.
  // Says for each added one whether it is in. kNotFound, with nothing changed, when the session has
  // ended.
  Result<std::vector<bool>> apply(const StoredSessionRow& session, const SessionChanges& changes);
  // The session and its files; returns the files. Nothing when it has ended already.
  Result<std::optional<std::vector<SessionFileRow>>> remove(const StoredSessionRow& session);

  // All versions, in the order they came.
  Result<std::vector<SessionFileRow>> files(std::string_view tenant, std::string_view session_id);
  // Of a session that has not expired at `now`. An empty session id: whatever session it is in.
  Result<std::optional<SessionFileRow>> find_file(std::string_view tenant,
                                                  std::string_view session_id,
                                                  std::string_view file_id, WallTime now);
  // Returns what was removed.
  Result<std::optional<SessionFileRow>> remove_file(std::string_view tenant,
                                                    std::string_view session_id,
                                                    std::string_view file_id);
  // Of all tenants.
  Result<std::vector<SessionFileRow>> list_all_files();

 private:
  Database& database_;
};

}  // namespace cloister::store
