// Counts the engine's executions in the metrics.
#pragma once

#include "engine/executor.h"
#include "observe/metrics.h"

namespace cloister::server {

// Thread safe. `metrics` is not owned and must outlive the observer.
class MetricsObserver final : public engine::ExecutionObserver {
 public:
  explicit MetricsObserver(Metrics& metrics) : metrics_(metrics) {}

  void on_rejected(std::string_view operation, ErrorCode reason) override;
  void on_started(std::string_view operation) override;
  void on_ended(std::string_view operation, const engine::ExecutionTimings& timings,
                const engine::RunOutcome* outcome) override;

 private:
  Metrics& metrics_;
};

}  // namespace cloister::server
