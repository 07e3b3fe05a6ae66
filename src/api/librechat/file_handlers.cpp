#include <utility>
#include <vector>

#include "api/common/content_disposition.h"
#include "api/librechat/content_type.h"
#include "api/librechat/file_json.h"
#include "api/librechat/handlers.h"
#include "api/librechat/names.h"
#include "api/librechat/timestamps.h"

namespace cloister::api::librechat {
namespace {

tl::unexpected<Error> not_found() {
  return fail(ErrorCode::kNotFound, "File not found");
}

}  // namespace

void Handlers::list_files(const Call& call) const {
  const std::string& session_id = call.request.parameters().front();
  std::vector<engine::SessionFile> files;
  if (is_id(session_id)) {
    Result<std::vector<engine::SessionFile>> found =
        services_.sessions.files(call.tenant, session_id);
    if (!found) return refuse(call, found.error());
    files = std::move(*found);
  }
  const FileDetail detail = file_detail(call.request.query());
  Json list = Json::array();
  for (const engine::SessionFile& file : files) {
    if (file.is_current) list.push_back(listed_file_json(file, detail));
  }
  send(call.response, json_answer(200, list));
}

// The file that the path names by session and id.
Result<engine::SessionFile> Handlers::find_file(const Call& call) const {
  const std::string& session_id = call.request.parameters()[0];
  const std::string& file_id = call.request.parameters()[1];
  if (!is_id(session_id) || !is_id(file_id)) return not_found();
  Result<engine::SessionFile> file = services_.sessions.find_file(call.tenant, session_id, file_id);
  if (!file && client_code(file.error()) == ErrorCode::kNotFound) return not_found();
  return file;
}

void Handlers::send_file(const Call& call, const engine::SessionFile& file,
                         net::Headers extra) const {
  const Result<UniqueFd> content = services_.sessions.open_file(file);
  if (!content) {
    if (client_code(content.error()) == ErrorCode::kNotFound) {
      return refuse(call, Error{ErrorCode::kNotFound, "File not found", 0, {}});
    }
    return refuse(call, content.error());
  }
  net::Headers headers = {
      {"content-type", std::string(content_type_of(file.path))},
      {"content-disposition", content_disposition(base_name(file.path))},
      {"etag", '"' + etag_of(file) + '"'},
      {"last-modified", http_date(file.created_at)},
      // User code wrote it: no browser is to run it as a page of this origin.
      {"content-security-policy", "sandbox; default-src 'none'"},
      {"x-content-type-options", "nosniff"},
  };
  if (file.is_read_only) headers.emplace_back("x-read-only", "true");
  headers.insert(headers.end(), extra.begin(), extra.end());
  (void)call.response.send_file(200, headers, content->get(), file.size_bytes);
}

void Handlers::download(const Call& call) const {
  const Result<engine::SessionFile> file = find_file(call);
  if (!file) return refuse(call, file.error());
  send_file(call, *file, {});
}

void Handlers::probe(const Call& call) const {
  const Result<engine::SessionFile> file = find_file(call);
  if (!file) return refuse(call, file.error());
  send(call.response, json_answer(200, probed_file_json(*file)));
}

void Handlers::delete_file(const Call& call) const {
  const Result<engine::SessionFile> file = find_file(call);
  if (!file) return refuse(call, file.error());
  const Result<void> removed =
      services_.sessions.remove_file(call.tenant, file->session_id, file->id);
  if (!removed) return refuse(call, removed.error());
  Json body = Json::object();
  body["message"] = "File deleted successfully";
  body["session_id"] = file->session_id;
  body["storage_session_id"] = file->session_id;
  body["fileId"] = file->id;
  send(call.response, json_answer(200, body));
}

}  // namespace cloister::api::librechat
