#include "engine/sessions.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

#include "store/migrations.h"
#include "store/sqlite_database.h"
#include "testing/fake_backend.h"
#include "testing/memory_file_store.h"
#include "testing/virtual_clock.h"

namespace cloister::engine {
namespace {

class Output final : public RunObserver {
 public:
  void on_output(Stream, std::string_view bytes) override { text += bytes; }
  std::string text;
};

// Counts calls; thread safe.
class Counts final : public ExecutionObserver {
 public:
  void on_rejected(std::string_view, ErrorCode) override { ++rejected; }
  void on_started(std::string_view) override { ++started; }
  void on_ended(std::string_view, const ExecutionTimings&, const RunOutcome* outcome) override {
    ++(outcome != nullptr ? ended : failed);
  }
  std::atomic<int> rejected{0};
  std::atomic<int> started{0};
  std::atomic<int> ended{0};
  std::atomic<int> failed{0};
};

// Programs: "forever" runs until its sandbox ends, "die" ends it, all else prints itself.
Result<RunOutcome> play(fakes::FakeProgramContext& context) {
  if (context.code() == "forever") {
    context.observer.on_output(Stream::kStdout, "running");
    context.workspace.wait_until_killed();
    return fakes::exited(137);
  }
  if (context.code() == "die") context.workspace.kill();
  if (context.code() == "hang up") {
    RunOutcome outcome;
    outcome.cancelled = true;
    return outcome;
  }
  context.observer.on_output(Stream::kStdout, context.code());
  return fakes::exited(0);
}

class SessionsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = ::testing::TempDir() + "/cloister-sessions-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
    auto database =
        store::SqliteDatabase::open({directory_ + "/metadata.db", 2, Milliseconds(1000)});
    ASSERT_TRUE(database) << database.error().describe();
    database_ = std::move(*database);
    ASSERT_TRUE(store::migrate(*database_, store::built_in_migrations(), clock_));
    table_ = std::make_unique<store::SessionTable>(*database_);
    start();
  }
  void TearDown() override {
    sessions_.reset();
    std::filesystem::remove_all(directory_);
  }

  void start(SessionLimits limits = {}) {
    sessions_ =
        std::make_unique<Sessions>(backend_, files_, admission_, *table_, counts_, clock_, limits);
  }

  Result<SessionRecord> create(std::string tenant = "t", std::chrono::seconds ttl = kTtl,
                               std::vector<InputFile> inputs = {}) {
    return sessions_->create({std::move(tenant), "code-session-", ttl, std::move(inputs)}, {});
  }

  Result<RunOutcome> run(const std::string& id, std::string code, Output& output,
                         std::string_view tenant = "t") {
    RunSpec spec;
    spec.program = CommandProgram{{"bash", "-c", std::move(code)}, {}};
    spec.timeout = Milliseconds(1000);
    return sessions_->run(tenant, id, spec, {}, output);
  }

  Result<RunOutcome> run(const std::string& id, std::string code) {
    Output output;
    return run(id, std::move(code), output);
  }

  std::string end_reason(const std::string& id) {
    const auto row = table_->find("t", id);
    EXPECT_TRUE(row && *row);
    return (*row)->end_reason;
  }

  // Starts a program that runs until its session ends, and returns once it runs.
  std::future<Result<RunOutcome>> run_forever(const std::string& id) {
    const int before = counts_.started.load();
    auto result = std::async(std::launch::async, [this, id] { return run(id, "forever"); });
    while (counts_.started.load() == before)
      std::this_thread::yield();
    return result;
  }

  static constexpr std::chrono::seconds kTtl{900};
  fakes::VirtualClock clock_;
  std::string directory_;
  std::unique_ptr<store::SqliteDatabase> database_;
  std::unique_ptr<store::SessionTable> table_;
  fakes::FakeBackend backend_{play};
  fakes::MemoryFileStore files_{clock_};
  Admission admission_{AdmissionLimits{8, 64, 64, Milliseconds(20'000)}};
  Counts counts_;
  std::unique_ptr<Sessions> sessions_;
};

TEST_F(SessionsTest, CreatesASessionWithItsFilesAndRecord) {
  const std::string file = files_.add("t", "x", "content");
  const auto session = create("t", kTtl, {{"./a", file}, {"__main__.py", file}});
  ASSERT_TRUE(session) << session.error().describe();
  EXPECT_EQ(session->id.size(), std::string("code-session-").size() + 32);
  EXPECT_TRUE(session->id.starts_with("code-session-"));
  EXPECT_EQ(session->expires_at, clock_.wall_now() + kTtl);
  EXPECT_EQ(backend_.last_kind(), SandboxKind::kSession);
  EXPECT_EQ(backend_.last_workspace()->files(),
            (std::map<std::string, std::string>{{"a", "content"}, {"__main__.py", "content"}}));
  EXPECT_EQ(end_reason(session->id), "");
  EXPECT_EQ(admission_.active(), 0U);
  EXPECT_EQ(sessions_->size(), 1U);
}

TEST_F(SessionsTest, RunsCommandsOfItsTenantOnly) {
  const std::string id = create()->id;
  Output output;
  const auto outcome = run(id, "hello", output);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->exit_code, 0);
  EXPECT_EQ(output.text, "hello");
  const auto foreign = run(id, "hello", output, "other");
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(foreign.error().message, "Session '" + id + "' not found");
  EXPECT_EQ(sessions_->remove("other", id).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(run(id, "hello"));
}

TEST_F(SessionsTest, RefusesWhatCannotBeStaged) {
  const std::string file = files_.add("t", "x", "x");
  EXPECT_EQ(create("t", kTtl, {{"/a", file}, {"b", "none"}}).error().message,
            "File with ID 'none' not found for path 'b'.");
  EXPECT_EQ(create("t", kTtl, {{"/a", file}}).error().code, ErrorCode::kInvalidArgument);
  backend_.fail_stage(Error{ErrorCode::kTooLarge, "full", 0, {}});
  EXPECT_EQ(create("t", kTtl, {{"a", file}}).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(sessions_->size(), 0U);
  EXPECT_EQ(backend_.existing(), 0U);
  EXPECT_EQ(counts_.failed.load(), 1);
  EXPECT_EQ(counts_.started.load(), 1);
}

TEST_F(SessionsTest, RemoveEndsTheSandboxAndTheRecord) {
  const std::string id = create()->id;
  const auto workspace = backend_.last_workspace();
  ASSERT_TRUE(sessions_->remove("t", id));
  EXPECT_FALSE(workspace->is_alive());
  EXPECT_EQ(backend_.existing(), 0U);
  EXPECT_EQ(end_reason(id), "deleted");
  EXPECT_EQ(sessions_->remove("t", id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(run(id, "hello").error().code, ErrorCode::kNotFound);
}

TEST_F(SessionsTest, RemoveEndsARunningCommandAtOnce) {
  const std::string id = create()->id;
  auto running = run_forever(id);
  ASSERT_TRUE(sessions_->remove("t", id));
  EXPECT_EQ(running.get().error().code, ErrorCode::kNotFound);
  EXPECT_EQ(backend_.existing(), 0U);
  EXPECT_EQ(admission_.active(), 0U);
}

TEST_F(SessionsTest, ExpiresExactlyWithoutASweep) {
  const std::string id = create()->id;
  clock_.advance(kTtl - Microseconds(1));
  EXPECT_TRUE(run(id, "hello"));
  clock_.advance(Microseconds(1));
  EXPECT_EQ(run(id, "hello").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(end_reason(id), "expired");
  EXPECT_EQ(backend_.existing(), 0U);
}

TEST_F(SessionsTest, SweepEndsWhatHasExpiredAndNamesTheNextTime) {
  const std::string late = create("t", std::chrono::seconds(100))->id;
  const std::string early = create("t", std::chrono::seconds(10))->id;
  EXPECT_EQ(sessions_->sweep(), clock_.steady_now() + std::chrono::seconds(10));
  auto running = run_forever(early);
  clock_.advance(std::chrono::seconds(10));
  EXPECT_EQ(sessions_->sweep(), clock_.steady_now() + std::chrono::seconds(90));
  EXPECT_EQ(running.get().error().code, ErrorCode::kNotFound);
  EXPECT_EQ(end_reason(early), "expired");
  EXPECT_EQ(sessions_->size(), 1U);
  EXPECT_TRUE(run(late, "hello"));
}

TEST_F(SessionsTest, TellsTheListenerOfAnEarlierExpiryOnly) {
  int calls = 0;
  sessions_->set_expiry_listener([&] { ++calls; });
  ASSERT_TRUE(create("t", std::chrono::seconds(100)));
  EXPECT_EQ(calls, 1);
  ASSERT_TRUE(create("t", std::chrono::seconds(200)));
  EXPECT_EQ(calls, 1);
  ASSERT_TRUE(create("t", std::chrono::seconds(50)));
  EXPECT_EQ(calls, 2);
  static_cast<void>(sessions_->sweep());
  sessions_->set_expiry_listener({});
  ASSERT_TRUE(create("t", std::chrono::seconds(1)));
  EXPECT_EQ(calls, 2);
}

TEST_F(SessionsTest, ASessionWhoseSandboxDiedIsGone) {
  const std::string first = create()->id;
  backend_.last_workspace()->kill();
  EXPECT_EQ(run(first, "hello").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(end_reason(first), "sandbox died");
  const std::string second = create()->id;
  EXPECT_TRUE(run(second, "die"));
  static_cast<void>(sessions_->sweep());
  EXPECT_EQ(sessions_->size(), 0U);
  EXPECT_EQ(end_reason(second), "sandbox died");
}

TEST_F(SessionsTest, LimitsTheNumberOfLiveSessions) {
  start({2, std::chrono::hours(1)});
  const std::string first = create()->id;
  ASSERT_TRUE(create());
  EXPECT_EQ(create().error().code, ErrorCode::kSaturated);
  EXPECT_EQ(counts_.rejected.load(), 1);
  ASSERT_TRUE(sessions_->remove("t", first));
  EXPECT_TRUE(create());
  backend_.fail_acquire(Error{ErrorCode::kUnavailable, "no room", 0, {}});
  EXPECT_EQ(create().error().code, ErrorCode::kSaturated);
}

TEST_F(SessionsTest, AFailedCreationGivesItsPlaceBack) {
  start({1, std::chrono::hours(1)});
  backend_.fail_acquire(Error{ErrorCode::kUnavailable, "no room", 0, {}});
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(create().error().code, ErrorCode::kUnavailable);
  backend_.fail_acquire(std::nullopt);
  EXPECT_TRUE(create());
}

TEST_F(SessionsTest, AFailedRecordLeavesNoSession) {
  ASSERT_TRUE(database_->execute("DROP TABLE sessions", {}));
  EXPECT_EQ(create().error().code, ErrorCode::kInternal);
  EXPECT_EQ(sessions_->size(), 0U);
  EXPECT_EQ(backend_.existing(), 0U);
  EXPECT_EQ(counts_.failed.load(), 1);
}

TEST_F(SessionsTest, HoldsASlotForEachCall) {
  Admission narrow(AdmissionLimits{1, 0, 0, Milliseconds(0)});
  Sessions sessions(backend_, files_, narrow, *table_, counts_, clock_, {});
  const auto created = sessions.create({"t", "s-", kTtl, {}}, {});
  ASSERT_TRUE(created);
  auto slot = narrow.admit("t");
  Output output;
  RunSpec spec;
  spec.program = CommandProgram{{"true"}, {}};
  EXPECT_EQ(sessions.run("t", "unknown", spec, {}, output).error().code, ErrorCode::kSaturated);
  *slot = AdmissionSlot();
  EXPECT_EQ(sessions.run("t", "unknown", spec, {}, output).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(sessions.run("t", created->id, spec, {}, output));
  EXPECT_EQ(narrow.active(), 0U);
}

TEST_F(SessionsTest, ReportsAHangUp) {
  const std::string id = create()->id;
  EXPECT_EQ(run(id, "hang up").error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(run(id, "hello"));
}

TEST_F(SessionsTest, MarksTheSessionsOfTheLastProcess) {
  ASSERT_TRUE(table_->insert({"old", "t", clock_.wall_now(), clock_.wall_now() + kTtl, {}, {}}));
  ASSERT_TRUE(sessions_->recover());
  EXPECT_EQ(end_reason("old"), "server restarted");
  EXPECT_EQ(run("old", "hello").error().code, ErrorCode::kNotFound);
}

TEST_F(SessionsTest, ForgetsOldRecords) {
  start({8, std::chrono::hours(2)});
  const std::string id = create()->id;
  ASSERT_TRUE(sessions_->remove("t", id));
  clock_.advance(std::chrono::hours(2));
  static_cast<void>(sessions_->sweep());
  EXPECT_TRUE(*table_->find("t", id));
  clock_.advance(std::chrono::hours(2));
  static_cast<void>(sessions_->sweep());
  EXPECT_FALSE(*table_->find("t", id));
}

TEST_F(SessionsTest, ShutDownEndsEverySessionAndRefusesNewOnes) {
  const std::string id = create()->id;
  auto running = run_forever(id);
  sessions_->shut_down();
  EXPECT_EQ(running.get().error().code, ErrorCode::kNotFound);
  EXPECT_EQ(end_reason(id), "server stopped");
  EXPECT_EQ(create().error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(backend_.existing(), 0U);
}

TEST_F(SessionsTest, OneOfManyRemovalsSucceeds) {
  for (int round = 0; round < 20; ++round) {
    const std::string id = create()->id;
    std::atomic<int> removed{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        if (sessions_->remove("t", id)) ++removed;
      });
    }
    for (std::thread& thread : threads)
      thread.join();
    EXPECT_EQ(removed.load(), 1);
  }
}

TEST_F(SessionsTest, SurvivesEverythingAtOnce) {
  std::atomic<bool> stop{false};
  std::thread sweeper([&] {
    while (!stop.load())
      static_cast<void>(sessions_->sweep());
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 25; ++round) {
        const auto session = create();
        ASSERT_TRUE(session);
        std::thread runner([&] {
          const auto outcome = run(session->id, "forever");
          EXPECT_EQ(outcome.error().code, ErrorCode::kNotFound);
        });
        EXPECT_TRUE(run(session->id, "hello"));
        EXPECT_TRUE(sessions_->remove("t", session->id));
        runner.join();
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  // First, as a sweep may still hold the session that it looks at.
  stop = true;
  sweeper.join();
  EXPECT_EQ(sessions_->size(), 0U);
  EXPECT_EQ(backend_.existing(), 0U);
  EXPECT_EQ(admission_.active(), 0U);
}

}  // namespace
}  // namespace cloister::engine
