// What a program with tools has come to, as an answer.
#pragma once

#include <string>
#include <string_view>

#include "api/common/json_body.h"
#include "api/librechat/exec_answer.h"
#include "engine/tool_runs.h"

namespace cloister::api::librechat {

// The word for how a run ended, which clients compare exactly; empty when it ended well.
std::string tool_run_error(const engine::ToolRunState& state);

// "tool_call_required", "completed" or "error".
Json tool_run_body(const engine::ToolRunState& state, const RunLimits& limits, bool with_inherited,
                   engine::StoredSessions& sessions);

// For a run that failed after its answer had begun.
Json tool_run_failure_body(std::string_view text);

}  // namespace cloister::api::librechat
