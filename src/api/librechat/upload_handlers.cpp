#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/common/multipart_body.h"
#include "api/librechat/file_json.h"
#include "api/librechat/handlers.h"

namespace cloister::api::librechat {
namespace {

// What a form may hold beside the files: other parts, headers, boundaries.
constexpr std::uint64_t kFormOverheadBytes = std::uint64_t{16} << 20;

constexpr std::string_view kTooLarge = "File size limit exceeded";
constexpr std::string_view kFailed = "Error uploading files";

std::uint64_t form_bytes_max(const LibreChatOptions& options, const UploadRules& rules) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 50;
  const std::uint64_t each = std::min(options.upload_bytes_max, kMost);
  if (each == 0 || rules.files_max > kMost / each) return kMost;
  return each * rules.files_max + kFormOverheadBytes;
}

std::string too_many_files(const LibreChatOptions& options) {
  return fmt::format("Session has too many files. Max: {}", options.session_files_max);
}

Answer missing_part(std::string_view name) {
  SchemaErrors errors;
  errors.missing(Location::array({"body", Json(name)}), nullptr);
  return schema_answer(errors);
}

// Why a file of a batch is not there.
std::string reason_of(const Error& error, const LibreChatOptions& options) {
  switch (client_code(error)) {
    case ErrorCode::kTooLarge:
      return std::string(kTooLarge);
    case ErrorCode::kConflict:
      return too_many_files(options);
    case ErrorCode::kUnavailable:
      return "There is no room for the file";
    default:
      return "Error uploading file";
  }
}

Json batch_entry(const UploadedFile& entry, const LibreChatOptions& options) {
  Json result = Json::object();
  result["status"] = entry.file ? "success" : "error";
  result["filename"] = entry.filename;
  if (entry.file) {
    result["fileId"] = entry.file->id;
  } else if (entry.error) {
    result["error"] = reason_of(*entry.error, options);
  }
  return result;
}

// The answer to an upload that a limit or the store ended.
Answer store_failure(const Error& error, const LibreChatOptions& options,
                     const UploadRules& rules) {
  switch (client_code(error)) {
    case ErrorCode::kTooLarge:
      // The proxy's own route has its own words.
      return rules.needs_session
                 ? refusal_answer(400, fmt::format("File too large. Max size: {} bytes",
                                                   options.upload_bytes_max))
                 : refusal_answer(413, kTooLarge);
    default:
      return failure_answer(error, options, rules.needs_session ? "File upload failed" : kFailed);
  }
}

}  // namespace

Outcome<UploadedForm> Handlers::receive_form(const Call& call, const UploadRules& rules) const {
  const std::string_view type = call.request.header("content-type");
  if (!net::is_multipart_form(type)) {
    return tl::unexpected(
        refusal_answer(400, "Invalid content type. Must be multipart/form-data."));
  }
  const std::optional<std::string> boundary = net::multipart_boundary(type);
  if (!boundary) return tl::unexpected(refusal_answer(400, "Missing boundary in multipart."));

  UploadSink sink(services_.sessions, call.tenant, rules);
  net::MultipartParser parser(*boundary, sink);
  Fed fed = feed_body(call.request, parser, form_bytes_max(options_, rules));
  if (fed.request_failed) {
    log_failure(services_.log, call.request, fed.result.error());
    return tl::unexpected(body_failure_answer(fed.result.error(), options_));
  }
  using Problem = net::MultipartParser::Problem;
  if (parser.problem() != Problem::kNone && parser.problem() != Problem::kSink) {
    return tl::unexpected(refusal_answer(400, kUnreadableBody));
  }
  if (fed.result && rules.needs_session && !sink.has_session()) {
    return tl::unexpected(missing_part("session_id"));
  }
  if (fed.result && !sink.has_files()) {
    return tl::unexpected(rules.keeps_going ? refusal_answer(400, "No files provided")
                                            : missing_part("file"));
  }
  Result<UploadedForm> form = fed.result ? sink.take() : fail(std::move(fed.result).error());
  if (!form) {
    log_failure(services_.log, call.request, form.error());
    return tl::unexpected(sink.limit_reached() ? refusal_answer(400, too_many_files(options_))
                                               : store_failure(form.error(), options_, rules));
  }
  for (const UploadedFile& entry : form->files) {
    if (entry.file) services_.metrics.file_stored();
    if (entry.error) log_failure(services_.log, call.request, *entry.error);
  }
  return std::move(*form);
}

void Handlers::upload(const Call& call) const {
  UploadRules rules;
  rules.files_max = options_.batch_files_max;
  const Outcome<UploadedForm> form = receive_form(call, rules);
  if (!form) return send(call.response, form.error());
  Json files = Json::array();
  for (const UploadedFile& entry : form->files) {
    // The stored name: a program finds the file under that one.
    files.push_back(Json{{"fileId", entry.file->id}, {"filename", entry.file->path}});
  }
  Json body = Json::object();
  body["message"] = "success";
  body["session_id"] = form->session_id;
  body["storage_session_id"] = form->session_id;
  body["files"] = std::move(files);
  send(call.response, json_answer(200, body));
}

void Handlers::upload_batch(const Call& call) const {
  UploadRules rules;
  rules.keeps_going = true;
  rules.files_max = options_.batch_files_max;
  const Outcome<UploadedForm> form = receive_form(call, rules);
  if (!form) return send(call.response, form.error());
  const auto succeeded = static_cast<std::size_t>(std::ranges::count_if(
      form->files, [](const UploadedFile& entry) { return entry.file.has_value(); }));
  const std::size_t failed = form->files.size() - succeeded;
  Json files = Json::array();
  for (const UploadedFile& entry : form->files)
    files.push_back(batch_entry(entry, options_));
  Json body = Json::object();
  body["message"] = failed == 0 ? "success" : succeeded == 0 ? "error" : "partial_success";
  if (succeeded > 0) {
    body["session_id"] = form->session_id;
    body["storage_session_id"] = form->session_id;
  }
  body["files"] = std::move(files);
  body["succeeded"] = succeeded;
  body["failed"] = failed;
  if (form->limit_reached) {
    body["filesLimitReached"] = true;
    body["maxFiles"] = std::min(options_.session_files_max, options_.batch_files_max);
  }
  send(call.response, json_answer(succeeded == 0 ? 400 : 200, body));
}

void Handlers::proxy_upload(const Call& call) const {
  UploadRules rules;
  rules.needs_session = true;
  rules.base_names_only = true;
  rules.files_max = 1;
  const Outcome<UploadedForm> form = receive_form(call, rules);
  if (!form) return send(call.response, form.error());
  Json body = Json::object();
  body["file"] = proxy_file_json(*form->files.front().file);
  send(call.response, json_answer(201, body));
}

}  // namespace cloister::api::librechat
