// SIGTERM and SIGINT as something to wait for.
#pragma once

#include <csignal>

#include "base/error.h"
#include "base/unique_fd.h"

namespace cloister::server {

// Blocks both signals for this thread and those that it starts later, until release() or its end.
// So it is to be made before any other thread. request_stop() is thread safe.
class StopSignals {
 public:
  static Result<StopSignals> block();
  ~StopSignals() { release(); }
  StopSignals(StopSignals&& other) noexcept;
  StopSignals& operator=(StopSignals&&) = delete;

  // Waits for a signal, takes it and returns its number; 0 after request_stop().
  Result<int> wait();
  // Ends the wait from inside the process.
  void request_stop() const;
  // From now on each signal does what it does by default: it ends the process.
  void release();

 private:
  StopSignals(UniqueFd signals, UniqueFd request, const sigset_t& previous)
      : signals_(std::move(signals)), request_(std::move(request)), previous_(previous) {}
  UniqueFd signals_;
  UniqueFd request_;
  sigset_t previous_;
};

}  // namespace cloister::server
