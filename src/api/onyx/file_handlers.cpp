#include <fmt/format.h>

#include <utility>
#include <vector>

#include "api/common/content_disposition.h"
#include "api/common/multipart_body.h"
#include "api/onyx/handlers.h"
#include "api/onyx/upload.h"
#include "base/utf8.h"
#include "net/multipart.h"

namespace cloister::api::onyx {
namespace {

// What a form may hold beside the file: other parts, headers, boundaries.
constexpr std::uint64_t kFormOverheadBytes = std::uint64_t{16} << 20;

// The answer when the form has no usable part "file".
Answer missing_file(const UploadSink* sink) {
  SchemaErrors errors;
  const Location location = Location::array({"body", "file"});
  if (sink != nullptr && sink->plain_field()) {
    errors.plain_form_field(location, repair_utf8(*sink->plain_field()));
  } else {
    errors.missing(location, nullptr);
  }
  return json_text_answer(422, errors.body());
}

Answer not_found(std::string_view id) {
  return detail_answer(404, "File with ID '" + repair_utf8(id) + "' not found");
}

Answer too_large(const OnyxOptions& options) {
  return detail_answer(413,
                       fmt::format("File size exceeds maximum of {} MB", options.max_file_size_mb));
}

}  // namespace

Handlers::Outcome<engine::FileRecord> Handlers::receive_upload(net::Request& request) const {
  const std::string_view type = request.header("content-type");
  if (!net::is_multipart_form(type)) return tl::unexpected(missing_file(nullptr));
  const std::optional<std::string> boundary = net::multipart_boundary(type);
  if (!boundary) return tl::unexpected(detail_answer(400, "Missing boundary in multipart."));

  UploadSink sink(services_.files, kTenant);
  net::MultipartParser parser(*boundary, sink);
  const std::uint64_t limit =
      static_cast<std::uint64_t>(options_.max_file_size_mb) * 1024 * 1024 + kFormOverheadBytes;
  Fed fed = feed_body(request, parser, limit);
  if (fed.request_failed) {
    log_failure(services_.log, request, fed.result.error());
    return tl::unexpected(body_error_answer(fed.result.error(), options_));
  }
  using Problem = net::MultipartParser::Problem;
  if (parser.problem() == Problem::kTruncated) return tl::unexpected(missing_file(nullptr));
  if (parser.problem() == Problem::kMalformed || parser.problem() == Problem::kLimit) {
    return tl::unexpected(detail_answer(400, kUnreadableBody));
  }
  if (fed.result && !sink.has_file()) return tl::unexpected(missing_file(&sink));
  Result<engine::FileRecord> record =
      fed.result ? sink.commit() : fail(std::move(fed.result).error());
  if (record) return std::move(*record);

  const Error& error = record.error();
  log_failure(services_.log, request, error);
  if (error.code == ErrorCode::kTooLarge) return tl::unexpected(too_large(options_));
  if (error.code == ErrorCode::kUnavailable) {
    return tl::unexpected(retry_answer(503, error.message, options_.retry_after_unavailable_sec));
  }
  return tl::unexpected(error_answer(error, options_));
}

void Handlers::upload_file(net::Request& request, net::Response& response) const {
  const Outcome<engine::FileRecord> record = receive_upload(request);
  if (!record) {
    send(response, record.error());
    return;
  }
  services_.metrics.file_stored();
  Json body = Json::object();
  body["file_id"] = record->id;
  body["filename"] = record->name;
  body["size_bytes"] = record->size_bytes;
  send(response, json_answer(201, body));
}

void Handlers::download_file(net::Request& request, net::Response& response) const {
  const std::string& id = request.parameters().front();
  Result<engine::OpenedFile> file = services_.files.open(kTenant, id);
  if (!file) {
    log_failure(services_.log, request, file.error());
    send(response, file.error().code == ErrorCode::kNotFound
                       ? not_found(id)
                       : error_answer(file.error(), options_));
    return;
  }
  (void)response.send_file(200,
                           {{"content-type", "application/octet-stream"},
                            {"content-disposition", content_disposition(file->record.name)},
                            {"x-content-type-options", "nosniff"}},
                           file->content.get(), file->record.size_bytes);
}

void Handlers::list_files(net::Request& request, net::Response& response) const {
  const Result<std::vector<engine::FileRecord>> records = services_.files.list(kTenant);
  if (!records) {
    log_failure(services_.log, request, records.error());
    send(response, error_answer(records.error(), options_));
    return;
  }
  Json list = Json::array();
  for (const engine::FileRecord& record : *records) {
    Json entry = Json::object();
    entry["file_id"] = record.id;
    entry["filename"] = record.name;
    entry["size_bytes"] = record.size_bytes;
    entry["upload_time"] = to_unix_seconds(record.created_at);
    list.push_back(std::move(entry));
  }
  Json body = Json::object();
  body["files"] = std::move(list);
  send(response, json_answer(200, body));
}

void Handlers::delete_file(net::Request& request, net::Response& response) const {
  const std::string& id = request.parameters().front();
  const Result<void> removed = services_.files.remove(kTenant, id);
  if (removed) {
    send(response, Answer{204, {}, {}});
  } else if (removed.error().code == ErrorCode::kNotFound) {
    send(response, not_found(id));
  } else {
    log_failure(services_.log, request, removed.error());
    send(response, error_answer(removed.error(), options_));
  }
}

}  // namespace cloister::api::onyx
