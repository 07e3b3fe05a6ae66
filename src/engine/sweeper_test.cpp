#include "engine/sweeper.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "engine/stored_session_fixture_test.h"
#include "testing/memory_file_store.h"

namespace cloister::engine {
namespace {

// Counts sweeps and says when the next one is due.
class CountingSessions final : public SessionManager {
 public:
  Result<SessionRecord> create(const SessionSpec&, const Cancellation&) override {
    return fail(ErrorCode::kUnsupported, "not used");
  }
  Result<RunOutcome> run(std::string_view, std::string_view, const RunSpec&, const Cancellation&,
                         RunObserver&) override {
    return fail(ErrorCode::kUnsupported, "not used");
  }
  Result<void> remove(std::string_view, std::string_view) override { return {}; }
  std::size_t size() const override { return 0; }

  SteadyTime sweep() override {
    const std::lock_guard lock(mutex_);
    ++sweeps_;
    swept_.notify_all();
    return std::chrono::steady_clock::now() + interval_;
  }

  void set_expiry_listener(std::function<void()> listener) override {
    const std::lock_guard lock(mutex_);
    listener_ = std::move(listener);
  }

  void announce_earlier_expiry() {
    const std::lock_guard lock(mutex_);
    listener_();
  }
  bool has_listener() {
    const std::lock_guard lock(mutex_);
    return static_cast<bool>(listener_);
  }
  void set_interval(Milliseconds interval) {
    const std::lock_guard lock(mutex_);
    interval_ = interval;
  }
  // False when that many sweeps do not come within ten seconds.
  bool await_sweeps(int count) {
    std::unique_lock lock(mutex_);
    return swept_.wait_for(lock, std::chrono::seconds(10), [&] { return sweeps_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable swept_;
  std::function<void()> listener_;
  Milliseconds interval_{std::chrono::hours(1)};
  int sweeps_ = 0;
};

class SweeperTest : public ::testing::Test {
 protected:
  SystemClock clock_;
  CountingSessions sessions_;
  fakes::MemoryFileStore files_{clock_, {1000, Milliseconds(20)}};
};

TEST_F(SweeperTest, SweepsWhenTheSessionsAskForIt) {
  sessions_.set_interval(Milliseconds(1));
  const Sweeper sweeper(sessions_, files_, clock_, {});
  EXPECT_TRUE(sessions_.await_sweeps(5));
}

TEST_F(SweeperTest, WakesUpForAnEarlierExpiry) {
  const Sweeper sweeper(sessions_, files_, clock_, {});
  ASSERT_TRUE(sessions_.await_sweeps(1));
  sessions_.announce_earlier_expiry();
  ASSERT_TRUE(sessions_.await_sweeps(2));
  sessions_.announce_earlier_expiry();
  EXPECT_TRUE(sessions_.await_sweeps(3));
}

TEST_F(SweeperTest, RemovesExpiredFilesFromTimeToTime) {
  files_.add("t", "a", "x");
  SweeperSettings settings;
  settings.files_interval = Milliseconds(5);
  settings.sessions_interval_max = Milliseconds(5);
  const Sweeper sweeper(sessions_, files_, clock_, settings);
  for (int sweeps = 1; files_.size() > 0; ++sweeps) {
    ASSERT_LT(sweeps, 1000);
    ASSERT_TRUE(sessions_.await_sweeps(sweeps));
  }
}

class SweeperOfStoredSessionsTest : public StoredSessionFixture {};

TEST_F(SweeperOfStoredSessionsTest, EndsThemWithTheFiles) {
  add_file("s", "a", "x");
  clock_.advance(std::chrono::hours(1));
  CountingSessions others;
  SweeperSettings settings;
  settings.files_interval = Milliseconds(5);
  settings.sessions_interval_max = Milliseconds(5);
  const SystemClock real_time;
  const Sweeper sweeper(others, files_, real_time, settings, sessions_.get());
  ASSERT_TRUE(others.await_sweeps(2));
  EXPECT_EQ(sessions_->size(), 0U);
  EXPECT_EQ(files_.size("t"), 0U);
}

TEST_F(SweeperTest, StopsAtOnceAndStopsListening) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) {
    const Sweeper sweeper(sessions_, files_, clock_, {});
    EXPECT_TRUE(sessions_.has_listener());
  }
  EXPECT_FALSE(sessions_.has_listener());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

}  // namespace
}  // namespace cloister::engine
