// From the operator's settings to the limits and options of the LibreChat dialect and what it uses.
#pragma once

#include "api/librechat/librechat.h"
#include "engine/session_executor.h"
#include "engine/stored_sessions.h"
#include "engine/tool_runs.h"
#include "server/settings.h"

namespace cloister::server {

// An error names the setting: keys that cannot be read, a prefix that is no path.
Result<api::librechat::LibreChatOptions> librechat_options(const Settings& settings);
engine::StoredSessionLimits stored_session_limits(const Settings& settings);
engine::SessionExecutorLimits session_executor_limits(const Settings& settings);
engine::ToolRunLimits tool_run_limits(const Settings& settings);

}  // namespace cloister::server
