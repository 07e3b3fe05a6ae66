#include "server/stop_signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace cloister::server {

Result<StopSignals> StopSignals::block() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  sigset_t previous;
  const int error = ::pthread_sigmask(SIG_BLOCK, &wanted, &previous);
  if (error != 0) return fail_errno("block the stop signals", error);
  UniqueFd signals(::signalfd(-1, &wanted, SFD_CLOEXEC));
  if (!signals.is_open()) return fail_errno("signalfd");
  UniqueFd request(::eventfd(0, EFD_CLOEXEC));
  if (!request.is_open()) return fail_errno("eventfd");
  return StopSignals(std::move(signals), std::move(request), previous);
}

StopSignals::StopSignals(StopSignals&& other) noexcept
    : signals_(std::move(other.signals_)),
      request_(std::move(other.request_)),
      previous_(other.previous_) {}

void StopSignals::release() {
  if (!signals_.is_open()) return;
  signals_.reset();
  ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

void StopSignals::request_stop() const {
  // Can fail only when the counter is full, and then it is not 0 either.
  (void)::eventfd_write(request_.get(), 1);
}

Result<int> StopSignals::wait() {
  std::array<pollfd, 2> waited{{{signals_.get(), POLLIN, 0}, {request_.get(), POLLIN, 0}}};
  while (::poll(waited.data(), waited.size(), -1) < 0) {
    if (errno != EINTR) return fail_errno("wait for a stop signal");
  }
  if (waited[1].revents != 0) return 0;
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) {
    return fail_errno("read the stop signals");
  }
  return static_cast<int>(info.ssi_signo);
}

}  // namespace cloister::server
