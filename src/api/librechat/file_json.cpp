#include "api/librechat/file_json.h"

#include "api/librechat/content_type.h"
#include "api/librechat/names.h"
#include "api/librechat/timestamps.h"

namespace cloister::api::librechat {
namespace {

std::string object_name(const engine::SessionFile& file) {
  return file.session_id + '/' + file.id;
}

}  // namespace

FileDetail file_detail(std::string_view query) {
  return query_parameter(query, "detail") == "normalized" ? FileDetail::kNormalized
                                                          : FileDetail::kFull;
}

std::string etag_of(const engine::SessionFile& file) {
  return file.id;
}

Json listed_file_json(const engine::SessionFile& file, FileDetail detail) {
  const std::string_view type = content_type_of(file.path);
  Json entry = Json::object();
  if (detail == FileDetail::kNormalized) {
    entry["id"] = file.id;
    entry["name"] = file.path;
    entry["session_id"] = file.session_id;
    entry["storage_session_id"] = file.session_id;
    entry["size"] = file.size_bytes;
    entry["contentType"] = type;
    entry["lastModified"] = iso_utc(file.created_at);
    if (file.is_read_only) entry["read_only"] = true;
    return entry;
  }
  entry["name"] = object_name(file);
  entry["size"] = file.size_bytes;
  entry["lastModified"] = iso_utc(file.created_at);
  entry["etag"] = etag_of(file);
  entry["metadata"] = Json{{"original-filename", file.path}, {"content-type", type}};
  entry["versionId"] = nullptr;
  entry["contentType"] = type;
  return entry;
}

Json probed_file_json(const engine::SessionFile& file) {
  const std::string_view ending = ending_of(file.path);
  Json entry = Json::object();
  entry["name"] =
      ending.empty() ? object_name(file) : object_name(file) + '.' + std::string(ending);
  entry["originalFilename"] = file.path;
  entry["size"] = file.size_bytes;
  entry["lastModified"] = iso_utc(file.created_at);
  entry["etag"] = etag_of(file);
  entry["contentType"] = content_type_of(file.path);
  entry["readOnly"] = file.is_read_only;
  return entry;
}

Json proxy_file_json(const engine::SessionFile& file) {
  Json entry = Json::object();
  entry["id"] = file.id;
  entry["session_id"] = file.session_id;
  entry["name"] = file.path;
  entry["size_bytes"] = file.size_bytes;
  entry["mime_type"] = content_type_of(file.path);
  entry["created_at"] = iso_naive(file.created_at);
  return entry;
}

}  // namespace cloister::api::librechat
