#include "engine/admission.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace cloister::engine {
namespace {

AdmissionLimits limits(std::size_t slots, Milliseconds timeout = Milliseconds(20'000)) {
  AdmissionLimits result;
  result.slots = slots;
  result.queue_length = 8;
  result.queue_length_per_tenant = 4;
  result.queue_timeout = timeout;
  return result;
}

// Returns when that many callers wait; the callers run in threads of their own.
void await_waiting(const Admission& admission, std::size_t count) {
  while (admission.waiting() != count)
    std::this_thread::yield();
}

// Callers that queue up one after the other and note the order in which they were served.
class Queue {
 public:
  explicit Queue(Admission& admission) : admission_(admission) {}
  ~Queue() { join(); }

  void add(const std::string& tenant, const std::string& name) {
    const std::size_t before = admission_.waiting();
    threads_.emplace_back([this, tenant, name] {
      const auto slot = admission_.admit(tenant);
      const std::lock_guard lock(mutex_);
      served_.push_back(slot ? name : "refused");
    });
    await_waiting(admission_, before + 1);
  }

  std::vector<std::string> join() {
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
    return served_;
  }

 private:
  Admission& admission_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::vector<std::string> served_;
};

TEST(Admission, GivesTheSlotsThereAreAndTakesThemBack) {
  Admission admission(limits(2, Milliseconds(0)));
  {
    const auto first = admission.admit("a");
    const auto second = admission.admit("a");
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->waited(), Microseconds(0));
    const auto third = admission.admit("a");
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, ErrorCode::kSaturated);
    EXPECT_EQ(third.error().message,
              "Execution capacity on this replica is saturated. Retry after the Retry-After "
              "delay.");
    EXPECT_EQ(admission.active(), 2U);
  }
  EXPECT_EQ(admission.active(), 0U);
  EXPECT_TRUE(admission.admit("b"));
}

TEST(Admission, AMovedSlotIsGivenBackOnce) {
  Admission admission(limits(2));
  AdmissionSlot outer;
  {
    AdmissionSlot inner = std::move(*admission.admit("a"));
    outer = std::move(inner);
  }
  EXPECT_EQ(admission.active(), 1U);
  outer = std::move(*admission.admit("a"));  // Gives the first one back.
  EXPECT_EQ(admission.active(), 1U);
  outer = AdmissionSlot();
  EXPECT_EQ(admission.active(), 0U);
}

TEST(Admission, RefusesAfterTheTimeLimit) {
  Admission admission(limits(1, Milliseconds(30)));
  const auto slot = admission.admit("a");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(admission.admit("a").error().code, ErrorCode::kSaturated);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, Milliseconds(30));
  EXPECT_EQ(admission.waiting(), 0U);
}

TEST(Admission, ServesFirstComeFirstServed) {
  Admission admission(limits(1));
  auto slot = admission.admit("a");
  Queue queue(admission);
  for (const char* name : {"1", "2", "3"})
    queue.add("a", name);
  *slot = AdmissionSlot();
  EXPECT_EQ(queue.join(), (std::vector<std::string>{"1", "2", "3"}));
}

TEST(Admission, TenantsTakeTurns) {
  Admission admission(limits(1));
  auto slot = admission.admit("a");
  Queue queue(admission);
  for (const char* name : {"a1", "a2", "a3", "a4"})
    queue.add("a", name);
  queue.add("b", "b1");
  queue.add("c", "c1");
  queue.add("b", "b2");
  *slot = AdmissionSlot();
  EXPECT_EQ(queue.join(), (std::vector<std::string>{"a1", "b1", "c1", "a2", "b2", "a3", "a4"}));
}

TEST(Admission, ReportsTheWait) {
  Admission admission(limits(1));
  auto slot = admission.admit("a");
  Microseconds waited{0};
  std::thread waiter([&] { waited = admission.admit("a")->waited(); });
  await_waiting(admission, 1);
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < Milliseconds(5))
    std::this_thread::yield();
  *slot = AdmissionSlot();
  waiter.join();
  EXPECT_GE(waited, Milliseconds(5));
}

TEST(Admission, RefusesAtOnceWhenAQueueIsFull) {
  Admission admission(limits(1));
  auto slot = admission.admit("a");
  Queue queue(admission);
  for (int i = 0; i < 4; ++i)
    queue.add("a", "a");
  EXPECT_EQ(admission.admit("a").error().code, ErrorCode::kSaturated);  // The tenant's.
  for (int i = 0; i < 4; ++i)
    queue.add("b", "b");
  EXPECT_EQ(admission.admit("c").error().code, ErrorCode::kSaturated);  // The whole one.
  *slot = AdmissionSlot();
  EXPECT_EQ(queue.join().size(), 8U);
  EXPECT_EQ(admission.active(), 0U);
}

TEST(Admission, ATimedOutWaiterLeavesTheQueueInOrder) {
  Admission admission(limits(1, Milliseconds(50)));
  auto slot = admission.admit("a");
  EXPECT_FALSE(admission.admit("b"));  // Waited in vain.
  Queue queue(admission);
  queue.add("a", "a1");
  *slot = AdmissionSlot();
  EXPECT_EQ(queue.join(), std::vector<std::string>{"a1"});
  EXPECT_TRUE(admission.admit("b"));
}

TEST(Admission, ShutDownRefusesWaitingAndLaterCallers) {
  Admission admission(limits(1));
  auto slot = admission.admit("a");
  std::atomic<int> unavailable{0};
  std::vector<std::thread> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.emplace_back([&admission, &unavailable] {
      const auto result = admission.admit("a");
      if (!result && result.error().code == ErrorCode::kUnavailable) ++unavailable;
    });
  }
  await_waiting(admission, 3);
  admission.shut_down();
  for (std::thread& waiter : waiters)
    waiter.join();
  EXPECT_EQ(unavailable.load(), 3);
  *slot = AdmissionSlot();
  EXPECT_EQ(admission.admit("b").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(admission.waiting(), 0U);
}

TEST(Admission, NeverExceedsItsSlotsUnderLoad) {
  AdmissionLimits many = limits(3, Milliseconds(20'000));
  many.queue_length = 64;
  many.queue_length_per_tenant = 64;
  Admission admission(many);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> served{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&admission, &running, &most, &served, i] {
      for (int round = 0; round < 200; ++round) {
        const auto slot = admission.admit(std::to_string(i % 4));
        if (!slot) continue;
        const int now = ++running;
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        std::this_thread::yield();
        --running;
        ++served;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(served.load(), 12 * 200);
  EXPECT_LE(most.load(), 3);
  EXPECT_EQ(admission.active(), 0U);
  EXPECT_EQ(admission.waiting(), 0U);
}

TEST(Admission, TimeoutsAndReleasesThatMeetLoseNoSlot) {
  AdmissionLimits tight = limits(1, Milliseconds(1));
  tight.queue_length = 64;
  tight.queue_length_per_tenant = 64;
  Admission admission(tight);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&admission, i] {
      for (int round = 0; round < 100; ++round) {
        const auto slot = admission.admit(std::to_string(i % 3));
        const auto end = std::chrono::steady_clock::now() + Microseconds(300);
        while (slot && std::chrono::steady_clock::now() < end)
          std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(admission.active(), 0U);
  EXPECT_EQ(admission.waiting(), 0U);
  EXPECT_TRUE(admission.admit("after"));
}

}  // namespace
}  // namespace cloister::engine
