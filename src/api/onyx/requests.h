// The JSON requests of the Onyx dialect, decoded and checked against their schema.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/common/json_request.h"
#include "engine/executor.h"

namespace cloister::api::onyx {

struct ExecuteBody {
  std::string code;
  std::string stdin_text;
  std::int64_t timeout_ms = 2000;
  bool last_line_interactive = true;
  std::vector<engine::InputFile> files;
};

struct SessionBody {
  std::vector<engine::InputFile> files;
  std::int64_t ttl_seconds = 900;
};

struct BashBody {
  std::string cmd;
  std::int64_t timeout_ms = 30000;
};

// `content_type` is the header as sent; see decode_object().
Decoded<ExecuteBody> decode_execute(std::string_view content_type, const std::string& body);
Decoded<SessionBody> decode_session(std::string_view content_type, const std::string& body);
Decoded<BashBody> decode_bash(std::string_view content_type, const std::string& body);

}  // namespace cloister::api::onyx
