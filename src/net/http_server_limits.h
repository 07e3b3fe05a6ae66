// Every limit of the HTTP server in one place.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace cloister::net {

struct HttpServerLimits {
  std::size_t max_connections = 1024;  // More are answered 503 and closed.
  std::size_t max_refusals = 64;  // Connections that are being refused; more are closed at once.
  int accept_backlog = 511;
  // Of a connection's thread, which runs the handlers. Only touched pages cost memory.
  std::size_t stack_bytes = 262144;

  std::size_t max_header_bytes = 32768;  // Request line and fields; more is 431.
  Milliseconds header_timeout{
      10'000};                         // From the first byte of a request to the end of its header.
  Milliseconds idle_timeout{75'000};   // Between requests, and before the first.
  Milliseconds body_timeout{30'000};   // Between two pieces of a body.
  Milliseconds write_timeout{30'000};  // Between two moments of progress.

  // What a handler left unread is dropped after the answer, so that the client can read the answer.
  std::uint64_t max_drain_bytes = std::uint64_t{256} << 20U;
  Milliseconds drain_timeout{30'000};
  // How long a connection that cannot be used again waits for the client to close it.
  Milliseconds linger_timeout{2'000};
};

}  // namespace cloister::net
