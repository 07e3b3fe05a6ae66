// A run as server-sent events: `output` as it comes, then one `result` or one `error`.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "api/common/json_body.h"
#include "engine/backend.h"
#include "engine/executor.h"
#include "engine/output_buffer.h"
#include "net/http.h"
#include "observe/metrics.h"

namespace cloister::api::onyx {

// The status line and headers are held back until the program is about to run, so that everything
// that fails before can still be an HTTP error. Used by one thread; nothing is owned. Once a write
// has failed the client is gone and the rest is dropped.
class EventStream final : public engine::RunObserver {
 public:
  EventStream(net::Response& response, std::size_t cap_bytes, Metrics& metrics)
      : response_(response),
        metrics_(metrics),
        streams_{engine::StreamCap(cap_bytes), engine::StreamCap(cap_bytes)} {}

  void on_started() override { begin(); }
  void on_output(engine::Stream stream, std::string_view bytes) override;

  bool has_begun() const { return begun_; }
  // Each ends the stream; one of them is to be called, once.
  void finish(const engine::ExecutionResult& result);
  void fail(std::string_view message);

 private:
  void begin();
  void send_output(std::string_view name, const std::string& text);
  void send_event(std::string_view name, const Json& payload);
  void end_stream();

  net::Response& response_;
  Metrics& metrics_;
  std::array<engine::StreamCap, 2> streams_;  // Standard output, then standard error.
  bool begun_ = false;
  bool client_is_gone_ = false;
};

}  // namespace cloister::api::onyx
