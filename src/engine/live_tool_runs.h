// The ToolRuns with a thread for each program that is alive.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/tool_run.h"
#include "engine/tool_runs.h"

namespace cloister::engine {

// The name under which an ExecutionObserver counts these runs.
inline constexpr std::string_view kToolRunOperation = "tool_run";

class LiveToolRuns final : public ToolRuns {
 public:
  // Not owned; must outlive this object.
  LiveToolRuns(SessionExecutor& executor, ToolRunLimits limits)
      : executor_(executor), limits_(limits) {}
  // Ends every run. No other call may be under way.
  ~LiveToolRuns() override { shut_down(); }

  Result<ToolRunState> start(SessionExecution execution, std::string_view request_id,
                             const Cancellation& cancellation) override;
  Result<ToolRunState> resume(std::string_view tenant, std::string_view token,
                              std::vector<ToolResult> results, std::string_view request_id,
                              const Cancellation& cancellation) override;
  void cancel(std::string_view tenant, std::string_view request_id) override;
  void shut_down() override;

  // Runs that are alive.
  std::size_t size() const;

 private:
  using RunPtr = std::shared_ptr<ToolRun>;
  struct Live {
    RunPtr run;
    std::thread thread;
  };

  Result<void> launch(const std::string& id, const RunPtr& run);
  void work(const std::string& id, const RunPtr& run);
  RunPtr find(std::string_view tenant, std::string_view token) const;
  std::vector<RunPtr> all() const;
  void join_finished();

  SessionExecutor& executor_;
  const ToolRunLimits limits_;

  mutable std::mutex mutex_;
  std::condition_variable ended_;
  // Guarded by mutex_:
  bool shutting_down_ = false;
  std::map<std::string, Live, std::less<>> runs_;  // By their id, with which each token begins.
  std::vector<std::thread> finished_;              // Threads at their end.
};

}  // namespace cloister::engine
