// Collects the output of a run whose answer is sent whole.
#pragma once

#include <cstddef>
#include <string>

#include "engine/backend.h"
#include "engine/output_buffer.h"
#include "observe/metrics.h"

namespace cloister::api {

// Used by one thread. `metrics` is not owned.
class BatchOutput final : public engine::RunObserver {
 public:
  BatchOutput(std::size_t cap_bytes, Metrics& metrics)
      : stdout_(cap_bytes), stderr_(cap_bytes), metrics_(metrics) {}

  void on_output(engine::Stream stream, std::string_view bytes) override;

  // Valid UTF-8, with the mark of a cut.
  std::string stdout_text() const { return stdout_.text(); }
  std::string stderr_text() const { return stderr_.text(); }
  // Whether a stream had more than the cap.
  bool truncated() const { return stdout_.truncated() || stderr_.truncated(); }

 private:
  engine::CappedOutput stdout_;
  engine::CappedOutput stderr_;
  Metrics& metrics_;
};

}  // namespace cloister::api
