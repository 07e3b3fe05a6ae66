// The JSON requests of the Onyx dialect, decoded and checked against their schema.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "api/onyx/schema_errors.h"
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

// Why a body could not be decoded: the status and the whole JSON answer.
struct Refusal {
  int status = 422;
  std::string body;
};

template <typename T>
using Decoded = tl::expected<T, Refusal>;

// `content_type` is the header as sent: only application/json and application/*+json are parsed as
// JSON. That is also what keeps a web page elsewhere from posting programs to a server on the
// reader's own machine, since browsers ask before they send such a type to another origin.
Decoded<ExecuteBody> decode_execute(std::string_view content_type, const std::string& body);
Decoded<SessionBody> decode_session(std::string_view content_type, const std::string& body);
Decoded<BashBody> decode_bash(std::string_view content_type, const std::string& body);

}  // namespace cloister::api::onyx
