// What is to be known of programs with tools beyond a pause: their start's terms, and what they
// have written. LibreChat reads the output of the last answer only, so that one has to have all of
// it.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "engine/tool_runs.h"

namespace cloister::api::librechat {

// What the request that starts a run says and those that continue it do not.
struct RunTerms {
  Milliseconds timeout{0};
  bool wants_inherited = false;
};

// Thread safe. Keeps at most `runs_max` programs, the newest ones, and of each stream of one
// `stream_bytes_max` and the mark of a cut.
class Transcripts {
 public:
  Transcripts(std::size_t runs_max, std::size_t stream_bytes_max)
      : runs_max_(runs_max), stream_bytes_max_(stream_bytes_max) {}

  // To be called with every state that a run comes to. `token` is the one that led there, empty for
  // a start with these terms. A pause is kept under its own token; an end gets all that came before
  // it. Returns the terms of the run's start.
  RunTerms follow(std::string_view token, const RunTerms& terms, engine::ToolRunState& state);

 private:
  struct Text {
    std::string stdout_text;
    std::string stderr_text;
    RunTerms terms;
  };

  void join(std::string& earlier, std::string_view later) const;
  Text take(std::string_view token);
  void put(const std::string& token, Text text);

  const std::size_t runs_max_;
  const std::size_t stream_bytes_max_;

  std::mutex mutex_;
  // Guarded by mutex_:
  std::map<std::string, Text, std::less<>> texts_;
  std::deque<std::string> order_;  // Tokens of texts_, the oldest first.
};

}  // namespace cloister::api::librechat
