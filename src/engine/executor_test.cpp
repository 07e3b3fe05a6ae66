#include "engine/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "testing/fake_backend.h"
#include "testing/memory_file_store.h"
#include "testing/virtual_clock.h"

namespace cloister::engine {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class Output final : public RunObserver {
 public:
  void on_started() override { ++started; }
  void on_output(Stream, std::string_view bytes) override { text += bytes; }
  int started = 0;
  std::string text;
};

// Notes every call as a line.
class Journal final : public ExecutionObserver {
 public:
  void on_rejected(std::string_view operation, ErrorCode reason) override {
    lines.push_back(std::string(operation) + " rejected " + std::string(to_string(reason)));
  }
  void on_started(std::string_view operation) override {
    lines.push_back(std::string(operation) + " started");
  }
  void on_ended(std::string_view operation, const ExecutionTimings& given,
                const RunOutcome* outcome) override {
    lines.push_back(std::string(operation) + (outcome != nullptr ? " ended" : " failed"));
    timings = given;
  }
  std::vector<std::string> lines;
  ExecutionTimings timings;
};

class ExecutorTest : public ::testing::Test {
 protected:
  // Runs `program` with the inputs in a sandbox of its own.
  Result<ExecutionResult> execute(fakes::FakeProgram program, std::vector<InputFile> inputs = {},
                                  OutputLimits limits = {}) {
    backend_ = std::make_unique<fakes::FakeBackend>(std::move(program));
    return execute_again(std::move(inputs), limits);
  }

  Result<ExecutionResult> execute_again(std::vector<InputFile> inputs, OutputLimits limits = {}) {
    Executor executor(*backend_, files_, admission_, journal_, clock_, limits);
    ExecutionRequest request;
    request.tenant = "t";
    request.program.code = "print()";
    request.stdin_bytes = "input";
    request.timeout = Milliseconds(1500);
    request.files = std::move(inputs);
    return executor.execute(request, "execute", Cancellation{}, output_);
  }

  // Path and content of every output.
  std::map<std::string, std::string> contents(const ExecutionResult& result) {
    std::map<std::string, std::string> found;
    for (const OutputFile& file : result.files) {
      const auto record = files_.open("t", file.file_id)->record;
      EXPECT_EQ(record.name, file.path);
      EXPECT_EQ(record.size_bytes, file.size_bytes);
      found[file.path] = files_.content("t", file.file_id);
    }
    return found;
  }

  fakes::VirtualClock clock_;
  fakes::MemoryFileStore files_{clock_};
  Admission admission_{AdmissionLimits{1, 0, 0, Milliseconds(0)}};
  Journal journal_;
  Output output_;
  std::unique_ptr<fakes::FakeBackend> backend_;
};

TEST_F(ExecutorTest, PassesTheProgramOnAndItsOutcomeBack) {
  const auto result = execute([this](fakes::FakeProgramContext& context) {
    EXPECT_EQ(context.code(), "print()");
    EXPECT_EQ(context.spec.stdin_bytes, "input");
    EXPECT_EQ(context.spec.timeout, Milliseconds(1500));
    context.observer.on_output(Stream::kStdout, "out");
    clock_.advance(Milliseconds(7));
    return fakes::exited(3);
  });
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(result->outcome.exit_code, 3);
  EXPECT_TRUE(result->files.empty());
  EXPECT_EQ(result->timings.run, Milliseconds(7));
  EXPECT_EQ(output_.text, "out");
  EXPECT_EQ(output_.started, 1);
  EXPECT_EQ(journal_.lines, (std::vector<std::string>{"execute started", "execute ended"}));
  EXPECT_EQ(journal_.timings.run, Milliseconds(7));
  EXPECT_EQ(admission_.active(), 0U);
  EXPECT_EQ(backend_->existing(), 0U);
}

TEST_F(ExecutorTest, StagesInputsUnderCleanPathsLastOneWins) {
  const std::string first = files_.add("t", "x", "first");
  const std::string second = files_.add("t", "y", "second");
  const auto result = execute(
      [](fakes::FakeProgramContext& context) {
        EXPECT_THAT(context.workspace.files(),
                    UnorderedElementsAre(Pair("d/a", "second"), Pair("b", "first"),
                                         Pair("pkg/__main__.py", "first")));
        return fakes::exited(0);
      },
      {{"./d//a", first}, {"b", first}, {"d/a", second}, {"pkg/__main__.py", first}});
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_TRUE(result->files.empty()) << "unchanged inputs are not outputs";
}

TEST_F(ExecutorTest, ReturnsNewAndChangedFilesOnly) {
  const std::string big(300'000, 'x');
  std::string changed = big;
  changed.back() = 'y';
  const std::string id = files_.add("t", "big", big);
  const std::string small = files_.add("t", "small", "abc");
  const auto result = execute(
      [&](fakes::FakeProgramContext& context) {
        context.workspace.write("same-size", changed);
        context.workspace.write("longer", "abcd");
        context.workspace.write("empty", "");
        context.workspace.write(".env", "hidden");
        context.workspace.write("d/e/f", "deep");
        context.workspace.write("copy", "abc");
        context.workspace.write("__main__.py", "no");
        context.workspace.write("d/__main__.py", "no");
        context.workspace.write("d/__main__.pyc", "yes");
        context.workspace.erase("deleted");
        return fakes::exited(0);
      },
      {{"unchanged", id},
       {"same-size", id},
       {"longer", small},
       {"deleted", small},
       {"./untouched", small}});
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_THAT(contents(*result),
              UnorderedElementsAre(Pair("same-size", changed), Pair("longer", "abcd"),
                                   Pair("empty", ""), Pair(".env", "hidden"), Pair("d/e/f", "deep"),
                                   Pair("copy", "abc"), Pair("d/__main__.pyc", "yes")));
  EXPECT_EQ(files_.content("t", id), big) << "the upload stays as it was";
}

TEST_F(ExecutorTest, RepairsPathsThatAreNotUtf8) {
  const auto result = execute([](fakes::FakeProgramContext& context) {
    context.workspace.write("a\xff", "x");
    return fakes::exited(0);
  });
  ASSERT_TRUE(result);
  EXPECT_THAT(contents(*result), UnorderedElementsAre(Pair("a\xEF\xBF\xBD", "x")));
}

TEST_F(ExecutorTest, LeavesOutWhatIsBeyondTheLimits) {
  const auto write_five = [](fakes::FakeProgramContext& context) {
    for (const char* path : {"a", "b", "c", "d", "e"})
      context.workspace.write(path, "1234");
    context.workspace.write("b", std::string(50, 'x'));
    return fakes::exited(0);
  };
  const auto by_number = execute(write_five, {}, {2, 1000});
  ASSERT_TRUE(by_number);
  EXPECT_EQ(by_number->files.size(), 2U);
  const auto by_size = execute(write_five, {}, {1000, 12});
  ASSERT_TRUE(by_size);
  EXPECT_THAT(contents(*by_size),
              UnorderedElementsAre(Pair("a", "1234"), Pair("c", "1234"), Pair("d", "1234")));
}

TEST_F(ExecutorTest, CollectsFilesOfATimedOutProgram) {
  const auto result = execute([](fakes::FakeProgramContext& context) {
    context.workspace.write("partial", "x");
    RunOutcome outcome;
    outcome.timed_out = true;
    return outcome;
  });
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->outcome.timed_out);
  EXPECT_FALSE(result->outcome.exit_code);
  EXPECT_EQ(result->files.size(), 1U);
}

TEST_F(ExecutorTest, StoresNothingWhenTheCallerHungUp) {
  const auto result = execute([](fakes::FakeProgramContext& context) {
    context.workspace.write("a", "x");
    RunOutcome outcome;
    outcome.cancelled = true;
    return outcome;
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(files_.size(), 0U);
  EXPECT_EQ(journal_.lines.back(), "execute ended");
}

TEST_F(ExecutorTest, ChecksASlotThenIdsThenPathsThenASandbox) {
  backend_ = std::make_unique<fakes::FakeBackend>();
  backend_->fail_acquire(Error{ErrorCode::kUnavailable, "no room", 0, {}});
  const std::string id = files_.add("t", "x", "x");
  const std::string foreign = files_.add("other", "x", "x");
  auto slot = admission_.admit("t");
  EXPECT_EQ(execute_again({{"/bad", id}, {"b", "no-id"}}).error().code, ErrorCode::kSaturated);
  *slot = AdmissionSlot();

  const auto missing = execute_again({{"/bad", id}, {"b", "no-id"}, {"c", foreign}});
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message, "File with ID 'no-id' not found for path 'b'.");
  EXPECT_EQ(execute_again({{"c", foreign}}).error().code, ErrorCode::kNotFound);

  const auto path = execute_again({{"/bad", id}});
  EXPECT_EQ(path.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(path.error().message, "File paths must be relative.");
  EXPECT_EQ(execute_again({{"./__main__.py", id}}).error().message,
            "File path '__main__.py' is reserved for the execution entrypoint.");

  EXPECT_EQ(execute_again({{"fine", id}}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(journal_.lines, (std::vector<std::string>{"execute rejected saturated",
                                                      "execute rejected unavailable"}));
  EXPECT_EQ(admission_.active(), 0U);
  EXPECT_EQ(output_.started, 0);
}

TEST_F(ExecutorTest, LimitsTheNumberOfInputs) {
  backend_ = std::make_unique<fakes::FakeBackend>();
  const std::string id = files_.add("t", "x", "x");
  EXPECT_EQ(execute_again(std::vector<InputFile>(kInputFilesMax + 1, {"a", id})).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(ExecutorTest, ReportsASandboxThatFails) {
  const auto broken = execute([](fakes::FakeProgramContext&) -> Result<RunOutcome> {
    return fail(ErrorCode::kInternal, "broken");
  });
  EXPECT_EQ(broken.error().code, ErrorCode::kInternal);
  EXPECT_EQ(journal_.lines, (std::vector<std::string>{"execute started", "execute failed"}));

  const std::string id = files_.add("t", "x", "x");
  backend_->fail_stage(Error{ErrorCode::kTooLarge, "workspace full", 0, {}});
  EXPECT_EQ(execute_again({{"a", id}}).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(journal_.lines.back(), "execute failed");
  EXPECT_EQ(backend_->existing(), 0U);
}

TEST_F(ExecutorTest, RemovesStoredOutputsWhenOneCannotBeStored) {
  const std::string kept = files_.add("t", "an upload", "x");
  const auto result = execute([&](fakes::FakeProgramContext& context) {
    for (const char* path : {"a", "b", "c"})
      context.workspace.write(path, "x");
    files_.fail_commits_after(2, Error{ErrorCode::kUnavailable, "full", 0, {}});
    return fakes::exited(0);
  });
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(files_.size(), 1U);
  EXPECT_TRUE(files_.open("t", kept));
  EXPECT_EQ(journal_.lines.back(), "execute ended");
}

TEST_F(ExecutorTest, ServesManyThreads) {
  fakes::FakeBackend backend([](fakes::FakeProgramContext& context) {
    context.workspace.write("out", std::string(context.code()));
    return fakes::exited(0);
  });
  Admission admission(AdmissionLimits{3, 64, 64, Milliseconds(20'000)});
  ExecutionObserver silent;
  Executor executor(backend, files_, admission, silent, clock_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) {
        Output output;
        ExecutionRequest request;
        request.tenant = std::to_string(i);
        request.program.code = std::to_string(i * 100 + round);
        const auto result = executor.execute(request, "execute", Cancellation{}, output);
        ASSERT_TRUE(result);
        ASSERT_EQ(result->files.size(), 1U);
        EXPECT_EQ(files_.content(request.tenant, result->files[0].file_id), request.program.code);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(backend.existing(), 0U);
}

}  // namespace
}  // namespace cloister::engine
