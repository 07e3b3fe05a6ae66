// What the tests of runs in stored sessions have in common: languages, an observer, and an executor
// whose programs are functions of the test.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/stored_session_executor.h"
#include "engine/stored_session_fixture_test.h"
#include "runtimes/language.h"
#include "testing/fake_backend.h"

namespace cloister::engine {

inline const runtimes::Language& python() {
  static const runtimes::Language language = [] {
    runtimes::Language made;
    made.name = made.title = "python";
    made.start = runtimes::Start::kPython;
    made.source_name = "main.py";
    return made;
  }();
  return language;
}

// Runs its text without a compiler.
inline const runtimes::Language& script() {
  static const runtimes::Language language = [] {
    runtimes::Language made;
    made.name = made.title = "script";
    made.source_name = "main.sh";
    made.run = {"interpret", "{source}"};
    made.environment = {"OF=script"};
    return made;
  }();
  return language;
}

inline const runtimes::Language& compiled() {
  static const runtimes::Language language = [] {
    runtimes::Language made;
    made.name = made.title = "compiled";
    made.source_name = "main.c";
    made.compile = {"compile", "{source}"};
    made.run = {"/program/main"};
    made.include_endings = {".h"};
    return made;
  }();
  return language;
}

inline const runtimes::Language& warm() {
  static const runtimes::Language language = [] {
    runtimes::Language made;
    made.name = made.title = "warm";
    made.start = runtimes::Start::kWarm;
    made.source_name = "main.js";
    made.run = {"warm", "{memory_mb}"};
    return made;
  }();
  return language;
}

class SessionOutputText final : public SessionRunObserver {
 public:
  void on_session(std::string_view session_id) override { session = session_id; }
  void on_started() override { ++started; }
  void on_output(Stream stream, std::string_view bytes) override {
    (stream == Stream::kStdout ? out : err) += bytes;
  }
  std::optional<std::string> on_message(std::string_view message) override {
    return answer ? answer(message) : std::nullopt;
  }
  void on_interrupted() override { interrupted = true; }

  std::string session;
  int started = 0;
  std::string out;
  std::string err;
  std::atomic<bool> interrupted = false;
  std::function<std::optional<std::string>(std::string_view)> answer;
};

// Notes every call as a line. Thread safe.
class ExecutionJournal final : public ExecutionObserver {
 public:
  void on_rejected(std::string_view operation, ErrorCode reason) override {
    add(std::string(operation) + " rejected " + std::string(to_string(reason)));
  }
  void on_started(std::string_view operation) override { add(std::string(operation) + " started"); }
  void on_ended(std::string_view operation, const ExecutionTimings& /*timings*/,
                const RunOutcome* outcome) override {
    add(std::string(operation) + (outcome != nullptr ? " ended" : " failed"));
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

class SessionExecutionFixture : public StoredSessionFixture {
 protected:
  // From now on sandboxes run this.
  void play(fakes::FakeProgram program) {
    executor_.reset();
    backend_ = std::make_unique<fakes::FakeBackend>(std::move(program));
    make_executor();
  }

  void make_executor() {
    executor_ = std::make_unique<StoredSessionExecutor>(*backend_, *sessions_, files_, admission_,
                                                        cache_, executions_, clock_, limits_);
  }

  SessionExecution execution(const runtimes::Language& language = python(),
                             std::string session = "s") {
    SessionExecution made;
    made.tenant = "t";
    made.session_id = std::move(session);
    made.language = &language;
    made.code = "the code";
    made.timeout = Milliseconds(1500);
    return made;
  }

  Result<SessionExecutionResult> execute(const SessionExecution& given,
                                         const Cancellation& cancellation = {}) {
    output_ = std::make_unique<SessionOutputText>();
    return executor_->execute(given, "exec", cancellation, *output_);
  }

  // Plays `program` in the session "s" with these references.
  SessionExecutionResult run(fakes::FakeProgram program, std::vector<FileReference> files = {}) {
    play(std::move(program));
    SessionExecution given = execution();
    given.files = std::move(files);
    auto result = execute(given);
    EXPECT_TRUE(result) << result.error().describe();
    return result ? std::move(*result) : SessionExecutionResult{};
  }

  // "new path=content" of every reported file.
  std::vector<std::string> reported(const SessionExecutionResult& result) {
    const std::map<FileChange, std::string> words{{FileChange::kNew, "new "},
                                                  {FileChange::kModified, "modified "},
                                                  {FileChange::kInherited, "inherited "}};
    std::vector<std::string> lines;
    for (const SessionOutput& output : result.files)
      lines.push_back(words.at(output.change) + output.file.path + "=" + content(output.file));
    return lines;
  }

  Admission admission_{AdmissionLimits{2, 0, 0, Milliseconds(0)}};
  ExecutionJournal executions_;
  CompileCache cache_{files_, clock_, std::uint64_t{1} << 20};
  SessionExecutorLimits limits_;
  std::unique_ptr<fakes::FakeBackend> backend_;
  std::unique_ptr<StoredSessionExecutor> executor_;
  std::unique_ptr<SessionOutputText> output_;
};

}  // namespace cloister::engine
