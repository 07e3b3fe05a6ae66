#include "engine/stored_session_executor.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <array>
#include <future>
#include <thread>

#include "engine/session_execution_fixture_test.h"

namespace cloister::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class StoredSessionExecutorTest : public SessionExecutionFixture {
 protected:
  // Two ends of a connection: the server's, which a run watches, and the client's.
  static std::array<UniqueFd, 2> connection() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
  }

  void await_waiters(std::size_t count) {
    while (sessions_->waiting("t", "s") != count)
      std::this_thread::yield();
  }
};

TEST_F(StoredSessionExecutorTest, RunsPythonWithTheSessionsEnvironment) {
  play([](fakes::FakeProgramContext& context) {
    const auto& program = std::get<PythonProgram>(context.spec.program);
    EXPECT_EQ(program.code, "the code");
    EXPECT_THAT(program.arguments, ElementsAre("x", "y"));
    EXPECT_EQ(program.directory, "/mnt/data");
    EXPECT_THAT(program.environment, Contains("HOME=/tmp"));
    EXPECT_FALSE(program.tools);
    EXPECT_EQ(context.spec.stdin_bytes, "in");
    EXPECT_EQ(context.spec.timeout, Milliseconds(1500));
    EXPECT_EQ(context.spec.cpu_seconds, 120U);
    context.observer.on_output(Stream::kStdout, "out");
    context.observer.on_output(Stream::kStderr, "err");
    return fakes::exited(3);
  });
  SessionExecution given = execution();
  given.arguments = {"x", "y"};
  given.stdin_bytes = "in";
  const auto result = execute(given);
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(result->outcome.exit_code, 3);
  EXPECT_FALSE(result->compile_failed);
  EXPECT_EQ(output_->out, "out");
  EXPECT_EQ(output_->err, "err");
  EXPECT_EQ(output_->started, 1);
  EXPECT_EQ(output_->session, "s");
  EXPECT_EQ(backend_->last_python_code(), "the code");
  EXPECT_EQ(backend_->last_kind(), SandboxKind::kPythonRun);
  EXPECT_EQ(backend_->last_spec().memory_bytes, std::uint64_t{512} << 20);
  EXPECT_EQ(backend_->existing(), 0U);
  EXPECT_EQ(admission_.active(), 0U);
  EXPECT_THAT(executions_.lines(), ElementsAre("exec started", "exec ended"));
  EXPECT_THAT(journal_.lines(), ElementsAre("created s", "run s python"));
  EXPECT_EQ(sessions_->find("t", "s")->language, "python");
}

TEST_F(StoredSessionExecutorTest, MakesASessionWhereNoneIsNamed) {
  play({});
  const auto one = execute(execution(python(), ""));
  const auto two = execute(execution(python(), ""));
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->session_id.size(), 21U);
  EXPECT_NE(one->session_id, two->session_id);
  EXPECT_EQ(output_->session, two->session_id);
  EXPECT_EQ(sessions_->list("t", true)->size(), 2U);
}

TEST_F(StoredSessionExecutorTest, RunsAScriptByItsCommand) {
  play([](fakes::FakeProgramContext& context) {
    const auto& program = std::get<CommandProgram>(context.spec.program);
    EXPECT_THAT(program.argv, ElementsAre("interpret", "/program/main.sh", "x"));
    EXPECT_THAT(program.environment, Contains("OF=script"));
    EXPECT_THAT(program.environment, Contains("HOME=/tmp"));
    EXPECT_EQ(program.directory, "/mnt/data");
    EXPECT_THAT(context.program.files(), ElementsAre(Pair("main.sh", "the code")));
    EXPECT_THAT(context.workspace.files(), IsEmpty());
    return fakes::exited(0);
  });
  SessionExecution given = execution(script());
  given.arguments = {"x"};
  const auto result = execute(given);
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(backend_->last_kind(), SandboxKind::kCommandRun);
  EXPECT_THAT(backend_->last_spec().warm_command, IsEmpty());
}

TEST_F(StoredSessionExecutorTest, GivesAWarmProcessItsMessage) {
  play([](fakes::FakeProgramContext& context) {
    const std::string& message = std::get<WarmProgram>(context.spec.program).message;
    EXPECT_NE(message.find("the code"), std::string::npos);
    EXPECT_THAT(context.program.files(), IsEmpty());
    return fakes::exited(0);
  });
  ASSERT_TRUE(execute(execution(warm())));
  EXPECT_EQ(backend_->last_kind(), SandboxKind::kCommandRun);
  EXPECT_THAT(backend_->last_spec().warm_command, ElementsAre("warm", "384"));
}

TEST_F(StoredSessionExecutorTest, OnlyPythonAndBashHaveTools) {
  play({});
  SessionExecution given = execution(script());
  given.tools = R"({"tools":[]})";
  EXPECT_EQ(execute(given).error().code, ErrorCode::kInvalidArgument);

  play([](fakes::FakeProgramContext& context) {
    const auto& program = std::get<PythonProgram>(context.spec.program);
    EXPECT_EQ(program.code, runtimes::bash_tools_program());
    EXPECT_THAT(program.arguments, ElementsAre("the code"));
    EXPECT_EQ(program.tools, R"({"tools":[]})");
    return fakes::exited(0);
  });
  given.language = runtimes::find_language("bash");
  ASSERT_TRUE(execute(given));
  EXPECT_EQ(backend_->last_python_code(), runtimes::bash_tools_program());
}

TEST_F(StoredSessionExecutorTest, ReferencesLieOverTheSessionsFilesTheLastOneWins) {
  add_file("s", "a", "own");
  add_file("s", "b", "own");
  add_file("s", "dir", "own, where others want a directory");
  const SessionFile one = add_file("x", "a", "one");
  const SessionFile two = add_file("y", "whatever", "two", false, true);
  const SessionFile own = add_file("s", "c", "own version");
  add_file("s", "c", "newer");
  run(
      [](fakes::FakeProgramContext& context) {
        EXPECT_THAT(context.workspace.files(),
                    UnorderedElementsAre(Pair("a", "two"), Pair("b", "own"),
                                         Pair("dir/file", "one"), Pair("c", "own version")));
        EXPECT_TRUE(context.workspace.is_executable("a"));
        return fakes::exited(0);
      },
      {{one.id, "x", ""}, {two.id, "y", "./a"}, {one.id, "x", "dir//file"}, {own.id, "", ""}});
  EXPECT_THAT(current("s"), Contains("c=newer")) << "an unchanged reference supersedes nothing";
}

TEST_F(StoredSessionExecutorTest, ChecksBeforeItWaits) {
  play({});
  const SessionFile file = add_file("x", "a", "1");
  const SessionUse busy = sessions_->use("t", "s").value();
  EXPECT_EQ(execute(execution(python(), "a/b")).error().code, ErrorCode::kInvalidArgument);
  SessionExecution given = execution();
  given.files = {{file.id, "x", "/bad"}, {"none", "x", ""}};
  const auto missing = execute(given);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message, "File 'none' not found for session 'x'");
  given.files = {{file.id, "", ""}};
  EXPECT_EQ(execute(given).error().message, "File '" + file.id + "' not found for session 's'");
  for (const std::string path : {"/bad", "../a", "a\xff"}) {
    given.files = {{file.id, "x", path}};
    EXPECT_EQ(execute(given).error().code, ErrorCode::kInvalidArgument) << path;
  }
  given.tenant = "other";
  given.files = {{file.id, "x", ""}};
  EXPECT_EQ(execute(given).error().code, ErrorCode::kNotFound);
  given.tenant = "t";
  given.files.assign(1001, {file.id, "x", "a"});
  EXPECT_EQ(execute(given).error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(executions_.lines(), IsEmpty());
  EXPECT_EQ(sessions_->find("t", "s").error().code, ErrorCode::kNotFound);
}

TEST_F(StoredSessionExecutorTest, ANewSessionFindsReferencesWithoutASession) {
  const SessionFile file = add_file("x", "a", "1");
  play({});
  SessionExecution given = execution(python(), "");
  given.files = {{file.id, "", ""}};
  EXPECT_TRUE(execute(given));
}

TEST_F(StoredSessionExecutorTest, IsRejectedWithoutASlotOrASandbox) {
  play({});
  {
    const auto one = admission_.admit("t");
    const auto two = admission_.admit("t");
    EXPECT_EQ(execute(execution()).error().code, ErrorCode::kSaturated);
    EXPECT_EQ(sessions_->size(), 0U) << "a refused run leaves no session";
  }
  backend_->fail_acquire(Error{ErrorCode::kUnavailable, "no room", 0, {}});
  EXPECT_EQ(execute(execution()).error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(executions_.lines(),
              ElementsAre("exec rejected saturated", "exec rejected unavailable"));
  EXPECT_TRUE(sessions_->use("t", "s"));
}

TEST_F(StoredSessionExecutorTest, CollectsFilesOfATimedOutProgram) {
  const SessionExecutionResult result = run([](fakes::FakeProgramContext& context) {
    context.workspace.write("partial", "x");
    RunOutcome outcome;
    outcome.timed_out = true;
    return outcome;
  });
  EXPECT_TRUE(result.outcome.timed_out);
  EXPECT_THAT(reported(result), ElementsAre("new partial=x"));
}

TEST_F(StoredSessionExecutorTest, StoresNothingWhenTheCallerHungUp) {
  add_file("s", "a", "1");
  play([](fakes::FakeProgramContext& context) {
    context.workspace.write("a", "2");
    RunOutcome outcome;
    outcome.cancelled = true;
    return outcome;
  });
  EXPECT_EQ(execute(execution()).error().code, ErrorCode::kCancelled);
  EXPECT_THAT(current("s"), ElementsAre("a=1"));
  EXPECT_EQ(files_.size("t"), 1U);
  EXPECT_EQ(sessions_->find("t", "s")->runs, 0U);
}

TEST_F(StoredSessionExecutorTest, RunsOfOneSessionQueueAndLoseNothing) {
  std::promise<void> first_runs;
  std::promise<void> go_on;
  play([&](fakes::FakeProgramContext& context) {
    if (context.code() == "first") {
      first_runs.set_value();
      go_on.get_future().wait();
      context.workspace.write("from first", "1");
    } else if (context.code() == "second") {
      EXPECT_THAT(context.workspace.files(), ElementsAre(Pair("from first", "1")));
      context.workspace.write("from second", "2");
    }
    return fakes::exited(0);
  });
  const auto start = [&](std::string code) {
    return std::async(std::launch::async, [this, code = std::move(code)] {
      SessionExecution given = execution();
      given.code = code;
      SessionOutputText output;
      return executor_->execute(given, "exec", {}, output).has_value();
    });
  };
  auto first = start("first");
  first_runs.get_future().wait();
  auto second = start("second");
  await_waiters(1);
  EXPECT_EQ(admission_.active(), 1U) << "one that waits for its turn has no slot";
  EXPECT_EQ(backend_->acquired(), 1U);
  EXPECT_TRUE(execute(execution(python(), "other-session")));
  go_on.set_value();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  EXPECT_THAT(current("s"), UnorderedElementsAre("from first=1", "from second=2"));
}

TEST_F(StoredSessionExecutorTest, NoticesAtItsTurnThatTheCallerHasHungUp) {
  play({});
  auto busy = std::make_unique<SessionUse>(sessions_->use("t", "s").value());
  auto ends = connection();
  auto waiting = std::async(std::launch::async, [&] {
    SessionOutputText output;
    return executor_->execute(execution(), "exec", {ends[0].get()}, output);
  });
  await_waiters(1);
  ends[1].reset();
  busy.reset();
  EXPECT_EQ(waiting.get().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(backend_->acquired(), 0U);
}

TEST_F(StoredSessionExecutorTest, RemovingTheSessionEndsTheRun) {
  std::promise<void> runs;
  play([&](fakes::FakeProgramContext& context) {
    context.workspace.write("a", "1");
    runs.set_value();
    context.workspace.wait_until_killed();
    return fakes::exited(137);
  });
  auto running = std::async(std::launch::async, [&] { return execute(execution()); });
  runs.get_future().wait();
  ASSERT_TRUE(sessions_->remove("t", "s"));
  EXPECT_EQ(running.get().error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(output_->interrupted);
  EXPECT_EQ(files_.size("t"), 0U);
  EXPECT_EQ(sessions_->size(), 0U);
  EXPECT_EQ(backend_->existing(), 0U);
}

TEST_F(StoredSessionExecutorTest, ARunOutlivesTheTimeOfItsSession) {
  const SessionExecutionResult result = run([this](fakes::FakeProgramContext& context) {
    clock_.advance(std::chrono::hours(2));
    EXPECT_EQ(sessions_->sweep().value(), 0U);
    context.workspace.write("late", "x");
    return fakes::exited(0);
  });
  EXPECT_THAT(result.files, SizeIs(1));
  EXPECT_EQ(sessions_->sweep().value(), 1U);
  EXPECT_EQ(sessions_->size(), 0U);
}

TEST_F(StoredSessionExecutorTest, OwnFilesWithoutBytesAreLeftOutReferencesToThemAreNot) {
  const SessionFile lost = add_file("s", "lost", "x");
  add_file("s", "kept", "y");
  ASSERT_TRUE(files_.remove("t", lost.file_id));
  run([](fakes::FakeProgramContext& context) {
    EXPECT_THAT(context.workspace.files(), ElementsAre(Pair("kept", "y")));
    return fakes::exited(0);
  });
  SessionExecution given = execution();
  given.files = {{lost.id, "s", ""}};
  EXPECT_EQ(execute(given).error().message, "File '" + lost.id + "' not found for session 's'");
}

TEST_F(StoredSessionExecutorTest, GivesItsSlotBackWhileAMessageIsAnswered) {
  play([](fakes::FakeProgramContext& context) {
    EXPECT_EQ(context.observer.on_message("question"), "answer");
    return fakes::exited(0);
  });
  SessionOutputText output;
  output.answer = [&](std::string_view message) {
    EXPECT_EQ(message, "question");
    EXPECT_EQ(admission_.active(), 0U);
    return "answer";
  };
  ASSERT_TRUE(executor_->execute(execution(), "exec", {}, output));
  output.answer = [&](std::string_view) {
    admission_.shut_down();
    return "answer";
  };
  play([](fakes::FakeProgramContext& context) {
    EXPECT_EQ(context.observer.on_message("question"), std::nullopt) << "the server is stopping";
    RunOutcome outcome;
    outcome.cancelled = true;
    return outcome;
  });
  EXPECT_FALSE(executor_->execute(execution(), "exec", {}, output));
  EXPECT_EQ(admission_.active(), 0U);
}

TEST_F(StoredSessionExecutorTest, GoesOnWithoutASlotWhenAllAreTaken) {
  std::vector<Result<AdmissionSlot>> taken;
  play([](fakes::FakeProgramContext& context) {
    EXPECT_EQ(context.observer.on_message("question"), "answer");
    return fakes::exited(0);
  });
  SessionOutputText output;
  output.answer = [&](std::string_view) {
    taken.push_back(admission_.admit("other"));
    taken.push_back(admission_.admit("other"));
    return "answer";
  };
  EXPECT_TRUE(executor_->execute(execution(), "exec", {}, output));
  EXPECT_EQ(admission_.active(), 2U);
}

}  // namespace
}  // namespace cloister::engine
