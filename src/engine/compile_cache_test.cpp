#include "engine/compile_cache.h"

#include <gmock/gmock.h>

#include "engine/session_execution_fixture_test.h"

namespace cloister::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The compiler makes "main" of the text and of a header; the program shows what it was made of.
class CompileCacheTest : public SessionExecutionFixture {
 protected:
  void SetUp() override {
    SessionExecutionFixture::SetUp();
    play([this](fakes::FakeProgramContext& context) { return command(context); });
  }

  Result<RunOutcome> command(fakes::FakeProgramContext& context) {
    const auto program = context.program.files();
    if (context.argv().front() != "compile") {
      EXPECT_TRUE(context.program.is_executable("main"));
      EXPECT_EQ(program.at("main.c"), code_);
      context.observer.on_output(Stream::kStdout, program.at("main"));
      // What a program does to its directory must not get into the cache.
      context.program.write("main", "spoilt", true);
      context.program.write("more", "spoilt");
      return fakes::exited(0);
    }
    ++compilations_;
    EXPECT_THAT(context.argv(), ElementsAre("compile", "/program/main.c"));
    context.observer.on_output(Stream::kStderr, "a warning");
    if (compiler_fails_) {
      context.observer.on_output(Stream::kStdout, ", an error");
      return fakes::exited(1);
    }
    const auto workspace = context.workspace.files();
    const auto header = workspace.find("a.h");
    context.program.write(
        "main", program.at("main.c") + (header == workspace.end() ? "" : header->second), true);
    context.program.write("lib/more", "with it");
    return fakes::exited(0);
  }

  SessionExecutionResult run_code(std::string code, std::string tenant = "t") {
    code_ = std::move(code);
    SessionExecution given = execution(compiled());
    given.tenant = std::move(tenant);
    given.code = code_;
    auto result = execute(given);
    EXPECT_TRUE(result) << result.error().describe();
    return result ? std::move(*result) : SessionExecutionResult{};
  }

  std::size_t cached_files() { return files_.size("compile cache"); }

  std::string code_;
  bool compiler_fails_ = false;
  int compilations_ = 0;
};

TEST_F(CompileCacheTest, CompilesTheSameOnce) {
  const SessionExecutionResult first = run_code("a");
  EXPECT_FALSE(first.compile_cached);
  EXPECT_EQ(output_->out, "a");
  EXPECT_EQ(output_->err, "") << "warnings are nobody's";
  EXPECT_EQ(output_->started, 1) << "the compiler is not the program";
  const SessionExecutionResult second = run_code("a");
  EXPECT_TRUE(second.compile_cached);
  EXPECT_EQ(output_->out, "a");
  EXPECT_EQ(compilations_, 1);
  EXPECT_THAT(second.files, IsEmpty()) << "build products are no outputs";
  EXPECT_EQ(cached_files(), 2U) << "the source is not kept";
}

TEST_F(CompileCacheTest, OtherTextTenantOrImageIsAnotherProgram) {
  run_code("a");
  run_code("b");
  EXPECT_EQ(output_->out, "b");
  EXPECT_EQ(compilations_, 2);
  run_code("a", "other tenant");
  EXPECT_EQ(compilations_, 3);
  backend_->set_image_digest("sha256:new");
  run_code("a");
  EXPECT_EQ(compilations_, 4);
}

TEST_F(CompileCacheTest, AChangedHeaderIsAnotherProgram) {
  add_file("s", "a.h", "1");
  add_file("s", "data.txt", "1");
  run_code("a");
  EXPECT_EQ(output_->out, "a1");
  add_file("s", "data.txt", "2");
  EXPECT_TRUE(run_code("a").compile_cached) << "nothing says that the text includes it";
  add_file("s", "a.h", "2");
  EXPECT_FALSE(run_code("a").compile_cached);
  EXPECT_EQ(output_->out, "a2");
}

TEST_F(CompileCacheTest, WhatTheTextNamesOrEmbedsCountsToo) {
  for (const std::string code : {"#include \"data.txt\"", "//go:embed *.txt"}) {
    add_file("s", "d/data.txt", "1");
    EXPECT_FALSE(run_code(code).compile_cached) << code;
    EXPECT_TRUE(run_code(code).compile_cached) << code;
    add_file("s", "d/data.txt", "2");
    EXPECT_FALSE(run_code(code).compile_cached) << code;
  }
}

TEST_F(CompileCacheTest, AFailedCompilationIsShownAndNothingRuns) {
  compiler_fails_ = true;
  const SessionFile file = add_file("x", "a", "1");
  SessionExecution given = execution(compiled());
  given.files = {{file.id, "x", "d/a"}};
  for (int attempt = 1; attempt <= 2; ++attempt) {
    const auto result = execute(given);
    ASSERT_TRUE(result) << result.error().describe();
    EXPECT_TRUE(result->compile_failed);
    EXPECT_EQ(result->outcome.exit_code, 1);
    EXPECT_EQ(output_->out, "");
    EXPECT_EQ(output_->err, "a warning, an error");
    EXPECT_EQ(output_->started, 0);
    EXPECT_THAT(reported(*result), ElementsAre("inherited d/a=1"));
    EXPECT_EQ(compilations_, attempt);
  }
  EXPECT_EQ(cached_files(), 0U);
  EXPECT_EQ(sessions_->find("t", "s")->runs, 2U);
}

TEST_F(CompileCacheTest, ATimedOutCompilerFailsToo) {
  play([](fakes::FakeProgramContext& context) {
    EXPECT_EQ(context.spec.timeout, std::chrono::seconds(60));
    RunOutcome outcome;
    outcome.timed_out = true;
    return outcome;
  });
  const auto result = execute(execution(compiled()));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->compile_failed && result->outcome.timed_out);
}

TEST_F(CompileCacheTest, AHangUpDuringTheCompilationEndsAll) {
  play([](fakes::FakeProgramContext&) {
    RunOutcome outcome;
    outcome.cancelled = true;
    return outcome;
  });
  EXPECT_EQ(execute(execution(compiled())).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(output_->err, "");
}

TEST_F(CompileCacheTest, AFileThatIsGoneIsCompiledAgain) {
  run_code("a");
  const std::vector<FileRecord> files = files_.list("compile cache").value();
  ASSERT_TRUE(files_.remove("compile cache", files.front().id));
  EXPECT_FALSE(run_code("a").compile_cached);
  EXPECT_EQ(output_->out, "a");
  EXPECT_TRUE(run_code("a").compile_cached);
  EXPECT_EQ(cached_files(), 2U);
}

TEST_F(CompileCacheTest, AStoreThatFailsCostsTheNextCompilationOnly) {
  // The bytes of the cache; the run itself stores nothing.
  files_.fail_commits_after(1, Error{ErrorCode::kUnavailable, "full", 0, {}});
  EXPECT_FALSE(run_code("a").compile_cached);
  EXPECT_EQ(output_->out, "a");
  EXPECT_EQ(cached_files(), 0U);
  EXPECT_FALSE(run_code("a").compile_cached);
}

TEST_F(CompileCacheTest, LeftoversAreRemovedAtStart) {
  run_code("a");
  files_.add("t", "somebody's", "x");
  CompileCache next(files_, clock_, 100);
  EXPECT_EQ(next.remove_leftovers().value(), 2U);
  EXPECT_EQ(cached_files(), 0U);
  EXPECT_EQ(files_.size("t"), 1U);
}

// The cache alone, with a sandbox that has files in its directory for programs.
class CompileCacheAlone : public ::testing::Test {
 protected:
  Result<void> add(CompileCache& cache, const std::string& key, std::string bytes) {
    fakes::FakeBackend backend([&](fakes::FakeProgramContext& context) {
      context.program.write("main", bytes);
      return fakes::exited(0);
    });
    auto sandbox = TRY(backend.acquire({SandboxKind::kCommandRun, {}}, {}));
    SessionOutputText output;
    TRY_VOID(sandbox->run({CommandProgram{{"compile"}}, {}, {}}, {}, output));
    return cache.add(key, *sandbox, "main.c");
  }

  fakes::VirtualClock clock_;
  fakes::MemoryFileStore files_{clock_};
};

TEST_F(CompileCacheAlone, ForgetsWhatWasNotUsedForLongest) {
  CompileCache cache(files_, clock_, 30);
  for (const char* key : {"a", "b", "c"})
    ASSERT_TRUE(add(cache, key, std::string(10, 'x')));
  EXPECT_TRUE(cache.find("a").value());
  ASSERT_TRUE(add(cache, "d", std::string(10, 'x')));
  EXPECT_TRUE(cache.find("a").value());
  EXPECT_FALSE(cache.find("b").value());
  EXPECT_TRUE(cache.find("c").value());
  EXPECT_EQ(cache.size_bytes(), 30U);
  EXPECT_EQ(files_.size(), 3U);
  ASSERT_TRUE(add(cache, "d", std::string(5, 'y')));
  EXPECT_EQ(cache.size_bytes(), 25U);
  ASSERT_TRUE(add(cache, "too large", std::string(31, 'x')));
  EXPECT_FALSE(cache.find("too large").value());
  EXPECT_EQ(cache.size_bytes(), 25U);
  ASSERT_TRUE(add(cache, "all", std::string(30, 'x')));
  EXPECT_EQ(files_.size(), 1U);
}

TEST_F(CompileCacheAlone, KeepsNothingWhenItHasNoRoom) {
  CompileCache cache(files_, clock_, 0);
  ASSERT_TRUE(add(cache, "a", ""));
  EXPECT_FALSE(cache.find("a").value());
}

TEST(CompileKey, TellsFieldsApart) {
  const SessionInputs none;
  const std::string key = compile_key("t", "image", compiled(), "code", 1 << 20, none);
  EXPECT_EQ(key.size(), 32U);
  EXPECT_EQ(key, compile_key("t", "image", compiled(), "code", 1 << 20, none));
  EXPECT_NE(key, compile_key("ti", "mage", compiled(), "code", 1 << 20, none));
  EXPECT_NE(key, compile_key("t", "image", compiled(), "code", 2 << 20, none));
  EXPECT_NE(key, compile_key("t", "image", script(), "code", 1 << 20, none));
}

}  // namespace
}  // namespace cloister::engine
