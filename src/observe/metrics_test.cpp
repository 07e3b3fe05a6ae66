#include "observe/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister {
namespace {

using testing::HasSubstr;

TEST(Metrics, ShowsKnownSeriesAsZeroFromTheStart) {
  Metrics metrics;
  const std::string text = metrics.serialize({.executions_limit = 16});
  for (const std::string operation :
       {"execute", "execute_stream", "session_create", "session_bash"}) {
    const std::string label = "operation=\"" + operation + "\"";
    EXPECT_THAT(text, HasSubstr("code_interpreter_executions_active{" + label + "} 0\n"));
    EXPECT_THAT(text, HasSubstr("code_interpreter_admission_wait_seconds_bucket{" + label +
                                ",le=\"0.05\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("code_interpreter_execution_duration_seconds_bucket{" + label +
                                ",le=\"300\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("code_interpreter_executions_completed_total{" + label +
                                ",outcome=\"timed_out\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("code_interpreter_executions_rejected_total{" + label +
                                ",reason=\"concurrency_limit\",status=\"429\"} 0\n"));
    EXPECT_THAT(text,
                HasSubstr("cloister_executions_total{" + label + ",result=\"out_of_memory\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("cloister_execution_phase_seconds_count{" + label +
                                ",phase=\"collect\"} 0\n"));
  }
  EXPECT_THAT(text, HasSubstr("code_interpreter_executions_limit 16\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE code_interpreter_admission_wait_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("cloister_sandboxes{state=\"ready\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("cloister_output_bytes_total{stream=\"stderr\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("cloister_files_stored_total 0\n"));
}

TEST(Metrics, CountsAnExecution) {
  Metrics metrics;
  metrics.execution_started("execute");
  EXPECT_THAT(metrics.serialize({}), HasSubstr("executions_active{operation=\"execute\"} 1\n"));
  metrics.execution_ended("execute", {.queue = Microseconds(60'000), .run = Microseconds(200'000)},
                          ExecutionEnd::kError);
  const std::string text = metrics.serialize({});
  EXPECT_THAT(text, HasSubstr("executions_active{operation=\"execute\"} 0\n"));
  EXPECT_THAT(text,
              HasSubstr("executions_completed_total{operation=\"execute\",outcome=\"ok\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("cloister_executions_total{operation=\"execute\",result=\"error\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("admission_wait_seconds_bucket{operation=\"execute\",le=\"0.05\"} 0\n"));
  EXPECT_THAT(text,
              HasSubstr("admission_wait_seconds_bucket{operation=\"execute\",le=\"0.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("duration_seconds_bucket{operation=\"execute\",le=\"0.25\"} 1\n"));
}

TEST(Metrics, CountsRejections) {
  Metrics metrics;
  metrics.execution_rejected("execute", ErrorCode::kSaturated);
  metrics.execution_rejected("session_bash", ErrorCode::kUnavailable);
  metrics.execution_rejected("execute", ErrorCode::kNotFound);
  const std::string text = metrics.serialize({});
  EXPECT_THAT(
      text,
      HasSubstr(
          "rejected_total{operation=\"execute\",reason=\"concurrency_limit\",status=\"429\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("rejected_total{operation=\"session_bash\",reason=\"unschedulable\","
                              "status=\"503\"} 1\n"));
  EXPECT_THAT(
      text, HasSubstr("cloister_rejections_total{operation=\"execute\",reason=\"not_found\"} 1\n"));
}

TEST(Metrics, BoundsTheLabelsOfHttpRequests) {
  Metrics metrics;
  metrics.http_request("/v1/files/{id}", "GET", 200, 10, 20);
  metrics.http_request("/v1/files/{id}", "GET", 200, 10, 20);
  metrics.http_request("", "BREW", 404, 1, 2);
  const std::string text = metrics.serialize({});
  EXPECT_THAT(text, HasSubstr("cloister_http_requests_total{method=\"GET\",route=\"/v1/files/"
                              "{id}\",status=\"200\"} 2\n"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "cloister_http_requests_total{method=\"other\",route=\"unmatched\",status=\"404\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("cloister_http_request_bytes_total 21\n"));
  EXPECT_THAT(text, HasSubstr("cloister_http_response_bytes_total 42\n"));
}

TEST(Metrics, MirrorsTheCurrentValues) {
  Metrics metrics;
  metrics.output_bytes("stdout", 7);
  metrics.file_stored();
  const std::string text = metrics.serialize({.executions_limit = 2,
                                              .queue_depth = 3,
                                              .sandboxes_ready = 4,
                                              .sandboxes_running = 5,
                                              .sessions = 6});
  EXPECT_THAT(text, HasSubstr("cloister_queue_depth 3\n"));
  EXPECT_THAT(text, HasSubstr("cloister_sandboxes{state=\"ready\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("cloister_sandboxes{state=\"running\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("cloister_sessions 6\n"));
  EXPECT_THAT(text, HasSubstr("cloister_output_bytes_total{stream=\"stdout\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("cloister_files_stored_total 1\n"));
}

}  // namespace
}  // namespace cloister
