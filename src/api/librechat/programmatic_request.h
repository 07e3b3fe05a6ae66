// The bodies of programs that call tools, decoded and checked against their schema.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/librechat/exec_request.h"
#include "engine/tool_runs.h"

namespace cloister::api::librechat {

// A start when the token is empty, else results for a program that waits.
struct ProgrammaticBody {
  std::string language;  // "python" or "bash".
  std::string code;
  std::string tools_json;  // {"tools":[{"name","description","parameters"}...]}
  std::string session_id;
  std::optional<std::int64_t> timeout_ms;
  References references;
  std::string runtime_session_hint;

  std::string continuation_token;
  std::vector<engine::ToolResult> results;
};

// POST /exec/programmatic
Outcome<ProgrammaticBody> decode_programmatic(const Json& body, std::size_t references_max);

// POST /exec/programmatic/cancel: the id of the request.
Outcome<std::string> decode_cancel(const Json& body);

// True for what can be the id of a request: 1 to 128 printable characters.
bool is_request_id(std::string_view text);

// The limit of a program: one second at least, `most` at most.
Milliseconds tool_timeout(std::optional<std::int64_t> timeout_ms, Milliseconds most);

}  // namespace cloister::api::librechat
