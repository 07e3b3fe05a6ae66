#include "api/librechat/upload.h"

#include <algorithm>
#include <utility>

#include "api/librechat/names.h"
#include "base/utf8.h"
#include "net/header_parameters.h"

namespace cloister::api::librechat {
namespace {

constexpr std::size_t kTextBytesMax = 1024;

}  // namespace

UploadSink::~UploadSink() {
  upload_.reset();
  // What cannot be removed now expires like any session.
  if (made_session_) (void)sessions_.remove(tenant_, form_.session_id);
}

Result<void> UploadSink::on_part_begin(const net::PartHeader& header) {
  text_.clear();
  const bool is_file = header.name == "file" || header.name == "files";
  if (is_file && header.filename) {
    part_ = Part::kFile;
    return begin_file(*header.filename);
  }
  part_ = header.name == "session_id"  ? Part::kSessionId
          : header.name == "read_only" ? Part::kReadOnly
                                       : Part::kSkipped;
  return {};
}

Result<void> UploadSink::begin_file(const std::string& filename) {
  upload_.reset();
  const std::string name = rules_.base_names_only ? std::string(base_name(filename)) : filename;
  name_ = upload_name(name);
  form_.files.push_back({repair_utf8(filename), {}, {}});
  if (form_.files.size() > rules_.files_max) {
    form_.limit_reached = true;
    return note_failure({ErrorCode::kConflict, "Too many files in one upload", 0, {}});
  }
  TRY_VOID(open_session());
  auto upload = sessions_.upload(tenant_, form_.session_id);
  if (!upload) return note_failure(std::move(upload).error());
  upload_ = std::move(*upload);
  return {};
}

Result<void> UploadSink::open_session() {
  if (!form_.session_id.empty()) return {};
  if (!wanted_session_.empty()) {
    form_.session_id = TRY(sessions_.open(tenant_, wanted_session_)).id;
  } else {
    form_.session_id = TRY(sessions_.create(tenant_)).id;
    made_session_ = true;
  }
  return {};
}

Result<void> UploadSink::note_failure(Error error) {
  upload_.reset();
  if (!rules_.keeps_going) return fail(std::move(error));
  form_.files.back().error = std::move(error);
  return {};
}

Result<void> UploadSink::on_part_data(std::string_view bytes) {
  if (part_ != Part::kFile) {
    text_.append(bytes.substr(0, std::min(bytes.size(), kTextBytesMax - text_.size())));
    return {};
  }
  if (upload_ == nullptr) return {};  // It has failed already.
  Result<void> taken = upload_->append(bytes);
  return taken ? Result<void>() : note_failure(std::move(taken).error());
}

Result<void> UploadSink::on_part_end() {
  if (part_ == Part::kSessionId) wanted_session_ = std::exchange(text_, {});
  if (part_ == Part::kReadOnly) {
    read_only_ = text_ == "1" || net::equal_ignoring_case(text_, "true");
  }
  if (part_ != Part::kFile || upload_ == nullptr) return {};
  Result<engine::SessionFile> file =
      std::exchange(upload_, nullptr)->commit(name_, read_only_, false);
  if (!file) {
    if (file.error().code == ErrorCode::kConflict) form_.limit_reached = true;
    return note_failure(std::move(file).error());
  }
  form_.files.back().file = std::move(*file);
  return {};
}

Result<void> UploadSink::move_to_wanted_session() {
  const std::string target = TRY(sessions_.open(tenant_, wanted_session_)).id;
  for (UploadedFile& entry : form_.files) {
    if (!entry.file) continue;
    const UniqueFd content = TRY(sessions_.open_file(*entry.file));
    auto upload = TRY(sessions_.upload(tenant_, target));
    TRY_VOID(upload->append_from(content.get()));
    entry.file = TRY(upload->commit(entry.file->path, entry.file->is_read_only, false));
  }
  TRY_VOID(sessions_.remove(tenant_, form_.session_id));
  made_session_ = false;
  form_.session_id = target;
  return {};
}

Result<UploadedForm> UploadSink::take() {
  if (rules_.needs_session && made_session_) TRY_VOID(move_to_wanted_session());
  const bool any = std::ranges::any_of(
      form_.files, [](const UploadedFile& entry) { return entry.file.has_value(); });
  if (any) {
    made_session_ = false;
    return std::move(form_);
  }
  UploadedForm nothing = form_;
  nothing.session_id.clear();
  return nothing;
}

}  // namespace cloister::api::librechat
