#include "observe/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <mutex>
#include <unordered_map>

namespace cloister {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;

constexpr std::array<std::string_view, 4> kOperations{"execute", "execute_stream", "session_create",
                                                      "session_bash"};
constexpr std::array<std::string_view, 6> kEnds{"ok",        "error",         "timed_out",
                                                "cancelled", "out_of_memory", "failed"};
constexpr std::array<std::string_view, 4> kPhases{"queue", "start", "run", "collect"};
constexpr std::array<std::string_view, 3> kOutcomes{"ok", "timed_out", "error"};
constexpr std::array<std::string_view, 7> kMethods{"GET",     "POST", "PUT",  "DELETE",
                                                   "OPTIONS", "HEAD", "PATCH"};

const Buckets kOnyxBuckets{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300};
const Buckets kPhaseBuckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                            0.25,   0.5,   1,      2.5,   5,    10,    30,   60};

double seconds(Microseconds time) {
  return static_cast<double>(time.count()) / 1e6;
}

std::string text(std::string_view view) {
  return std::string(view);
}

// The `outcome` of Onyx's series: a program's own failure is an ok execution.
std::string_view outcome_of(ExecutionEnd end) {
  switch (end) {
    case ExecutionEnd::kOk:
    case ExecutionEnd::kError:
    case ExecutionEnd::kOutOfMemory:
      return "ok";
    case ExecutionEnd::kTimedOut:
      return "timed_out";
    case ExecutionEnd::kCancelled:
    case ExecutionEnd::kFailed:
      return "error";
  }
  return "error";
}

}  // namespace

struct Metrics::Series {
  Series();

  Family<Counter>& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Gauge>& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
  Counter& http_counter(std::string_view route, std::string_view method, int status);

  prometheus::Registry registry;

  Family<Gauge>& onyx_active =
      gauge("code_interpreter_executions_active", "Executions that hold a slot.");
  Gauge& onyx_limit = gauge("code_interpreter_executions_limit", "Slots for executions.").Add({});
  Family<Counter>& onyx_rejected =
      counter("code_interpreter_executions_rejected_total", "Executions refused.");
  Family<Counter>& onyx_completed =
      counter("code_interpreter_executions_completed_total", "Executions ended, by outcome.");
  Family<Histogram>& onyx_wait =
      histogram("code_interpreter_admission_wait_seconds", "Wait for a slot.");
  Family<Histogram>& onyx_duration =
      histogram("code_interpreter_execution_duration_seconds", "Time a slot is held.");

  Family<Histogram>& phase =
      histogram("cloister_execution_phase_seconds", "Time of each phase of an execution.");
  Family<Counter>& executions =
      counter("cloister_executions_total", "Executions ended, by result.");
  Family<Gauge>& sandboxes = gauge("cloister_sandboxes", "Sandboxes, by state.");
  Gauge& sandboxes_ready = sandboxes.Add({{"state", "ready"}});
  Gauge& sandboxes_running = sandboxes.Add({{"state", "running"}});
  Gauge& queue_depth = gauge("cloister_queue_depth", "Executions that wait for a slot.").Add({});
  Family<Counter>& rejections =
      counter("cloister_rejections_total", "Executions refused, by reason.");
  Family<Counter>& http_requests =
      counter("cloister_http_requests_total", "HTTP requests answered.");
  Counter& http_request_bytes =
      counter("cloister_http_request_bytes_total", "Bytes of HTTP requests read.").Add({});
  Counter& http_response_bytes =
      counter("cloister_http_response_bytes_total", "Bytes of HTTP responses written.").Add({});
  Family<Counter>& output = counter("cloister_output_bytes_total", "Bytes that programs printed.");
  Gauge& sessions = gauge("cloister_sessions", "Sessions that exist.").Add({});
  Counter& files_stored = counter("cloister_files_stored_total", "Files stored.").Add({});

  // Family::Add builds a label map for each call; requests find their counter here instead.
  std::mutex http_mutex;
  std::unordered_map<std::string, Counter*> http_counters;  // Guarded by http_mutex.
};

Metrics::Series::Series() {
  for (const std::string_view name : kOperations) {
    const std::string operation = text(name);
    onyx_active.Add({{"operation", operation}});
    onyx_wait.Add({{"operation", operation}}, kOnyxBuckets);
    onyx_duration.Add({{"operation", operation}}, kOnyxBuckets);
    onyx_rejected.Add(
        {{"operation", operation}, {"status", "429"}, {"reason", "concurrency_limit"}});
    onyx_rejected.Add({{"operation", operation}, {"status", "503"}, {"reason", "quota_exceeded"}});
    onyx_rejected.Add({{"operation", operation}, {"status", "503"}, {"reason", "unschedulable"}});
    for (const auto outcome : kOutcomes) {
      onyx_completed.Add({{"operation", operation}, {"outcome", text(outcome)}});
    }
    for (const auto end : kEnds)
      executions.Add({{"operation", operation}, {"result", text(end)}});
    for (const auto part : kPhases) {
      phase.Add({{"operation", operation}, {"phase", text(part)}}, kPhaseBuckets);
    }
    for (const ErrorCode reason : {ErrorCode::kSaturated, ErrorCode::kUnavailable}) {
      rejections.Add({{"operation", operation}, {"reason", text(to_string(reason))}});
    }
  }
  output.Add({{"stream", "stdout"}});
  output.Add({{"stream", "stderr"}});
}

Counter& Metrics::Series::http_counter(std::string_view route, std::string_view method,
                                       int status) {
  std::string key;
  key.reserve(route.size() + method.size() + 8);
  key.append(route).append(1, ' ').append(method).append(1, ' ').append(std::to_string(status));
  const std::lock_guard lock(http_mutex);
  Counter*& counter = http_counters[key];
  if (counter == nullptr) {
    counter = &http_requests.Add(
        {{"route", text(route)}, {"method", text(method)}, {"status", std::to_string(status)}});
  }
  return *counter;
}

Metrics::Metrics() : series_(std::make_unique<Series>()) {}
Metrics::~Metrics() = default;

void Metrics::execution_rejected(std::string_view operation, ErrorCode reason) {
  series_->rejections.Add({{"operation", text(operation)}, {"reason", text(to_string(reason))}})
      .Increment();
  if (reason == ErrorCode::kSaturated) {
    series_->onyx_rejected
        .Add({{"operation", text(operation)}, {"status", "429"}, {"reason", "concurrency_limit"}})
        .Increment();
  } else if (reason == ErrorCode::kUnavailable) {
    series_->onyx_rejected
        .Add({{"operation", text(operation)}, {"status", "503"}, {"reason", "unschedulable"}})
        .Increment();
  }
}

void Metrics::execution_started(std::string_view operation) {
  series_->onyx_active.Add({{"operation", text(operation)}}).Increment();
}

void Metrics::execution_ended(std::string_view operation, const ExecutionPhases& phases,
                              ExecutionEnd end) {
  const std::string name = text(operation);
  Series& series = *series_;
  series.onyx_active.Add({{"operation", name}}).Decrement();
  series.onyx_wait.Add({{"operation", name}}, kOnyxBuckets).Observe(seconds(phases.queue));
  series.onyx_duration.Add({{"operation", name}}, kOnyxBuckets)
      .Observe(seconds(phases.start + phases.run + phases.collect));
  series.onyx_completed.Add({{"operation", name}, {"outcome", text(outcome_of(end))}}).Increment();
  series.executions
      .Add({{"operation", name}, {"result", text(kEnds[static_cast<std::size_t>(end)])}})
      .Increment();
  const std::array<Microseconds, 4> times{phases.queue, phases.start, phases.run, phases.collect};
  for (std::size_t i = 0; i < times.size(); ++i) {
    series.phase.Add({{"operation", name}, {"phase", text(kPhases[i])}}, kPhaseBuckets)
        .Observe(seconds(times[i]));
  }
}

void Metrics::output_bytes(std::string_view stream, std::uint64_t bytes) {
  series_->output.Add({{"stream", text(stream)}}).Increment(static_cast<double>(bytes));
}

void Metrics::file_stored() {
  series_->files_stored.Increment();
}

void Metrics::http_request(std::string_view route, std::string_view method, int status,
                           std::uint64_t request_bytes, std::uint64_t response_bytes) {
  std::string_view known = "other";
  for (const std::string_view candidate : kMethods) {
    if (candidate == method) known = candidate;
  }
  series_->http_counter(route.empty() ? "unmatched" : route, known, status).Increment();
  series_->http_request_bytes.Increment(static_cast<double>(request_bytes));
  series_->http_response_bytes.Increment(static_cast<double>(response_bytes));
}

std::string Metrics::serialize(const CurrentValues& current) {
  series_->onyx_limit.Set(static_cast<double>(current.executions_limit));
  series_->queue_depth.Set(static_cast<double>(current.queue_depth));
  series_->sandboxes_ready.Set(static_cast<double>(current.sandboxes_ready));
  series_->sandboxes_running.Set(static_cast<double>(current.sandboxes_running));
  series_->sessions.Set(static_cast<double>(current.sessions));
  return prometheus::TextSerializer().Serialize(series_->registry.Collect());
}

}  // namespace cloister
