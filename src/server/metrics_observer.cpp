#include "server/metrics_observer.h"

namespace cloister::server {
namespace {

ExecutionEnd end_of(const engine::RunOutcome* outcome) {
  if (outcome == nullptr) return ExecutionEnd::kFailed;
  if (outcome->cancelled) return ExecutionEnd::kCancelled;
  if (outcome->timed_out) return ExecutionEnd::kTimedOut;
  if (outcome->out_of_memory) return ExecutionEnd::kOutOfMemory;
  return outcome->exit_code == 0 ? ExecutionEnd::kOk : ExecutionEnd::kError;
}

}  // namespace

void MetricsObserver::on_rejected(std::string_view operation, ErrorCode reason) {
  metrics_.execution_rejected(operation, reason);
}

void MetricsObserver::on_started(std::string_view operation) {
  metrics_.execution_started(operation);
}

void MetricsObserver::on_ended(std::string_view operation, const engine::ExecutionTimings& timings,
                               const engine::RunOutcome* outcome) {
  metrics_.execution_ended(operation, {timings.queue, timings.start, timings.run, timings.collect},
                           end_of(outcome));
}

}  // namespace cloister::server
