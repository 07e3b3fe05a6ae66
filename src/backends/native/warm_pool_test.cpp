#include "backends/native/warm_pool.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>

#include "base/unique_fd.h"
#include "testing/virtual_clock.h"

namespace cloister::backends::native {
namespace {

constexpr Milliseconds kLong{20000};

// What all sandboxes of one test tell about themselves. Thread safe.
class Census {
 public:
  void add(const std::string& name, int count) {
    const std::lock_guard lock(mutex_);
    alive_[name] += count;
  }
  int alive(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = alive_.find(name);
    return found == alive_.end() ? 0 : found->second;
  }
  int alive() const {
    const std::lock_guard lock(mutex_);
    int count = 0;
    for (const auto& [name, number] : alive_)
      count += number;
    return count;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> alive_;  // Guarded by mutex_.
};

class FakeSandbox final : public engine::Sandbox {
 public:
  FakeSandbox(Census& census, std::string own_name) : name(std::move(own_name)), census_(census) {
    census_.add(name, 1);
  }
  ~FakeSandbox() override { census_.add(name, -1); }

  Result<void> stage(std::vector<engine::StagedFile>) override { return {}; }
  Result<engine::RunOutcome> run(const engine::RunSpec&, const engine::Cancellation&,
                                 engine::RunObserver&) override {
    return engine::RunOutcome{};
  }
  Result<void> visit_files(const std::function<Result<void>(engine::FoundFile)>&) override {
    return {};
  }
  void terminate() override { is_gone = true; }
  bool is_alive() const override { return !is_gone; }

  const std::string name;
  std::atomic<bool> is_gone{false};

 private:
  Census& census_;
};

class WarmPoolTest : public testing::Test {
 protected:
  void start(WarmPoolOptions options) {
    pool_ = std::make_unique<WarmPool>(
        options, [this](const WarmCommand& command) { return make(command); }, logger_, clock_);
  }

  Result<WarmSandbox> make(const WarmCommand& command) {
    ++started_;
    if (refuse_) return fail(ErrorCode::kUnavailable, "refused");
    auto sandbox = std::make_unique<FakeSandbox>(
        census_, command.argv.at(0) + ":" + std::to_string(command.memory_bytes));
    FakeSandbox* made = sandbox.get();
    {
      const std::lock_guard lock(mutex_);
      last_ = made;
    }
    return WarmSandbox{std::move(sandbox), [made] { return !made->is_gone; }};
  }

  std::string take(const std::string& name, std::uint64_t memory_bytes = 0) {
    auto taken = pool_->take({{name}, memory_bytes});
    return taken ? static_cast<FakeSandbox&>(**taken).name : taken.error().message;
  }

  // The pool's thread works by itself; there is no event of it to wait for.
  template <typename Condition>
  void wait_for(const Condition& condition) {
    const SteadyTime limit = real_.steady_now() + kLong;
    while (!condition() && real_.steady_now() < limit)
      std::this_thread::yield();
    ASSERT_TRUE(condition());
  }

  SystemClock real_;
  fakes::VirtualClock clock_;
  UniqueFd null_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  Logger logger_{LogLevel::kError, LogFormat::kPlain, clock_, null_.get()};
  Census census_;
  std::atomic<int> started_{0};
  std::atomic<bool> refuse_{false};
  std::mutex mutex_;
  FakeSandbox* last_ = nullptr;  // Guarded by mutex_.
  std::unique_ptr<WarmPool> pool_;
};

TEST_F(WarmPoolTest, StartsNothingBeforeItIsAskedFor) {
  start({});
  EXPECT_EQ(started_, 0);
  EXPECT_EQ(pool_->ready(), 0U);
}

TEST_F(WarmPoolTest, KeepsWhatWasAskedForReady) {
  start({2, 8, 4});
  EXPECT_EQ(take("node"), "node:0");
  wait_for([&] { return pool_->ready() == 2; });
  EXPECT_EQ(started_, 3);
  EXPECT_EQ(take("node"), "node:0");
  wait_for([&] { return pool_->ready() == 2; });
  EXPECT_EQ(started_, 4) << "one that was ready was handed out";
}

TEST_F(WarmPoolTest, CommandsAndTheirMemoryAreKeptApart) {
  start({1, 8, 4});
  EXPECT_EQ(take("node"), "node:0");
  EXPECT_EQ(take("node", 7), "node:7");
  EXPECT_EQ(take("other"), "other:0");
  wait_for([&] { return pool_->ready() == 3; });
  EXPECT_EQ(take("node", 7), "node:7");
  EXPECT_EQ(take("other"), "other:0");
  EXPECT_EQ(take("node"), "node:0");
}

TEST_F(WarmPoolTest, TheLeastRecentlyUsedCommandIsGivenUp) {
  start({1, 8, 2});
  take("a");
  take("b");
  wait_for([&] { return pool_->ready() == 2; });
  take("a");
  take("c");
  wait_for([&] { return census_.alive("c:0") == 1 && census_.alive("a:0") == 1; });
  EXPECT_EQ(census_.alive("b:0"), 0);
  EXPECT_EQ(take("b"), "b:0") << "it can be asked for again";
}

TEST_F(WarmPoolTest, OneThatDiedIsDroppedAndReplaced) {
  start({1, 1, 4});
  take("node");
  wait_for([&] { return pool_->ready() == 1; });
  FakeSandbox* dead = nullptr;
  {
    const std::lock_guard lock(mutex_);
    dead = last_;
    last_->is_gone = true;
  }
  auto taken = pool_->take({{"node"}, 0});
  ASSERT_TRUE(taken.has_value());
  EXPECT_TRUE((*taken)->is_alive());
  EXPECT_NE(taken->get(), dead);
  taken->reset();
  wait_for([&] { return pool_->ready() == 1 && census_.alive() == 1; });
}

TEST_F(WarmPoolTest, AFailureIsTheCallersAndNotTriedAgainByItself) {
  start({2, 8, 4});
  refuse_ = true;
  EXPECT_EQ(take("node"), "refused");
  wait_for([&] { return started_ >= 2; });
  const int before = started_;
  EXPECT_LE(before, 3);
  refuse_ = false;
  EXPECT_EQ(take("node"), "node:0");
  wait_for([&] { return pool_->ready() >= 2; });
}

TEST_F(WarmPoolTest, MissesRaiseWhatIsKeptUpToALimit) {
  start({1, 3, 4});
  // The pool's own starts are refused, so that every call misses.
  for (int i = 0; i < 6; ++i) {
    refuse_ = true;
    take("node");
  }
  refuse_ = false;
  take("node");
  wait_for([&] { return pool_->ready() == 3; });
  clock_.advance(Milliseconds(31000));
  take("node");  // The pool's thread looks at the clock when something happens.
  wait_for([&] { return pool_->ready() == 1; });
  EXPECT_EQ(census_.alive(), 1);
}

TEST_F(WarmPoolTest, KeepsNothingWhenItShallNot) {
  start({0, 8, 4});
  EXPECT_EQ(take("node"), "node:0");
  EXPECT_EQ(take("node"), "node:0");
  EXPECT_EQ(started_, 2);
  EXPECT_EQ(pool_->ready(), 0U);
}

TEST_F(WarmPoolTest, ItsEndIsTheEndOfWhatItKeeps) {
  start({2, 8, 4});
  take("node");
  wait_for([&] { return pool_->ready() == 2; });
  pool_.reset();
  EXPECT_EQ(census_.alive(), 0);
}

TEST_F(WarmPoolTest, ManyCallersAtOnceGetOneEach) {
  start({2, 4, 4});
  std::mutex mutex;
  std::set<engine::Sandbox*> distinct;
  std::vector<std::unique_ptr<engine::Sandbox>> all;
  std::vector<std::thread> callers;
  callers.reserve(8);
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&, i] {
      for (int round = 0; round < 10; ++round) {
        auto taken = pool_->take({{i % 2 == 0 ? "a" : "b"}, 0});
        ASSERT_TRUE(taken.has_value());
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(distinct.insert(taken->get()).second);
        all.push_back(std::move(*taken));
      }
    });
  }
  for (std::thread& caller : callers)
    caller.join();
  EXPECT_EQ(all.size(), 80U);
}

}  // namespace
}  // namespace cloister::backends::native
