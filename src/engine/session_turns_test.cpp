#include "engine/session_turns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace cloister::engine {
namespace {

const SessionKey kKey{"t", "s"};

void await_waiters(const SessionTurns& turns, std::size_t count) {
  while (turns.waiting(kKey) != count)
    std::this_thread::yield();
}

TEST(SessionTurns, OneHasTheTurnOthersFollowInTheirOrder) {
  SessionTurns turns(8);
  auto first = std::make_unique<Result<SessionTurn>>(turns.take(kKey));
  ASSERT_TRUE(*first);
  std::vector<int> order;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const auto turn = turns.take(kKey);
      ASSERT_TRUE(turn);
      order.push_back(i);  // Nobody else has the turn.
    });
    await_waiters(turns, static_cast<std::size_t>(i) + 1);
  }
  EXPECT_TRUE(order.empty());
  first.reset();
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_TRUE(turns.try_take(kKey));
}

TEST(SessionTurns, SessionsDoNotWaitForEachOther) {
  SessionTurns turns(0);
  const auto one = turns.take(kKey);
  EXPECT_TRUE(turns.take({"t", "other"}));
  EXPECT_TRUE(turns.take({"other", "s"}));
  EXPECT_FALSE(turns.try_take(kKey));
}

TEST(SessionTurns, RefusesWhenTooManyWait) {
  SessionTurns turns(1);
  auto first = std::make_unique<Result<SessionTurn>>(turns.take(kKey));
  auto waiting = std::async(std::launch::async, [&] { return turns.take(kKey).has_value(); });
  await_waiters(turns, 1);
  EXPECT_EQ(turns.take(kKey).error().code, ErrorCode::kSaturated);
  first.reset();
  EXPECT_TRUE(waiting.get());
}

TEST(SessionTurns, OthersRunWhileOneIsPaused) {
  SessionTurns turns(4);
  auto paused = turns.take(kKey);
  ASSERT_TRUE(paused);
  auto waiting = std::async(std::launch::async, [&] { return turns.take(kKey); });
  await_waiters(turns, 1);
  paused->pause();
  auto other = std::make_unique<Result<SessionTurn>>(waiting.get());
  ASSERT_TRUE(*other);
  auto later = std::async(std::launch::async, [&] { return turns.take(kKey).has_value(); });
  await_waiters(turns, 1);
  std::atomic<bool> resumed = false;
  std::thread resuming([&] {
    paused->resume();
    resumed = true;
  });
  await_waiters(turns, 2);
  EXPECT_FALSE(resumed);
  other.reset();
  resuming.join();
  EXPECT_EQ(turns.waiting(kKey), 1U) << "it went before the one that came earlier";
  {
    const SessionTurn done = std::move(*paused);
  }
  EXPECT_TRUE(later.get());
}

TEST(SessionTurns, APausedOneKeepsTheSessionInUseUntilItsEnd) {
  SessionTurns turns(4);
  std::atomic<int> calls = 0;
  {
    auto paused = turns.take(kKey);
    paused->set_interrupt([&] { ++calls; });
    paused->pause();
    EXPECT_FALSE(turns.try_take(kKey));
    EXPECT_TRUE(turns.take(kKey));
    EXPECT_FALSE(turns.try_take(kKey));
    turns.interrupt(kKey);
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(paused->is_interrupted());
  }
  EXPECT_TRUE(turns.try_take(kKey));
}

TEST(SessionTurns, InterruptsTheOneThatHasTheTurn) {
  SessionTurns turns(1);
  turns.interrupt(kKey);  // Nobody has it.
  std::atomic<int> calls = 0;
  {
    auto turn = turns.take(kKey);
    EXPECT_FALSE(turn->is_interrupted());
    turn->set_interrupt([&] { ++calls; });
    turns.interrupt(kKey);
    turns.interrupt(kKey);
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(turn->is_interrupted());
    turn->set_interrupt([&] { calls += 10; });
    EXPECT_EQ(calls, 11) << "it has been interrupted before";
    turn->set_interrupt({});
  }
  auto next = turns.take(kKey);
  EXPECT_FALSE(next->is_interrupted());
  next->set_interrupt([&] { ++calls; });
  next->set_interrupt({});
  turns.interrupt(kKey);
  EXPECT_EQ(calls, 11);
}

}  // namespace
}  // namespace cloister::engine
