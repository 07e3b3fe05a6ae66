// The poll loop of one run: feeds standard input, hands on output as it comes, and watches the
// clock, the caller and the program's end.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "engine/backend.h"
#include "sandbox/protocol.h"

namespace cloister::backends::native {

// The server's ends of a program. Not owned, except that standard_in is closed when all is written.
struct ProgramEnds {
  UniqueFd* standard_in = nullptr;
  int standard_out = -1;
  int standard_error = -1;
  int status = -1;
};

// For one run on one thread.
class ProgramIo {
 public:
  // `kill` is called once when time is up or the caller is gone; the program's end must follow it.
  ProgramIo(ProgramEnds ends, const engine::Cancellation& cancellation,
            engine::RunObserver& observer, const Clock& clock, std::function<void()> kill);

  // Runs until the program has ended. `deadline` counts from now. An error: the sandbox failed to
  // start the program or lost it.
  Result<engine::RunOutcome> run(std::string_view stdin_bytes, Milliseconds deadline);

  // Hands on what is still in the pipes. With `until_end`, waits for their end: for when every
  // process that could hold them is being killed.
  void drain(bool until_end);

 private:
  enum class Event { kExited, kStatusLost, kContinue };

  Event poll_once(std::string_view& stdin_left);
  void pump(int fd, engine::Stream stream, bool& open);
  void write_input(std::string_view& stdin_left);
  Event read_status();
  void begin_kill();
  int remaining_ms() const;

  ProgramEnds ends_;
  const engine::Cancellation cancellation_;
  engine::RunObserver& observer_;
  const Clock& clock_;
  const std::function<void()> kill_;

  SteadyTime deadline_{};
  bool out_open_ = true;
  bool error_open_ = true;
  bool killed_ = false;
  engine::RunOutcome outcome_;
  sandbox::StatusRecord status_;
};

}  // namespace cloister::backends::native
