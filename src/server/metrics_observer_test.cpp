#include "server/metrics_observer.h"

#include <gtest/gtest.h>

namespace cloister::server {
namespace {

class MetricsObserverTest : public testing::Test {
 protected:
  bool shows(const std::string& line) {
    return metrics_.serialize({}).find(line + "\n") != std::string::npos;
  }

  Metrics metrics_;
  MetricsObserver observer_{metrics_};
};

TEST_F(MetricsObserverTest, CountsWhatRuns) {
  observer_.on_started("execute");
  EXPECT_TRUE(shows(R"(code_interpreter_executions_active{operation="execute"} 1)"))
      << metrics_.serialize({});
  engine::RunOutcome outcome;
  outcome.exit_code = 1;
  observer_.on_ended("execute", {}, &outcome);
  EXPECT_TRUE(shows(R"(code_interpreter_executions_active{operation="execute"} 0)"));
  // Also a non-zero exit is "ok" to those who run the service.
  EXPECT_TRUE(
      shows(R"(code_interpreter_executions_completed_total{operation="execute",outcome="ok"} 1)"))
      << metrics_.serialize({});
}

TEST_F(MetricsObserverTest, TellsTimeOutsFromFailures) {
  engine::RunOutcome outcome;
  outcome.timed_out = true;
  observer_.on_started("session_bash");
  observer_.on_ended("session_bash", {}, &outcome);
  observer_.on_started("session_bash");
  observer_.on_ended("session_bash", {}, nullptr);
  EXPECT_TRUE(shows(
      R"(code_interpreter_executions_completed_total{operation="session_bash",outcome="timed_out"} 1)"));
  EXPECT_TRUE(shows(
      R"(code_interpreter_executions_completed_total{operation="session_bash",outcome="error"} 1)"));
}

TEST_F(MetricsObserverTest, CountsRejections) {
  observer_.on_rejected("execute", ErrorCode::kSaturated);
  EXPECT_TRUE(shows(
      R"(code_interpreter_executions_rejected_total{operation="execute",reason="concurrency_limit",status="429"} 1)"))
      << metrics_.serialize({});
}

}  // namespace
}  // namespace cloister::server
