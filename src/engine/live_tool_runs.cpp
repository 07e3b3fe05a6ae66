#include "engine/live_tool_runs.h"

#include <system_error>
#include <utility>

#include "base/id.h"

namespace cloister::engine {
namespace {

constexpr std::size_t kIdBytes = 16;

Error shutting_down() {
  return {ErrorCode::kUnavailable, "The server is shutting down.", 0, {}};
}

}  // namespace

Result<ToolRunState> LiveToolRuns::start(SessionExecution execution, std::string_view request_id,
                                         const Cancellation& cancellation) {
  join_finished();
  const std::string id = random_hex(kIdBytes);
  const RunPtr run = TRY(ToolRun::make(id, std::move(execution), limits_));
  run->set_request_id(request_id);
  TRY_VOID(launch(id, run));
  return run->wait(cancellation);
}

Result<void> LiveToolRuns::launch(const std::string& id, const RunPtr& run) {
  const std::lock_guard lock(mutex_);
  if (shutting_down_) return fail(shutting_down());
  if (runs_.size() >= limits_.runs_max) {
    return fail(ErrorCode::kSaturated, "The maximum of " + std::to_string(limits_.runs_max) +
                                           " programs with tools is running. Retry later.");
  }
  try {
    // The thread cannot take itself out of the map before it is in there: that needs the mutex.
    runs_.emplace(id, Live{run, std::thread([this, id, run] { work(id, run); })});
  } catch (const std::system_error& error) {
    return fail(Error{ErrorCode::kUnavailable, "No thread can be started at present.",
                      error.code().value(), "start a thread for a program with tools"});
  }
  return {};
}

void LiveToolRuns::work(const std::string& id, const RunPtr& run) {
  run->execute(executor_, kToolRunOperation);
  {
    const std::lock_guard lock(mutex_);
    const auto live = runs_.find(id);
    finished_.push_back(std::move(live->second.thread));
    runs_.erase(live);
    ended_.notify_all();
  }
  // After that: whoever hears of the end finds the run's place free.
  run->publish_end();
}

LiveToolRuns::RunPtr LiveToolRuns::find(std::string_view tenant, std::string_view token) const {
  const std::lock_guard lock(mutex_);
  const auto live = runs_.find(token.substr(0, 2 * kIdBytes));
  if (live == runs_.end() || live->second.run->tenant() != tenant) return nullptr;
  return live->second.run;
}

Result<ToolRunState> LiveToolRuns::resume(std::string_view tenant, std::string_view token,
                                          std::vector<ToolResult> results,
                                          std::string_view request_id,
                                          const Cancellation& cancellation) {
  const RunPtr run = find(tenant, token);
  if (!run) return fail(ErrorCode::kNotFound, "Execution not found or expired");
  TRY_VOID(run->answer(token, results));
  run->set_request_id(request_id);
  return run->wait(cancellation);
}

std::vector<LiveToolRuns::RunPtr> LiveToolRuns::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<RunPtr> runs;
  runs.reserve(runs_.size());
  for (const auto& [id, live] : runs_)
    runs.push_back(live.run);
  return runs;
}

void LiveToolRuns::cancel(std::string_view tenant, std::string_view request_id) {
  for (const RunPtr& run : all()) {
    if (run->tenant() == tenant && run->has_request_id(request_id)) {
      run->end({ErrorCode::kCancelled, "The execution was cancelled.", 0, {}});
    }
  }
}

void LiveToolRuns::shut_down() {
  {
    const std::lock_guard lock(mutex_);
    shutting_down_ = true;
  }
  for (const RunPtr& run : all())
    run->end(shutting_down());
  {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return runs_.empty(); });
  }
  join_finished();
}

void LiveToolRuns::join_finished() {
  std::vector<std::thread> finished;
  {
    const std::lock_guard lock(mutex_);
    finished.swap(finished_);
  }
  for (std::thread& thread : finished)
    thread.join();
}

std::size_t LiveToolRuns::size() const {
  const std::lock_guard lock(mutex_);
  return runs_.size();
}

}  // namespace cloister::engine
