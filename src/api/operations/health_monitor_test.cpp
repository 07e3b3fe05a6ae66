#include "api/operations/health_monitor.h"

#include <gtest/gtest.h>

#include <thread>

#include "testing/fake_backend.h"
#include "testing/virtual_clock.h"

namespace cloister::api::operations {
namespace {

class HealthMonitorTest : public testing::Test {
 protected:
  fakes::VirtualClock clock_;
  Logger log_{LogLevel::kError, LogFormat::kPlain, clock_, -1};
  fakes::FakeBackend backend_;
  HealthMonitor monitor_{backend_, log_, clock_, {Milliseconds(30000), Milliseconds(2500)}};
};

TEST_F(HealthMonitorTest, IsNotUsableBeforeTheFirstCheck) {
  EXPECT_FALSE(monitor_.current().usable);
  EXPECT_FALSE(monitor_.current().message.empty());
  EXPECT_FALSE(monitor_.current().stale);
}

TEST_F(HealthMonitorTest, RemembersTheLastCheck) {
  EXPECT_TRUE(monitor_.check_now().usable);
  backend_.fail_check(Error{ErrorCode::kUnavailable, "no image", 0, {}});
  EXPECT_EQ(monitor_.check_now().message, "no image");
  backend_.fail_check(std::nullopt);
  EXPECT_EQ(monitor_.current().message, "no image");
  EXPECT_TRUE(monitor_.check_now().usable);
}

// Works, but has no room at present.
class BusyBackend final : public engine::Backend {
 public:
  Result<std::unique_ptr<engine::Sandbox>> acquire(
      const engine::SandboxSpec& /*spec*/, const engine::Cancellation& /*cancellation*/) override {
    return fail(ErrorCode::kSaturated, "full");
  }
  engine::BackendStatus status() const override {
    engine::BackendStatus status;
    status.usable = true;
    return status;
  }
  Result<void> check(Milliseconds /*limit*/) override {
    return fail(ErrorCode::kSaturated, "full");
  }
};

TEST_F(HealthMonitorTest, ABusyBackendIsUsable) {
  BusyBackend busy;
  HealthMonitor monitor(busy, log_, clock_, {});
  EXPECT_TRUE(monitor.check_now().usable);
}

TEST_F(HealthMonitorTest, IsStaleAfterThreeIntervalsAndATimeOut) {
  monitor_.check_now();
  clock_.advance(Milliseconds(92500));
  EXPECT_FALSE(monitor_.current().stale);
  clock_.advance(Milliseconds(1));
  EXPECT_TRUE(monitor_.current().stale);
  EXPECT_FALSE(monitor_.current().usable);
  monitor_.check_now();
  EXPECT_FALSE(monitor_.current().stale);
}

TEST_F(HealthMonitorTest, ChecksInTheBackground) {
  monitor_.start();
  // Joins the first background check or makes one of its own; both count.
  EXPECT_TRUE(monitor_.check_now().usable);
  monitor_.stop();
}

}  // namespace
}  // namespace cloister::api::operations
