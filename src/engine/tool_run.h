// One live program that calls tools: between the thread that runs it and those who answer it.
//
// The program's thread calls execute() and then publish_end(). Everybody else sees the run through
// wait(), answer() and end(). Thread safe; one thread at a time may wait().
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "engine/output_buffer.h"
#include "engine/session_executor.h"
#include "engine/tool_runs.h"

namespace cloister::engine {

class ToolRun final : private SessionRunObserver {
 public:
  // `id` begins each of its tokens. kInvalidArgument for tools that are no JSON.
  static Result<std::shared_ptr<ToolRun>> make(std::string id, SessionExecution execution,
                                               const ToolRunLimits& limits);

  const std::string& tenant() const { return execution_.tenant; }

  // On the run's own thread: runs the program to its end; then lets those who wait know.
  void execute(SessionExecutor& executor, std::string_view operation);
  void publish_end();

  // The next pause or the end. When the caller hangs up the run is ended and this is kCancelled.
  Result<ToolRunState> wait(const Cancellation& caller);
  // See ToolRuns::resume.
  Result<void> answer(std::string_view token, const std::vector<ToolResult>& results);
  // Ends the run for this reason, unless there has been another.
  void end(Error reason);

  void set_request_id(std::string_view request_id);
  bool has_request_id(std::string_view request_id) const;

 private:
  enum class Phase { kRunning, kPaused, kEnded };
  struct OpenCalls {
    std::uint64_t first_id = 0;
    std::vector<ToolCall> calls;
  };

  ToolRun(std::string id, SessionExecution execution, const ToolRunLimits& limits,
          std::set<std::string, std::less<>> tool_names, UniqueFd changed, UniqueFd hangup_ours,
          UniqueFd hangup_theirs);

  void on_session(std::string_view session_id) override;
  void on_output(Stream stream, std::string_view bytes) override;
  std::optional<std::string> on_message(std::string_view message) override;
  void on_interrupted() override;

  // Those below require mutex_.
  Result<OpenCalls> check_calls(std::string_view message);
  void violate(const std::string& what);
  void end_locked(Error reason);
  Result<ToolRunState> take_state();
  Result<ToolRunState> take_end(ToolRunState state);
  void take_output(ToolRunState& state);
  void signal_change();

  // Constant after construction:
  const std::string id_;
  const SessionExecution execution_;
  const ToolRunLimits limits_;
  const std::set<std::string, std::less<>> tool_names_;
  const UniqueFd changed_;        // An eventfd: the phase has changed.
  const UniqueFd hangup_theirs_;  // What the executor watches.

  mutable std::mutex mutex_;
  std::condition_variable resumed_;
  // Guarded by mutex_:
  UniqueFd hangup_ours_;  // Closing it ends the program.
  Phase phase_ = Phase::kRunning;
  std::string token_;  // Of the open pause; of the last one while the program runs.
  OpenCalls open_;
  std::uint64_t calls_ = 0;
  std::optional<std::string> answer_;
  std::optional<Error> end_reason_;
  bool is_violated_ = false;
  std::string unregistered_tool_;
  std::string request_id_;
  std::string session_id_;
  std::optional<CappedOutput> stdout_;
  std::optional<CappedOutput> stderr_;
  std::optional<Result<SessionExecutionResult>> result_;
};

}  // namespace cloister::engine
