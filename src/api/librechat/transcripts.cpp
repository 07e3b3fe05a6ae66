#include "api/librechat/transcripts.h"

#include <utility>

#include "engine/output_buffer.h"

namespace cloister::api::librechat {

RunTerms Transcripts::follow(std::string_view token, const RunTerms& terms,
                             engine::ToolRunState& state) {
  Text text = token.empty() ? Text{{}, {}, terms} : take(token);
  const RunTerms started = text.terms;
  join(text.stdout_text, state.stdout_text);
  join(text.stderr_text, state.stderr_text);
  if (state.result) {
    state.stdout_text = std::move(text.stdout_text);
    state.stderr_text = std::move(text.stderr_text);
  } else {
    put(state.token, std::move(text));
  }
  return started;
}

void Transcripts::join(std::string& earlier, std::string_view later) const {
  engine::CappedOutput whole(stream_bytes_max_);
  whole.append(earlier);
  whole.append(later);
  earlier = whole.text();
}

Transcripts::Text Transcripts::take(std::string_view token) {
  const std::lock_guard lock(mutex_);
  const auto found = texts_.find(token);
  if (found == texts_.end()) return {};
  Text text = std::move(found->second);
  texts_.erase(found);
  std::erase(order_, token);
  return text;
}

void Transcripts::put(const std::string& token, Text text) {
  const std::lock_guard lock(mutex_);
  if (!texts_.insert_or_assign(token, std::move(text)).second) return;
  order_.push_back(token);
  if (order_.size() <= runs_max_) return;
  texts_.erase(order_.front());
  order_.pop_front();
}

}  // namespace cloister::api::librechat
