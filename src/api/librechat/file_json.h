// A stored file as the shapes of this dialect's answers.
#pragma once

#include <string>
#include <string_view>

#include "api/common/json_body.h"
#include "engine/stored_sessions.h"

namespace cloister::api::librechat {

// How much GET /files/{session_id} tells of each file.
enum class FileDetail {
  kFull,        // Everything that any client generation reads, for every value of `detail` but...
  kNormalized,  // ... this one, which has a shape of its own.
};
FileDetail file_detail(std::string_view query);

Json listed_file_json(const engine::SessionFile& file, FileDetail detail);
// The answer of the freshness probe.
Json probed_file_json(const engine::SessionFile& file);
// As the proxy's own routes have it.
Json proxy_file_json(const engine::SessionFile& file);

// A version of a file never changes, so its id tells it apart.
std::string etag_of(const engine::SessionFile& file);

}  // namespace cloister::api::librechat
