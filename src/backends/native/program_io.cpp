#include "backends/native/program_io.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "os/message_io.h"
#include "sandbox/step.h"

namespace cloister::backends::native {
namespace {

constexpr std::size_t kChunk = std::size_t{64} * 1024;
// A killed program that has not ended by then hangs in the kernel.
constexpr Milliseconds kKillLimit{10000};
constexpr Milliseconds kDrainLimit{10000};

}  // namespace

ProgramIo::ProgramIo(ProgramEnds ends, const engine::Cancellation& cancellation,
                     engine::RunObserver& observer, const Clock& clock, std::function<void()> kill)
    : ends_(ends),
      cancellation_(cancellation),
      observer_(observer),
      clock_(clock),
      kill_(std::move(kill)) {}

Result<engine::RunOutcome> ProgramIo::run(std::string_view stdin_bytes, Milliseconds deadline) {
  const SteadyTime start = clock_.steady_now();
  deadline_ = start + deadline;
  if (stdin_bytes.empty()) ends_.standard_in->reset();
  std::string_view left = stdin_bytes;
  Event event = Event::kContinue;
  while (event == Event::kContinue) {
    event = poll_once(left);
    if (event == Event::kContinue && clock_.steady_now() >= deadline_) {
      if (killed_) return fail(ErrorCode::kInternal, "the sandbox's program cannot be killed");
      outcome_.timed_out = true;
      begin_kill();
    }
  }
  outcome_.duration = std::chrono::duration_cast<Microseconds>(clock_.steady_now() - start);
  if (event == Event::kStatusLost) {
    // A time-out or cancellation that tore the sandbox down is an outcome, not a failure.
    if (outcome_.timed_out || outcome_.cancelled) return outcome_;
    return fail(ErrorCode::kUnavailable, "the sandbox was lost while its program ran");
  }
  if (status_.kind == sandbox::StatusKind::kFailed) {
    Error error{ErrorCode::kInternal, "the sandbox could not start the program", status_.error, {}};
    return fail(std::move(error).with(sandbox::step_name(status_.step)));
  }
  if (!outcome_.timed_out && !outcome_.cancelled) {
    const int status = status_.status;
    outcome_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return outcome_;
}

void ProgramIo::begin_kill() {
  killed_ = true;
  deadline_ = clock_.steady_now() + kKillLimit;
  kill_();
}

int ProgramIo::remaining_ms() const {
  const auto left = std::chrono::ceil<Milliseconds>(deadline_ - clock_.steady_now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 3600LL * 1000));
}

ProgramIo::Event ProgramIo::poll_once(std::string_view& stdin_left) {
  // A negative descriptor is ignored by poll.
  std::array<pollfd, 5> watched{};
  watched[0] = {ends_.status, POLLIN, 0};
  watched[1] = {out_open_ ? ends_.standard_out : -1, POLLIN, 0};
  watched[2] = {error_open_ ? ends_.standard_error : -1, POLLIN, 0};
  watched[3] = {ends_.standard_in->get(), POLLOUT, 0};
  watched[4] = {killed_ ? -1 : cancellation_.hangup_fd, POLLRDHUP, 0};
  const int count = ::poll(watched.data(), watched.size(), remaining_ms());
  if (count <= 0) return Event::kContinue;
  if (watched[1].revents != 0) pump(ends_.standard_out, engine::Stream::kStdout, out_open_);
  if (watched[2].revents != 0) pump(ends_.standard_error, engine::Stream::kStderr, error_open_);
  if (watched[3].revents != 0) write_input(stdin_left);
  if ((watched[4].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
    outcome_.cancelled = true;
    begin_kill();
  }
  return watched[0].revents != 0 ? read_status() : Event::kContinue;
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

void ProgramIo::write_input(std::string_view& stdin_left) {
  const ssize_t count = ::write(ends_.standard_in->get(), stdin_left.data(), stdin_left.size());
  if (count > 0) stdin_left.remove_prefix(static_cast<std::size_t>(count));
  // A program that has closed its input gets no more of it.
  const bool refused = count < 0 && errno != EAGAIN && errno != EINTR;
  if (refused || stdin_left.empty()) ends_.standard_in->reset();
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
