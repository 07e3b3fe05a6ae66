// Programs that call the tools of whoever runs them: each lives on while it waits for results, over
// several calls of its owner. Thread safe.
//
// The program's process waits, so nothing runs twice. Time spent waiting for results does not count
// against its limit; how long it may wait does have one.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/session_executor.h"

namespace cloister::engine {

struct ToolCall {
  std::string id;    // "call_001"
  std::string name;  // As the owner gave it.
  std::string input_json;
};

struct ToolResult {
  std::string call_id;
  std::string result_json;
  bool is_error = false;
  std::string error_message;
};

// A run that has come to a pause or to its end.
struct ToolRunState {
  std::string session_id;
  // What was written since the last state.
  std::string stdout_text;
  std::string stderr_text;
  // A pause: calls to answer with resume(token). At least one.
  std::string token;
  std::vector<ToolCall> calls;
  // The end: absent in a pause.
  std::optional<SessionExecutionResult> result;
  // The program called a tool that it was not given; it was ended for that.
  std::string unregistered_tool;
};

struct ToolRunLimits {
  std::size_t runs_max = 64;  // That are alive, paused ones included.
  Milliseconds pause_max = std::chrono::seconds(600);
  std::size_t calls_max = 200;                           // Of one run.
  std::size_t message_bytes_max = std::size_t{8} << 20;  // Of one message of a program.
  std::size_t output_bytes_max = std::size_t{1} << 20;   // Kept of each stream and state.
};

class ToolRuns {
 public:
  virtual ~ToolRuns() = default;
  // Starts a program (execution.tools is set) and waits for its first pause or its end.
  // `request_id` may be empty; with it cancel() finds the run. When the caller hangs up the program
  // is ended (kCancelled). kSaturated beyond runs_max.
  virtual Result<ToolRunState> start(SessionExecution execution, std::string_view request_id,
                                     const Cancellation& cancellation) = 0;
  // kNotFound for a token that is unknown, used, expired or another tenant's; kConflict while
  // another call resumes it; kInvalidArgument for results that do not answer the open calls.
  virtual Result<ToolRunState> resume(std::string_view tenant, std::string_view token,
                                      std::vector<ToolResult> results, std::string_view request_id,
                                      const Cancellation& cancellation) = 0;
  // Ends the run whose last call had this request id; nothing when there is none.
  virtual void cancel(std::string_view tenant, std::string_view request_id) = 0;
  // Ends every run and refuses new ones.
  virtual void shut_down() = 0;
};

}  // namespace cloister::engine
