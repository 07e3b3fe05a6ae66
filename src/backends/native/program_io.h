// The poll loop of one run: feeds standard input, hands on output as it comes, carries messages
// between the program and the observer, and watches the clock, the caller and the program's end.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "backends/native/message_channel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "engine/backend.h"
#include "sandbox/protocol.h"

namespace cloister::backends::native {

// The server's ends of a program. Not owned, except that standard_in and message are closed when
// all is written to them.
struct ProgramEnds {
  UniqueFd* standard_in = nullptr;
  int standard_out = -1;
  int standard_error = -1;
  int status = -1;
  UniqueFd* message = nullptr;  // A pipe that the program reads its message from; may be null.
  int channel = -1;             // A SOCK_SEQPACKET socket (message_channel.h); may be -1.
};

// What a program reads.
struct ProgramInput {
  std::string_view standard_in;
  std::string_view message;
};

// For one run on one thread.
class ProgramIo {
 public:
  // `kill` is called once when time is up or the caller is gone; the program's end must follow it.
  ProgramIo(ProgramEnds ends, const engine::Cancellation& cancellation,
            engine::RunObserver& observer, const Clock& clock, std::function<void()> kill);

  // Runs until the program has ended. `deadline` counts from now, without the time that the
  // observer takes for messages. A program that breaks the rules of its channel or does not read
  // its answer within 10 s is killed, and has exit code 137. An error: the sandbox failed to start
  // the program or lost it.
  Result<engine::RunOutcome> run(ProgramInput input, Milliseconds deadline);

  // Hands on what is still in the pipes. With `until_end`, waits for their end: for when every
  // process that could hold them is being killed.
  void drain(bool until_end);

 private:
  enum class Event { kExited, kStatusLost, kContinue };

  // Bytes on their way into a pipe, which is closed behind them.
  struct Feed {
    UniqueFd* pipe = nullptr;
    std::string_view left;

    int fd() const { return pipe == nullptr ? -1 : pipe->get(); }
    void close_if_done();
    void write();
  };

  Event poll_once();
  Result<void> check_time();
  void pump(int fd, engine::Stream stream, bool& open);
  void pump_all(int fd, engine::Stream stream, bool open);
  void serve_channel(short events);
  void hand_on_message();
  void send_reply();
  Event read_status();
  void begin_kill();
  void refuse();
  int remaining_ms() const;
  Result<engine::RunOutcome> conclude(Event event);

  ProgramEnds ends_;
  const engine::Cancellation cancellation_;
  engine::RunObserver& observer_;
  const Clock& clock_;
  const std::function<void()> kill_;

  SteadyTime deadline_{};
  SteadyTime reply_deadline_{};
  SteadyTime::duration paused_{};  // While the observer had a message.
  Feed input_;
  Feed message_;
  std::optional<MessageChannel> channel_;  // Until it is closed.
  bool refused_ = false;
  bool out_open_ = true;
  bool error_open_ = true;
  bool killed_ = false;
  engine::RunOutcome outcome_;
  sandbox::StatusRecord status_;
};

}  // namespace cloister::backends::native
