#include "backends/native/program_io.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "sandbox/step.h"

namespace cloister::backends::native {
namespace {

constexpr std::size_t kChunk = std::size_t{64} * 1024;
// A killed program that has not ended by then hangs in the kernel.
constexpr Milliseconds kKillLimit{10000};
constexpr Milliseconds kDrainLimit{10000};
// In which a program has to take its answer out of the channel.
constexpr Milliseconds kReplyLimit{10000};

}  // namespace

ProgramIo::ProgramIo(ProgramEnds ends, const engine::Cancellation& cancellation,
                     engine::RunObserver& observer, const Clock& clock, std::function<void()> kill)
    : ends_(ends),
      cancellation_(cancellation),
      observer_(observer),
      clock_(clock),
      kill_(std::move(kill)) {
  if (ends.channel >= 0) channel_.emplace(ends.channel);
}

void ProgramIo::Feed::close_if_done() {
  if (pipe != nullptr && left.empty()) pipe->reset();
}

void ProgramIo::Feed::write() {
  const ssize_t count = ::write(pipe->get(), left.data(), left.size());
  if (count > 0) left.remove_prefix(static_cast<std::size_t>(count));
  // A program that has closed its end gets no more of it.
  const bool refused = count < 0 && errno != EAGAIN && errno != EINTR;
  if (refused || left.empty()) pipe->reset();
}

Result<engine::RunOutcome> ProgramIo::run(ProgramInput input, Milliseconds deadline) {
  const SteadyTime start = clock_.steady_now();
  deadline_ = start + deadline;
  input_ = {ends_.standard_in, input.standard_in};
  message_ = {ends_.message, input.message};
  for (Feed* feed : {&input_, &message_})
    feed->close_if_done();
  Event event = Event::kContinue;
  while (event == Event::kContinue) {
    event = poll_once();
    if (event == Event::kContinue) TRY_VOID(check_time());
  }
  outcome_.duration =
      std::chrono::duration_cast<Microseconds>(clock_.steady_now() - start - paused_);
  return conclude(event);
}

Result<engine::RunOutcome> ProgramIo::conclude(Event event) {
  const bool is_verdict = outcome_.timed_out || outcome_.cancelled;
  if (refused_ && !is_verdict) outcome_.exit_code = 128 + SIGKILL;
  if (event == Event::kStatusLost) {
    // A time-out or cancellation that tore the sandbox down is an outcome, not a failure.
    if (is_verdict || refused_) return outcome_;
    return fail(ErrorCode::kUnavailable, "the sandbox was lost while its program ran");
  }
  if (status_.kind == sandbox::StatusKind::kFailed) {
    Error error{ErrorCode::kInternal, "the sandbox could not start the program", status_.error, {}};
    return fail(std::move(error).with(sandbox::step_name(status_.step)));
  }
  outcome_.cpu_time = Microseconds(status_.user_us + status_.system_us);
  outcome_.memory_peak_bytes = status_.max_rss_kib * 1024;
  if (!is_verdict && !refused_) {
    const int status = status_.status;
    outcome_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return outcome_;
}

Result<void> ProgramIo::check_time() {
  const SteadyTime now = clock_.steady_now();
  if (now >= deadline_) {
    if (killed_) return fail(ErrorCode::kInternal, "the sandbox's program cannot be killed");
    outcome_.timed_out = true;
    begin_kill();
  } else if (!killed_ && channel_ && channel_->has_reply() && now >= reply_deadline_) {
    refuse();
  }
  return {};
}

void ProgramIo::begin_kill() {
  killed_ = true;
  deadline_ = clock_.steady_now() + kKillLimit;
  kill_();
}

void ProgramIo::refuse() {
  refused_ = true;
  begin_kill();
}

int ProgramIo::remaining_ms() const {
  const bool is_replying = !killed_ && channel_ && channel_->has_reply();
  const SteadyTime until = is_replying ? std::min(deadline_, reply_deadline_) : deadline_;
  const auto left = std::chrono::ceil<Milliseconds>(until - clock_.steady_now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 3600LL * 1000));
}

ProgramIo::Event ProgramIo::poll_once() {
  // A negative descriptor is ignored by poll.
  std::array<pollfd, 7> watched{};
  watched[0] = {ends_.status, POLLIN, 0};
  watched[1] = {out_open_ ? ends_.standard_out : -1, POLLIN, 0};
  watched[2] = {error_open_ ? ends_.standard_error : -1, POLLIN, 0};
  watched[3] = {input_.fd(), POLLOUT, 0};
  watched[4] = {killed_ ? -1 : cancellation_.hangup_fd, POLLRDHUP, 0};
  watched[5] = {message_.fd(), POLLOUT, 0};
  if (channel_ && !killed_) {
    const short events = channel_->has_reply() ? POLLOUT : POLLIN | POLLRDHUP;
    watched[6] = {channel_->socket(), events, 0};
  } else {
    watched[6].fd = -1;
  }
  const int count = ::poll(watched.data(), watched.size(), remaining_ms());
  if (count <= 0) return Event::kContinue;
  if (watched[1].revents != 0) pump(ends_.standard_out, engine::Stream::kStdout, out_open_);
  if (watched[2].revents != 0) pump(ends_.standard_error, engine::Stream::kStderr, error_open_);
  if (watched[3].revents != 0) input_.write();
  if (watched[5].revents != 0) message_.write();
  if ((watched[4].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
    outcome_.cancelled = true;
    begin_kill();
  }
  // Nobody waits for the answer to a message of a program that has ended.
  if (watched[0].revents != 0) return read_status();
  if (watched[6].revents != 0 && !killed_) serve_channel(watched[6].revents);
  return Event::kContinue;
}

void ProgramIo::pump(int fd, engine::Stream stream, bool& open) {
  std::array<char, kChunk> buffer;
  const ssize_t count = ::read(fd, buffer.data(), buffer.size());
  if (count > 0) {
    observer_.on_output(stream, {buffer.data(), static_cast<std::size_t>(count)});
  } else if (count == 0) {
    open = false;
  }
}

// What is in the pipe now. A program can make its pipe larger than one read takes, and go on
// writing meanwhile.
void ProgramIo::pump_all(int fd, engine::Stream stream, bool open) {
  int left = 0;
  if (!open || ::ioctl(fd, FIONREAD, &left) != 0) return;
  std::array<char, kChunk> buffer;
  while (left > 0) {
    const std::size_t wanted = std::min(buffer.size(), static_cast<std::size_t>(left));
    const ssize_t count = ::read(fd, buffer.data(), wanted);
    if (count <= 0) return;
    observer_.on_output(stream, {buffer.data(), static_cast<std::size_t>(count)});
    left -= static_cast<int>(count);
  }
}

void ProgramIo::serve_channel(short events) {
  if (channel_->has_reply()) return send_reply();
  switch (channel_->receive((events & (POLLHUP | POLLRDHUP)) != 0)) {
    case MessageChannel::Received::kNothing:
      return;
    case MessageChannel::Received::kMessage:
      return hand_on_message();
    case MessageChannel::Received::kClosed:
      channel_.reset();
      return;
    case MessageChannel::Received::kMalformed:
      return refuse();
  }
}

void ProgramIo::hand_on_message() {
  pump_all(ends_.standard_out, engine::Stream::kStdout, out_open_);
  pump_all(ends_.standard_error, engine::Stream::kStderr, error_open_);
  const std::string message = channel_->take_message();
  const SteadyTime before = clock_.steady_now();
  std::optional<std::string> answer = observer_.on_message(message);
  const SteadyTime now = clock_.steady_now();
  deadline_ += now - before;
  paused_ += now - before;
  if (!answer) {
    outcome_.cancelled = true;
    return begin_kill();
  }
  reply_deadline_ = now + kReplyLimit;
  channel_->reply(std::move(*answer));
  send_reply();
}

void ProgramIo::send_reply() {
  if (!channel_->send()) channel_.reset();
}

ProgramIo::Event ProgramIo::read_status() {
  sandbox::StatusRecord record;
  const ssize_t count = ::read(ends_.status, &record, sizeof record);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return Event::kContinue;
  if (count != static_cast<ssize_t>(sizeof record) || record.magic != sandbox::kProtocolMagic) {
    return Event::kStatusLost;
  }
  if (record.kind == sandbox::StatusKind::kArmed) return Event::kContinue;
  status_ = record;
  return Event::kExited;
}

void ProgramIo::drain(bool until_end) {
  const SteadyTime limit = clock_.steady_now() + kDrainLimit;
  // What one pipe holds fits into one read, so a few rounds take all that was there at the end of
  // the program; a process that was left behind may go on writing for ever.
  constexpr int kRoundsWithoutEnd = 4;
  for (int round = 0; out_open_ || error_open_; ++round) {
    if (!until_end && round == kRoundsWithoutEnd) return;
    const auto left = std::chrono::ceil<Milliseconds>(limit - clock_.steady_now()).count();
    if (left <= 0) return;
    std::array<pollfd, 2> watched{};
    watched[0] = {out_open_ ? ends_.standard_out : -1, POLLIN, 0};
    watched[1] = {error_open_ ? ends_.standard_error : -1, POLLIN, 0};
    if (::poll(watched.data(), watched.size(), until_end ? static_cast<int>(left) : 0) <= 0) return;
    if (watched[0].revents != 0) pump(ends_.standard_out, engine::Stream::kStdout, out_open_);
    if (watched[1].revents != 0) pump(ends_.standard_error, engine::Stream::kStderr, error_open_);
  }
}

}  // namespace cloister::backends::native
