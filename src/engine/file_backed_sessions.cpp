#include "engine/file_backed_sessions.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/id.h"
#include "base/utf8.h"
#include "engine/workspace_path.h"

namespace cloister::engine {
namespace {

constexpr std::size_t kWaitersMax = 256;  // Of one session.
constexpr std::size_t kIdBytesMax = 128;

// Beyond a session's end: its last run may take longer than it lives.
constexpr std::chrono::hours kBytesGrace{1};

// Between the look and the insertion somebody else may begin or end a session of the same id.
constexpr int kAttemptsMax = 8;

tl::unexpected<Error> no_such_session(std::string_view id) {
  return fail(ErrorCode::kNotFound,
              "Session '" + repair_utf8(id) + "' not found or already deleted");
}

tl::unexpected<Error> no_such_file(std::string_view session_id, std::string_view file_id) {
  std::string message = "File '" + repair_utf8(file_id) + "' not found";
  if (!session_id.empty()) message += " for session '" + repair_utf8(session_id) + "'";
  return fail(ErrorCode::kNotFound, std::move(message));
}

Result<void> check_id(std::string_view id) {
  if (is_session_id(id)) return {};
  return fail(ErrorCode::kInvalidArgument,
              "A session id consists of 1 to 128 letters, digits, '_' and '-'.");
}

}  // namespace

bool is_session_id(std::string_view text) {
  const auto is_allowed = [](char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_' || character == '-';
  };
  return !text.empty() && text.size() <= kIdBytesMax &&
         std::all_of(text.begin(), text.end(), is_allowed);
}

class FileBackedSessions::Upload final : public SessionUpload {
 public:
  Upload(FileBackedSessions& sessions, StoredSession session, std::unique_ptr<FileUpload> bytes)
      : sessions_(sessions), session_(std::move(session)), bytes_(std::move(bytes)) {}

  Result<void> append(std::string_view bytes) override { return bytes_->append(bytes); }
  Result<void> append_from(int fd) override { return bytes_->append_from(fd); }
  std::uint64_t size_bytes() const override { return bytes_->size_bytes(); }

  Result<SessionFile> commit(std::string_view path, bool is_read_only,
                             bool is_executable) override {
    SessionFile file;
    file.path = TRY(normalize_workspace_path(path));
    if (!is_valid_utf8(file.path)) {
      return fail(ErrorCode::kInvalidArgument, "File paths must be valid UTF-8.");
    }
    if (sessions_.has_expired(session_)) return no_such_session(session_.id);
    file.id = random_nanoid();
    file.tenant = session_.tenant;
    file.session_id = session_.id;
    file.is_read_only = is_read_only;
    file.is_executable = is_executable;
    const FileRecord record = TRY(bytes_->commit(file.path, bytes_expire_at(session_)));
    file.file_id = record.id;
    file.size_bytes = record.size_bytes;
    file.created_at = record.created_at;
    auto added = add(file);
    if (!added) {
      sessions_.remove_bytes(file);
      return fail(std::move(added).error());
    }
    return file;
  }

 private:
  Result<void> add(const SessionFile& file) {
    store::SessionChanges changes;
    changes.at = file.created_at;
    changes.added = {file};
    changes.files_max = sessions_.limits_.files_max;
    const std::vector<bool> is_in = TRY(sessions_.table_.apply(session_, changes));
    if (is_in.front()) return {};
    return fail(ErrorCode::kConflict,
                "Session has too many files. Max: " + std::to_string(sessions_.limits_.files_max));
  }

  FileBackedSessions& sessions_;
  const StoredSession session_;
  const std::unique_ptr<FileUpload> bytes_;
};

FileBackedSessions::FileBackedSessions(FileStore& files, store::StoredSessionTable& table,
                                       StoredSessionObserver& observer, const Clock& clock,
                                       StoredSessionLimits limits)
    : files_(files),
      table_(table),
      observer_(observer),
      clock_(clock),
      limits_(limits),
      turns_(kWaitersMax) {}

Result<std::size_t> FileBackedSessions::recover() {
  size_ = TRY(table_.count());
  std::unordered_map<std::string, std::unordered_set<std::string>> known_by_tenant;
  std::size_t removed = 0;
  for (const SessionFile& file : TRY(table_.list_all_files())) {
    const auto [known, is_new] = known_by_tenant.try_emplace(file.tenant);
    if (is_new) {
      for (FileRecord& record : TRY(files_.list(file.tenant)))
        known->second.insert(std::move(record.id));
    }
    if (known->second.contains(file.file_id)) continue;
    TRY_VOID(table_.remove_file(file.tenant, file.session_id, file.id));
    ++removed;
  }
  return removed;
}

bool FileBackedSessions::has_expired(const StoredSession& session) const {
  return session.expires_at <= clock_.wall_now();
}

WallTime FileBackedSessions::bytes_expire_at(const StoredSession& session) {
  return session.expires_at + kBytesGrace;
}

void FileBackedSessions::remove_bytes(const SessionFile& file) {
  static_cast<void>(files_.remove(file.tenant, file.file_id));
}

Result<StoredSession> FileBackedSessions::begin(std::string_view tenant, std::string id) {
  StoredSession session;
  session.id = std::move(id);
  session.tenant = tenant;
  session.created_at = session.last_used_at = clock_.wall_now();
  session.expires_at = session.created_at + limits_.time_to_live;
  TRY_VOID(table_.insert(session));
  ++size_;
  observer_.on_created(session);
  return session;
}

Result<StoredSession> FileBackedSessions::create(std::string_view tenant) {
  return begin(tenant, random_nanoid());
}

Result<StoredSession> FileBackedSessions::open(std::string_view tenant, std::string_view id) {
  TRY_VOID(check_id(id));
  return find_or_begin({std::string(tenant), std::string(id)}, false);
}

Result<StoredSession> FileBackedSessions::find_or_begin(const SessionKey& key, bool has_turn) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    auto found = TRY(table_.find(key.tenant, key.id));
    if (found && !has_expired(*found)) return std::move(*found);
    if (found) {
      // A run of it may go on, which must not lose its files.
      const std::optional<SessionTurn> turn =
          has_turn ? std::optional<SessionTurn>() : turns_.try_take(key);
      if (!has_turn && !turn) {
        return fail(ErrorCode::kConflict, "Session '" + key.id +
                                              "' has expired and its last run is not over. "
                                              "Retry later or use another session.");
      }
      TRY_VOID(end_expired(*found));
    }
    auto begun = begin(key.tenant, key.id);
    if (begun || begun.error().code != ErrorCode::kConflict) return begun;
  }
  return fail(ErrorCode::kConflict, "Session '" + key.id + "' is begun and ended all the time.");
}

Result<StoredSession> FileBackedSessions::find(std::string_view tenant, std::string_view id) {
  auto found = TRY(table_.find(tenant, id));
  if (!found || has_expired(*found)) return no_such_session(id);
  return std::move(*found);
}

Result<std::vector<StoredSession>> FileBackedSessions::list(std::string_view tenant,
                                                            bool with_runs_only) {
  return table_.list(tenant, clock_.wall_now(), with_runs_only);
}

Result<bool> FileBackedSessions::end(const StoredSession& session) {
  const auto files = TRY(table_.remove(session));
  if (!files) return false;
  --size_;
  for (const SessionFile& file : *files)
    remove_bytes(file);
  return true;
}

Result<bool> FileBackedSessions::end_expired(const StoredSession& session) {
  const bool is_over = TRY(end(session));
  if (is_over) observer_.on_expired(session);
  return is_over;
}

Result<void> FileBackedSessions::remove(std::string_view tenant, std::string_view id) {
  const StoredSession session = TRY(find(tenant, id));
  // Two callers may find it; the one that ends it has removed it.
  if (!TRY(end(session))) return no_such_session(id);
  turns_.interrupt({session.tenant, session.id});
  observer_.on_deleted(session);
  return {};
}

Result<std::unique_ptr<SessionUpload>> FileBackedSessions::upload(std::string_view tenant,
                                                                  std::string_view session_id) {
  StoredSession session = TRY(find(tenant, session_id));
  auto bytes = TRY(files_.create(tenant, limits_.upload_bytes_max));
  return std::make_unique<Upload>(*this, std::move(session), std::move(bytes));
}

Result<std::vector<SessionFile>> FileBackedSessions::files(std::string_view tenant,
                                                           std::string_view session_id) {
  const auto session = TRY(table_.find(tenant, session_id));
  if (!session || has_expired(*session)) return std::vector<SessionFile>();
  return table_.files(tenant, session_id);
}

Result<SessionFile> FileBackedSessions::find_file(std::string_view tenant,
                                                  std::string_view session_id,
                                                  std::string_view file_id) {
  auto found = TRY(table_.find_file(tenant, session_id, file_id, clock_.wall_now()));
  if (!found) return no_such_file(session_id, file_id);
  return std::move(*found);
}

Result<UniqueFd> FileBackedSessions::open_file(const SessionFile& file) {
  auto opened = files_.open(file.tenant, file.file_id);
  if (opened) return std::move(opened->content);
  if (opened.error().code == ErrorCode::kNotFound) return no_such_file(file.session_id, file.id);
  return fail(std::move(opened).error());
}

Result<void> FileBackedSessions::remove_file(std::string_view tenant, std::string_view session_id,
                                             std::string_view file_id) {
  const SessionFile file = TRY(find_file(tenant, session_id, file_id));
  const auto removed = TRY(table_.remove_file(tenant, file.session_id, file_id));
  if (!removed) return no_such_file(session_id, file_id);
  remove_bytes(*removed);
  return {};
}

Result<std::size_t> FileBackedSessions::sweep() {
  std::size_t ended = 0;
  std::size_t kept_in_use = 0;
  std::optional<Error> last_error;
  for (const StoredSession& session : TRY(table_.list_expired(clock_.wall_now()))) {
    const auto turn = turns_.try_take({session.tenant, session.id});
    if (!turn) {
      ++kept_in_use;
      continue;
    }
    // One that cannot be ended must not keep the others.
    const auto is_over = end_expired(session);
    if (!is_over) {
      last_error = is_over.error();
    } else if (*is_over) {
      ++ended;
    }
  }
  observer_.on_swept(ended, kept_in_use);
  if (last_error) return fail(std::move(*last_error));
  return ended;
}

Result<SessionUse> FileBackedSessions::use(std::string_view tenant, std::string_view id) {
  TRY_VOID(check_id(id));
  SessionKey key{std::string(tenant), std::string(id)};
  SessionTurn turn = TRY(turns_.take(key));
  return SessionUse(*this, std::move(key), std::move(turn));
}

Result<StoredSession> SessionUse::open() {
  session_ = TRY(sessions_.find_or_begin(key_, true));
  return session_;
}

Result<std::vector<SessionFile>> SessionUse::current_files() {
  std::vector<SessionFile> files = TRY(sessions_.table_.files(session_.tenant, session_.id));
  std::erase_if(files, [](const SessionFile& file) { return !file.is_current; });
  return files;
}

std::size_t SessionUse::files_max() const {
  return sessions_.limits_.files_max;
}

WallTime SessionUse::bytes_expire_at() const {
  return FileBackedSessions::bytes_expire_at(session_);
}

Result<std::vector<bool>> SessionUse::apply(std::string_view language,
                                            std::vector<std::string> retired,
                                            std::vector<SessionFile> added) {
  store::SessionChanges changes;
  changes.at = sessions_.clock_.wall_now();
  changes.ran_language = language;
  changes.retired = std::move(retired);
  changes.added = std::move(added);
  changes.files_max = sessions_.limits_.files_max;
  std::vector<bool> is_in = TRY(sessions_.table_.apply(session_, changes));
  sessions_.observer_.on_run(session_, language);
  return is_in;
}

}  // namespace cloister::engine
