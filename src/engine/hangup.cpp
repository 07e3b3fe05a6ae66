#include "engine/hangup.h"

#include <poll.h>

namespace cloister::engine {

bool has_hung_up(const Cancellation& cancellation) {
  if (cancellation.hangup_fd < 0) return false;
  pollfd watched{cancellation.hangup_fd, POLLRDHUP, 0};
  return ::poll(&watched, 1, 0) > 0;
}

}  // namespace cloister::engine
