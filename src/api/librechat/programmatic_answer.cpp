#include "api/librechat/programmatic_answer.h"

#include <fmt/format.h>

#include <utility>

#include "base/utf8.h"

namespace cloister::api::librechat {
namespace {

// The engine has checked that it is JSON; deeper than a request may be, it is passed on as text.
Json input_json(const std::string& text) {
  auto value = parse_json(text);
  return value ? std::move(*value) : Json(repair_utf8(text));
}

Json pause_body(const engine::ToolRunState& state) {
  Json calls = Json::array();
  for (const engine::ToolCall& call : state.calls) {
    Json entry = Json::object();
    entry["id"] = call.id;
    entry["name"] = call.name;
    entry["input"] = input_json(call.input_json);
    calls.push_back(std::move(entry));
  }
  Json body = Json::object();
  body["status"] = "tool_call_required";
  body["session_id"] = state.session_id;
  body["storage_session_id"] = state.session_id;
  body["continuation_token"] = state.token;
  body["tool_calls"] = std::move(calls);
  body["partial_stdout"] = state.stdout_text;
  body["partial_stderr"] = state.stderr_text;
  return body;
}

}  // namespace

std::string tool_run_error(const engine::ToolRunState& state) {
  if (!state.unregistered_tool.empty()) {
    return "Sandbox requested an unregistered tool: " + repair_utf8(state.unregistered_tool);
  }
  const engine::RunOutcome& outcome = state.result->outcome;
  if (outcome.timed_out) return "Time limit exceeded";
  if (outcome.cancelled) return "Execution failed or timed out";
  if (outcome.exit_code == 0) return {};
  if (outcome.out_of_memory) return "Out of memory";
  return fmt::format("Sandbox exited with code {}", outcome.exit_code.value_or(1));
}

Json tool_run_body(const engine::ToolRunState& state, const RunLimits& limits, bool with_inherited,
                   engine::StoredSessions& sessions) {
  if (!state.result) return pause_body(state);
  const engine::SessionExecutionResult& result = *state.result;
  const std::string error = tool_run_error(state);
  Json body = Json::object();
  body["status"] = error.empty() ? "completed" : "error";
  body["session_id"] = state.session_id;
  body["storage_session_id"] = state.session_id;
  if (!error.empty()) body["error"] = error;
  body["stdout"] = stdout_with_plots(state.stdout_text, result);
  body["stderr"] = stderr_with_note(state.stderr_text, judge(result, limits, false));
  body["files"] = output_files_json(result, with_inherited, sessions);
  add_losses(body, result);
  return body;
}

Json tool_run_failure_body(std::string_view text) {
  Json body = Json::object();
  body["status"] = "error";
  body["session_id"] = "";
  body["error"] = "Execution failed or timed out";
  body["stdout"] = "";
  body["stderr"] = std::string(text) + '\n';
  body["files"] = Json::array();
  return body;
}

}  // namespace cloister::api::librechat
