#include "engine/live_tool_runs.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <array>
#include <future>
#include <thread>

#include "engine/session_execution_fixture_test.h"

namespace cloister::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string calls(std::uint64_t first, int count, const std::string& name = "tool") {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += (i > 0 ? "," : "") + std::string(R"({"id":)") +
            std::to_string(first + static_cast<std::uint64_t>(i)) + R"(,"name":")" + name +
            R"(","input":{"n":)" + std::to_string(i) + "}}";
  }
  return R"({"calls":[)" + text + "]}";
}

RunOutcome cancelled_outcome() {
  RunOutcome outcome;
  outcome.cancelled = true;
  return outcome;
}

class LiveToolRunsTest : public SessionExecutionFixture {
 protected:
  void SetUp() override {
    SessionExecutionFixture::SetUp();
    std::array<int, 2> ends{-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    server_end_.reset(ends[0]);
    client_end_.reset(ends[1]);
    // Sends a message for each word of the code, such as "2 1": two calls, then one.
    play([this](fakes::FakeProgramContext& context) { return ask(context); });
  }
  void TearDown() override {
    runs_.reset();
    SessionExecutionFixture::TearDown();
  }

  Result<RunOutcome> ask(fakes::FakeProgramContext& context) {
    std::uint64_t next = 1;
    for (const char digit : context.code()) {
      if (digit == ' ') continue;
      const int count = digit - '0';
      context.observer.on_output(Stream::kStdout, "asks " + std::string(1, digit) + ";");
      const auto answer = context.observer.on_message(calls(next, count));
      if (!answer) return cancelled_outcome();
      const std::lock_guard lock(mutex_);
      answers_.push_back(*answer);
      next += static_cast<std::uint64_t>(count);
    }
    context.workspace.write("made", "x");
    context.observer.on_output(Stream::kStderr, "done");
    return fakes::exited(0);
  }

  void start_runs(ToolRunLimits limits = {}) {
    runs_.reset();
    runs_ = std::make_unique<LiveToolRuns>(*executor_, limits);
  }

  SessionExecution with_tools(std::string code, std::string session = "s") {
    SessionExecution given = execution(python(), std::move(session));
    given.code = std::move(code);
    given.tools = R"({"tools":[{"name":"tool"}]})";
    return given;
  }

  Result<ToolRunState> start(std::string code, std::string_view request = "") {
    if (!runs_) start_runs();
    return runs_->start(with_tools(std::move(code)), request, {});
  }

  Result<ToolRunState> resume(const std::string& token, std::vector<ToolResult> results,
                              std::string_view request = "") {
    return runs_->resume("t", token, std::move(results), request, {});
  }

  static ToolResult result(std::string id, std::string json = "1") {
    return {std::move(id), std::move(json), false, {}};
  }

  // A run that is no more leaves its sandbox, its turn and its place, on its own thread.
  void expect_all_over() {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (runs_->size() != 0 && std::chrono::steady_clock::now() < limit)
      std::this_thread::yield();
    EXPECT_EQ(runs_->size(), 0U);
    EXPECT_EQ(backend_->existing(), 0U);
    EXPECT_TRUE(sessions_->use("t", "s"));
  }

  std::mutex mutex_;
  std::vector<std::string> answers_;  // Guarded by mutex_.
  UniqueFd server_end_;
  UniqueFd client_end_;
  std::unique_ptr<LiveToolRuns> runs_;
};

TEST_F(LiveToolRunsTest, PausesForEachBatchAndEnds) {
  const auto first = start("2 1");
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_FALSE(first->result);
  EXPECT_EQ(first->session_id, "s");
  EXPECT_EQ(first->stdout_text, "asks 2;");
  ASSERT_EQ(first->calls.size(), 2U);
  EXPECT_EQ(first->calls[0].id, "call_001");
  EXPECT_EQ(first->calls[0].name, "tool");
  EXPECT_EQ(first->calls[1].id, "call_002");
  EXPECT_EQ(first->calls[1].input_json, R"({"n":1})");
  EXPECT_EQ(admission_.active(), 0U) << "a paused run holds no slot";

  const auto second = resume(first->token, {result("call_002", R"("two")"), result("call_001")});
  ASSERT_TRUE(second) << second.error().describe();
  EXPECT_EQ(second->stdout_text, "asks 1;") << "what was told is not told again";
  ASSERT_EQ(second->calls.size(), 1U);
  EXPECT_EQ(second->calls[0].id, "call_003");
  EXPECT_NE(second->token, first->token);

  const auto end = resume(second->token, {{"call_003", "null", true, "failed"}});
  ASSERT_TRUE(end) << end.error().describe();
  ASSERT_TRUE(end->result);
  EXPECT_EQ(end->result->outcome.exit_code, 0);
  EXPECT_THAT(reported(*end->result), ElementsAre("new made=x"));
  EXPECT_THAT(end->calls, IsEmpty());
  EXPECT_EQ(end->token, "");
  EXPECT_EQ(end->stdout_text, "");
  EXPECT_EQ(end->stderr_text, "done");
  EXPECT_THAT(
      answers_,
      ElementsAre(
          R"({"results":[{"id":1,"result":1,"is_error":false,"error_message":""},)"
          R"({"id":2,"result":"two","is_error":false,"error_message":""}]})",
          R"({"results":[{"id":3,"result":null,"is_error":true,"error_message":"failed"}]})"));
  EXPECT_EQ(runs_->size(), 0U);
  EXPECT_THAT(executions_.lines(), ElementsAre("tool_run started", "tool_run ended"));
}

TEST_F(LiveToolRunsTest, EndsAtOnceWithoutCalls) {
  const auto end = start("");
  ASSERT_TRUE(end && end->result);
  EXPECT_EQ(end->result->session_id, "s");
}

TEST_F(LiveToolRunsTest, ErrorsOfTheExecutionAreThoseOfTheCall) {
  start_runs();
  SessionExecution given = with_tools("");
  given.files = {{"none", "x", ""}};
  EXPECT_EQ(runs_->start(given, "", {}).error().code, ErrorCode::kNotFound);
  given.files = {};
  given.tools = "not JSON";
  EXPECT_EQ(runs_->start(given, "", {}).error().code, ErrorCode::kInvalidArgument);
  given.tools.reset();
  EXPECT_EQ(runs_->start(given, "", {}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(LiveToolRunsTest, RefusesTokensThatAreUnknownUsedOrForeign) {
  const auto first = start("1 1");
  const std::vector<ToolResult> results{result("call_001")};
  EXPECT_EQ(resume("", results).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(resume(first->token + "0", results).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(resume(std::string(64, '0'), results).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(runs_->resume("other", first->token, results, "", {}).error().code,
            ErrorCode::kNotFound);
  const auto second = resume(first->token, results);
  ASSERT_TRUE(second);
  EXPECT_EQ(resume(first->token, results).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(resume(second->token, {result("call_002")})->result);
  EXPECT_EQ(resume(second->token, {result("call_002")}).error().code, ErrorCode::kNotFound);
}

TEST_F(LiveToolRunsTest, ResultsHaveToAnswerEveryOpenCallOnce) {
  const auto first = start("2");
  const std::vector<std::vector<ToolResult>> wrong{
      {},
      {result("call_001")},
      {result("call_001"), result("call_001")},
      {result("call_001"), result("call_003")},
      {result("call_001"), result("call_002"), result("call_003")},
      {result("call_001"), result("call_002", "{")}};
  for (const auto& results : wrong)
    EXPECT_EQ(resume(first->token, results).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(resume(first->token, {result("call_001"), result("call_002")})->result);
}

TEST_F(LiveToolRunsTest, OneCallAtATimeResumes) {
  std::promise<void> goes_on;
  std::promise<void> may_end;
  play([&](fakes::FakeProgramContext& context) {
    EXPECT_TRUE(context.observer.on_message(calls(1, 1)));
    goes_on.set_value();
    may_end.get_future().wait();
    return fakes::exited(0);
  });
  const auto first = start("");
  auto resumed =
      std::async(std::launch::async, [&] { return resume(first->token, {result("call_001")}); });
  goes_on.get_future().wait();
  EXPECT_EQ(resume(first->token, {result("call_001")}).error().code, ErrorCode::kConflict);
  may_end.set_value();
  EXPECT_TRUE(resumed.get()->result);
}

TEST_F(LiveToolRunsTest, AProgramThatCallsAnotherToolIsEnded) {
  play([](fakes::FakeProgramContext& context) {
    EXPECT_FALSE(context.observer.on_message(calls(1, 1, "secret")));
    return cancelled_outcome();
  });
  const auto end = start("");
  ASSERT_TRUE(end) << end.error().describe();
  EXPECT_EQ(end->unregistered_tool, "secret");
  ASSERT_TRUE(end->result);
  EXPECT_TRUE(end->result->outcome.cancelled);
  EXPECT_THAT(end->stderr_text, HasSubstr("'secret' is not registered"));
}

TEST_F(LiveToolRunsTest, AProgramThatBreaksTheRulesIsEnded) {
  ToolRunLimits limits;
  limits.calls_max = 3;
  limits.message_bytes_max = 1000;
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"not JSON", "malformed"},
      {calls(2, 1), "count up"},
      {R"({"calls":[{"id":1,"name":"tool","input":{}},{"id":1,"name":"tool","input":{}}]})",
       "count up"},
      {calls(1, 4), "more than 3"},
      {std::string(1001, ' '), "too large"}};
  for (const auto& [message, told] : wrong) {
    play([&](fakes::FakeProgramContext& context) {
      EXPECT_FALSE(context.observer.on_message(message));
      return cancelled_outcome();
    });
    start_runs(limits);
    const auto end = start("");
    ASSERT_TRUE(end && end->result) << message;
    EXPECT_TRUE(end->result->outcome.cancelled);
    EXPECT_EQ(end->unregistered_tool, "");
    EXPECT_THAT(end->stderr_text, HasSubstr(told));
    runs_.reset();
  }
}

TEST_F(LiveToolRunsTest, CallsAreCountedOverTheWholeRun) {
  ToolRunLimits limits;
  limits.calls_max = 3;
  start_runs(limits);
  const auto first = start("2 2");
  const auto end = resume(first->token, {result("call_001"), result("call_002")});
  ASSERT_TRUE(end && end->result);
  EXPECT_TRUE(end->result->outcome.cancelled);
}

TEST_F(LiveToolRunsTest, ACallerThatHangsUpEndsARunningProgram) {
  std::promise<void> runs;
  play([&](fakes::FakeProgramContext& context) {
    runs.set_value();
    EXPECT_TRUE(context.wait_until_hung_up());
    return cancelled_outcome();
  });
  start_runs();
  auto waiting = std::async(std::launch::async,
                            [&] { return runs_->start(with_tools(""), "", {server_end_.get()}); });
  runs.get_future().wait();
  client_end_.reset();
  EXPECT_EQ(waiting.get().error().code, ErrorCode::kCancelled);
  expect_all_over();
}

TEST_F(LiveToolRunsTest, ACallerThatHangsUpBeforeThePauseEndsTheRun) {
  start_runs();
  client_end_.reset();
  EXPECT_EQ(runs_->start(with_tools("1"), "", {server_end_.get()}).error().code,
            ErrorCode::kCancelled);
  expect_all_over();
}

TEST_F(LiveToolRunsTest, CancelEndsTheRunOfTheLastRequest) {
  const auto first = start("1 1", "request 1");
  runs_->cancel("other", "request 1");
  runs_->cancel("t", "");
  runs_->cancel("t", "unknown");
  const auto second = resume(first->token, {result("call_001")}, "request 2");
  ASSERT_TRUE(second);
  runs_->cancel("t", "request 1");
  EXPECT_EQ(runs_->size(), 1U);
  runs_->cancel("t", "request 2");
  EXPECT_EQ(resume(second->token, {result("call_002")}).error().code, ErrorCode::kNotFound);
  expect_all_over();
  EXPECT_EQ(files_.size("t"), 0U);
}

TEST_F(LiveToolRunsTest, CancelEndsAWaitingCallToo) {
  std::promise<void> runs;
  play([&](fakes::FakeProgramContext& context) {
    runs.set_value();
    EXPECT_TRUE(context.wait_until_hung_up());
    return cancelled_outcome();
  });
  start_runs();
  auto waiting = std::async(std::launch::async, [&] { return start("", "request"); });
  runs.get_future().wait();
  runs_->cancel("t", "request");
  EXPECT_EQ(waiting.get().error().code, ErrorCode::kCancelled);
}

TEST_F(LiveToolRunsTest, APauseThatIsTooLongEndsTheRun) {
  ToolRunLimits limits;
  limits.pause_max = Milliseconds(1);
  start_runs(limits);
  const auto first = start("1");
  expect_all_over();
  EXPECT_EQ(resume(first->token, {result("call_001")}).error().code, ErrorCode::kNotFound);
}

TEST_F(LiveToolRunsTest, RemovingTheSessionEndsAPausedRun) {
  const auto first = start("1");
  ASSERT_TRUE(sessions_->remove("t", "s"));
  expect_all_over();
  EXPECT_EQ(resume(first->token, {result("call_001")}).error().code, ErrorCode::kNotFound);
}

TEST_F(LiveToolRunsTest, BoundsTheRunsThatAreAlive) {
  ToolRunLimits limits;
  limits.runs_max = 1;
  start_runs(limits);
  const auto first = start("1");
  EXPECT_EQ(runs_->start(with_tools("", "other"), "", {}).error().code, ErrorCode::kSaturated);
  ASSERT_TRUE(resume(first->token, {result("call_001")})->result);
  EXPECT_TRUE(runs_->start(with_tools("", "other"), "", {}));
}

TEST_F(LiveToolRunsTest, KeepsSoMuchOutputOfEachState) {
  ToolRunLimits limits;
  limits.output_bytes_max = 40;
  play([](fakes::FakeProgramContext& context) {
    for (std::uint64_t id = 1; id <= 2; ++id) {
      context.observer.on_output(Stream::kStdout, std::string(50, 'x'));
      EXPECT_TRUE(context.observer.on_message(calls(id, 1)));
    }
    return fakes::exited(0);
  });
  start_runs(limits);
  const auto first = start("");
  EXPECT_EQ(first->stdout_text, "xxxxxxxx\n...[truncated]");
  const auto second = resume(first->token, {result("call_001")});
  EXPECT_EQ(second->stdout_text, "xxxxxxxx\n...[truncated]");
  ASSERT_TRUE(resume(second->token, {result("call_002")})->result);
}

TEST_F(LiveToolRunsTest, ShutDownEndsEveryRunAndRefusesNewOnes) {
  const auto paused = start("1");
  // A paused run lets others have its session.
  const auto second = runs_->start(with_tools("1"), "", {});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->session_id, paused->session_id);
  runs_->shut_down();
  EXPECT_EQ(resume(second->token, {result("call_001")}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(resume(paused->token, {result("call_001")}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(start("").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(runs_->size(), 0U);
  expect_all_over();
}

TEST_F(LiveToolRunsTest, ServesManyAtOnce) {
  start_runs();
  // More than there are slots: a program that has none waits a little and goes on.
  Admission admission(AdmissionLimits{8, 64, 64, Milliseconds(20'000)});
  StoredSessionExecutor executor(*backend_, *sessions_, files_, admission, cache_, executions_,
                                 clock_, limits_);
  LiveToolRuns runs(executor, {});
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      auto state = runs.start(with_tools("1 2 1", std::to_string(i)), "", {});
      int pauses = 0;
      while (state && !state->result) {
        std::vector<ToolResult> results;
        for (const ToolCall& call : state->calls)
          results.push_back(result(call.id));
        ++pauses;
        state = runs.resume("t", state->token, results, "", {});
      }
      ASSERT_TRUE(state) << state.error().describe();
      EXPECT_EQ(pauses, 3);
      EXPECT_EQ(state->result->session_id, std::to_string(i));
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(runs.size(), 0U);
}

}  // namespace
}  // namespace cloister::engine
