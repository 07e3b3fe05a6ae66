// The files of a form on their way into a stored session.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/stored_sessions.h"
#include "net/multipart.h"

namespace cloister::api::librechat {

struct UploadRules {
  // A file that fails is noted, and the others go on; else the first failure ends it all.
  bool keeps_going = false;
  // The part "session_id" has to be there, before or after the files; else it is an offer.
  bool needs_session = false;
  bool base_names_only = false;  // Folders in names are dropped.
  std::size_t files_max = 200;   // More fail.
};

struct UploadedFile {
  std::string filename;  // As the client sent it.
  std::optional<engine::SessionFile> file;
  std::optional<Error> error;  // Set when `file` is not.
};

struct UploadedForm {
  std::string session_id;  // Empty when no file was stored.
  std::vector<UploadedFile> files;
  bool limit_reached = false;  // Some failed because there were too many.
};

// Stores every part "file" or "files" that has a file name. Takes the text parts "session_id" and
// "read_only" into account when they come before a file, and skips other parts. Files go to the
// session that the form names, or to a new one. Unless take() has been called, a session that was
// made for the form is removed again. Used by one thread; `sessions` is not owned.
class UploadSink final : public net::MultipartSink {
 public:
  UploadSink(engine::StoredSessions& sessions, std::string_view tenant, const UploadRules& rules)
      : sessions_(sessions), tenant_(tenant), rules_(rules) {}
  ~UploadSink() override;
  UploadSink(const UploadSink&) = delete;
  UploadSink& operator=(const UploadSink&) = delete;

  Result<void> on_part_begin(const net::PartHeader& header) override;
  Result<void> on_part_data(std::string_view bytes) override;
  Result<void> on_part_end() override;

  bool has_files() const { return !form_.files.empty(); }
  // A session has as many files as it may have, or the form too many.
  bool limit_reached() const { return form_.limit_reached; }
  bool has_session() const { return !wanted_session_.empty(); }
  // After the whole form: puts the files where a session that was named late wants them, and hands
  // everything over.
  Result<UploadedForm> take();

 private:
  enum class Part { kSkipped, kSessionId, kReadOnly, kFile };

  Result<void> begin_file(const std::string& filename);
  Result<void> open_session();
  // The error, or nothing when it is noted with the file and the rest goes on.
  Result<void> note_failure(Error error);
  Result<void> move_to_wanted_session();

  engine::StoredSessions& sessions_;
  const std::string tenant_;
  const UploadRules rules_;

  Part part_ = Part::kSkipped;
  std::string text_;
  std::string wanted_session_;
  bool read_only_ = false;
  bool made_session_ = false;
  std::unique_ptr<engine::SessionUpload> upload_;
  std::string name_;
  UploadedForm form_;
};

}  // namespace cloister::api::librechat
