#include "api/onyx/event_stream.h"

#include <utility>

#include "api/onyx/answer.h"
#include "net/json_text.h"
#include "net/sse.h"

namespace cloister::api::onyx {
namespace {

constexpr std::array<std::string_view, 2> kStreamNames = {"stdout", "stderr"};

std::size_t index_of(engine::Stream stream) {
  return stream == engine::Stream::kStdout ? 0 : 1;
}

}  // namespace

void EventStream::begin() {
  if (begun_) return;
  begun_ = true;
  const Result<void> done =
      response_.begin_stream(200, {
                                      {"content-type", "text/event-stream; charset=utf-8"},
                                      {"cache-control", "no-cache"},
                                      {"connection", "keep-alive"},
                                      {"x-accel-buffering", "no"},
                                  });
  client_is_gone_ = !done;
}

void EventStream::on_output(engine::Stream stream, std::string_view bytes) {
  const std::size_t index = index_of(stream);
  metrics_.output_bytes(kStreamNames[index], bytes.size());
  send_output(kStreamNames[index], streams_[index].accept(bytes));
}

void EventStream::finish(const engine::ExecutionResult& result) {
  for (std::size_t index = 0; index < streams_.size(); ++index) {
    send_output(kStreamNames[index], streams_[index].finish());
  }
  Json payload = Json::object();
  payload["exit_code"] = exit_code_json(result.outcome);
  payload["timed_out"] = result.outcome.timed_out;
  payload["duration_ms"] = duration_ms(result.outcome);
  payload["files"] = output_files_json(result.files);
  send_event("result", payload);
  end_stream();
}

void EventStream::fail(std::string_view message) {
  Json payload = Json::object();
  payload["message"] = message;
  send_event("error", payload);
  end_stream();
}

void EventStream::send_output(std::string_view name, const std::string& text) {
  if (text.empty()) return;
  Json payload = Json::object();
  payload["stream"] = name;
  payload["data"] = text;
  send_event("output", payload);
}

void EventStream::send_event(std::string_view name, const Json& payload) {
  begin();
  if (client_is_gone_) return;
  const std::string line = net::escape_line_boundaries(net::to_json_text(payload));
  client_is_gone_ = !response_.write(net::format_event(name, line));
}

void EventStream::end_stream() {
  if (!client_is_gone_) client_is_gone_ = !response_.end_stream();
}

}  // namespace cloister::api::onyx
