#include "engine/tool_run.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/id.h"
#include "base/utf8.h"
#include "engine/hangup.h"
#include "engine/tool_messages.h"

namespace cloister::engine {
namespace {

Error hung_up() {
  return {ErrorCode::kCancelled, "The caller hung up before the program had ended.", 0, {}};
}

tl::unexpected<Error> no_such_run() {
  return fail(ErrorCode::kNotFound, "Execution not found or expired");
}

}  // namespace

Result<std::shared_ptr<ToolRun>> ToolRun::make(std::string id, SessionExecution execution,
                                               const ToolRunLimits& limits) {
  if (!execution.tools) return fail(ErrorCode::kInvalidArgument, "The program has no tools.");
  auto names = TRY(parse_tool_names(*execution.tools));
  UniqueFd changed(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!changed.is_open()) return fail_errno("eventfd");
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno("socketpair");
  }
  return std::shared_ptr<ToolRun>(new ToolRun(std::move(id), std::move(execution), limits,
                                              std::move(names), std::move(changed),
                                              UniqueFd(ends[0]), UniqueFd(ends[1])));
}

ToolRun::ToolRun(std::string id, SessionExecution execution, const ToolRunLimits& limits,
                 std::set<std::string, std::less<>> tool_names, UniqueFd changed,
                 UniqueFd hangup_ours, UniqueFd hangup_theirs)
    : id_(std::move(id)),
      execution_(std::move(execution)),
      limits_(limits),
      tool_names_(std::move(tool_names)),
      changed_(std::move(changed)),
      hangup_theirs_(std::move(hangup_theirs)),
      hangup_ours_(std::move(hangup_ours)),
      session_id_(execution_.session_id) {
  stdout_.emplace(limits_.output_bytes_max);
  stderr_.emplace(limits_.output_bytes_max);
}

void ToolRun::execute(SessionExecutor& executor, std::string_view operation) {
  auto result = executor.execute(execution_, operation, {hangup_theirs_.get()}, *this);
  const std::lock_guard lock(mutex_);
  result_ = std::move(result);
}

void ToolRun::publish_end() {
  const std::lock_guard lock(mutex_);
  phase_ = Phase::kEnded;
  token_.clear();
  signal_change();
}

void ToolRun::signal_change() {
  const std::uint64_t one = 1;
  // It fails only when the counter is full, which wakes the reader, too.
  static_cast<void>(::write(changed_.get(), &one, sizeof one) == sizeof one);
}

void ToolRun::on_session(std::string_view session_id) {
  const std::lock_guard lock(mutex_);
  session_id_ = session_id;
}

void ToolRun::on_output(Stream stream, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  (stream == Stream::kStdout ? stdout_ : stderr_)->append(bytes);
}

void ToolRun::on_interrupted() {
  end({ErrorCode::kNotFound, "The session was deleted while the program ran", 0, {}});
}

void ToolRun::end(Error reason) {
  const std::lock_guard lock(mutex_);
  end_locked(std::move(reason));
}

void ToolRun::end_locked(Error reason) {
  if (!end_reason_) end_reason_ = std::move(reason);
  hangup_ours_.reset();
  resumed_.notify_all();
}

void ToolRun::violate(const std::string& what) {
  is_violated_ = true;
  stderr_->append("\n" + what + "\n");
}

Result<ToolRun::OpenCalls> ToolRun::check_calls(std::string_view message) {
  if (message.size() > limits_.message_bytes_max) {
    return fail(ErrorCode::kTooLarge, "The program's message to its tools is too large.");
  }
  const std::vector<ProgramCall> calls = TRY(parse_tool_calls(message));
  OpenCalls open;
  open.first_id = calls_ + 1;
  for (const ProgramCall& call : calls) {
    if (call.id != calls_ + 1) {
      return fail(ErrorCode::kInvalidArgument, "The ids of tool calls do not count up.");
    }
    if (++calls_ > limits_.calls_max) {
      return fail(ErrorCode::kTooLarge, "The program made more than " +
                                            std::to_string(limits_.calls_max) + " tool calls.");
    }
    if (!tool_names_.contains(call.name)) {
      unregistered_tool_ = call.name;
      return fail(ErrorCode::kInvalidArgument, "The tool '" + call.name + "' is not registered.");
    }
    open.calls.push_back({format_call_id(call.id), call.name, call.input_json});
  }
  return open;
}

std::optional<std::string> ToolRun::on_message(std::string_view message) {
  std::unique_lock lock(mutex_);
  if (end_reason_) return std::nullopt;
  auto open = check_calls(message);
  if (!open) {
    violate(open.error().message);
    return std::nullopt;
  }
  open_ = std::move(*open);
  token_ = id_ + random_hex(16);
  answer_.reset();
  phase_ = Phase::kPaused;
  signal_change();
  const auto deadline = std::chrono::steady_clock::now() + limits_.pause_max;
  resumed_.wait_until(lock, deadline, [this] { return answer_ || end_reason_; });
  if (answer_ && !end_reason_) return std::exchange(answer_, std::nullopt);
  // Nobody may answer any more.
  phase_ = Phase::kRunning;
  token_.clear();
  if (!end_reason_) {
    end_locked(
        {ErrorCode::kDeadlineExceeded, "The results of the tools did not come in time.", 0, {}});
  }
  return std::nullopt;
}

Result<void> ToolRun::answer(std::string_view token, const std::vector<ToolResult>& results) {
  const std::lock_guard lock(mutex_);
  if (token_.empty() || token != token_) return no_such_run();
  if (phase_ != Phase::kPaused) {
    return fail(ErrorCode::kConflict, "Another call continues this execution.");
  }
  if (end_reason_) return no_such_run();
  std::vector<const ToolResult*> ordered(open_.calls.size(), nullptr);
  for (const ToolResult& result : results) {
    const auto call = std::find_if(open_.calls.begin(), open_.calls.end(),
                                   [&](const ToolCall& open) { return open.id == result.call_id; });
    if (call == open_.calls.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  "There is no open call '" + repair_utf8(result.call_id) + "'.");
    }
    const ToolResult*& place = ordered[static_cast<std::size_t>(call - open_.calls.begin())];
    if (place != nullptr) {
      return fail(ErrorCode::kInvalidArgument,
                  "The call '" + result.call_id + "' has more than one result.");
    }
    place = &result;
  }
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    if (ordered[i] == nullptr) {
      return fail(ErrorCode::kInvalidArgument,
                  "The call '" + open_.calls[i].id + "' has no result.");
    }
  }
  answer_ = TRY(format_tool_results(open_.first_id, ordered));
  phase_ = Phase::kRunning;
  resumed_.notify_all();
  return {};
}

Result<ToolRunState> ToolRun::wait(const Cancellation& caller) {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      // A pause of a run that is being ended cannot be answered: the end is to come.
      if (phase_ == Phase::kEnded || (phase_ == Phase::kPaused && !end_reason_)) {
        if (!has_hung_up(caller)) return take_state();
        end_locked(hung_up());
        return fail(hung_up());
      }
    }
    std::array<pollfd, 2> watched{{{changed_.get(), POLLIN, 0}, {caller.hangup_fd, POLLRDHUP, 0}}};
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return fail_errno("poll");
    std::uint64_t count = 0;
    // Nothing to be read is no news.
    static_cast<void>(::read(changed_.get(), &count, sizeof count) == sizeof count);
    if (watched[1].revents != 0) {
      end(hung_up());
      return fail(hung_up());
    }
  }
}

void ToolRun::take_output(ToolRunState& state) {
  state.stdout_text = stdout_->text();
  state.stderr_text = stderr_->text();
  stdout_.emplace(limits_.output_bytes_max);
  stderr_.emplace(limits_.output_bytes_max);
}

Result<ToolRunState> ToolRun::take_state() {
  ToolRunState state;
  state.session_id = session_id_;
  take_output(state);
  if (phase_ == Phase::kEnded) return take_end(std::move(state));
  state.token = token_;
  state.calls = open_.calls;
  return state;
}

Result<ToolRunState> ToolRun::take_end(ToolRunState state) {
  if (*result_) {
    state.result = std::move(**result_);
    return state;
  }
  Error error = std::move(*result_).error();
  if (error.code != ErrorCode::kCancelled) return fail(std::move(error));
  if (is_violated_ && !end_reason_) {
    state.unregistered_tool = unregistered_tool_;
    state.result.emplace();
    state.result->session_id = session_id_;
    state.result->outcome.cancelled = true;
    return state;
  }
  return fail(end_reason_ ? *end_reason_ : std::move(error));
}

void ToolRun::set_request_id(std::string_view request_id) {
  const std::lock_guard lock(mutex_);
  request_id_ = request_id;
}

bool ToolRun::has_request_id(std::string_view request_id) const {
  const std::lock_guard lock(mutex_);
  return !request_id.empty() && request_id_ == request_id;
}

}  // namespace cloister::engine
