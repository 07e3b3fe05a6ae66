#include <vector>

#include "api/librechat/file_json.h"
#include "api/librechat/handlers.h"
#include "api/librechat/names.h"

namespace cloister::api::librechat {
namespace {

// By its id alone: ids are unique over all sessions.
Result<engine::SessionFile> find_anywhere(engine::StoredSessions& sessions, const Call& call) {
  const std::string& id = call.request.parameters().front();
  if (!is_id(id)) return fail(ErrorCode::kNotFound, "File not found");
  Result<engine::SessionFile> file = sessions.find_file(call.tenant, {}, id);
  if (!file && client_code(file.error()) == ErrorCode::kNotFound) {
    return fail(ErrorCode::kNotFound, "File not found");
  }
  return file;
}

}  // namespace

void Handlers::proxy_list_files(const Call& call) const {
  const std::optional<std::string> session_id = query_parameter(call.request.query(), "session_id");
  if (!session_id) {
    SchemaErrors errors;
    errors.missing(Location::array({"query", "session_id"}), nullptr);
    return send(call.response, schema_answer(errors));
  }
  std::vector<engine::SessionFile> files;
  if (is_id(*session_id)) {
    Result<std::vector<engine::SessionFile>> found =
        services_.sessions.files(call.tenant, *session_id);
    if (!found) return refuse(call, found.error());
    files = std::move(*found);
  }
  Json list = Json::array();
  for (const engine::SessionFile& file : files) {
    if (file.is_current) list.push_back(proxy_file_json(file));
  }
  Json body = Json::object();
  body["session_id"] = *session_id;
  body["total"] = list.size();
  body["files"] = std::move(list);
  send(call.response, json_answer(200, body));
}

void Handlers::proxy_download(const Call& call) const {
  const Result<engine::SessionFile> file = find_anywhere(services_.sessions, call);
  if (!file) return refuse(call, file.error());
  send_file(call, *file, {{"x-session-id", file->session_id}});
}

void Handlers::proxy_delete_file(const Call& call) const {
  const Result<engine::SessionFile> file = find_anywhere(services_.sessions, call);
  if (!file) return refuse(call, file.error());
  const Result<void> removed =
      services_.sessions.remove_file(call.tenant, file->session_id, file->id);
  if (!removed) log_failure(services_.log, call.request, removed.error());
  Json body = Json::object();
  body["success"] = removed.has_value();
  body["message"] = removed ? "File deleted" : "Failed to delete file";
  send(call.response, json_answer(200, body));
}

}  // namespace cloister::api::librechat
