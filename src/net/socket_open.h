// Opens listening and connected sockets. All are non-blocking and close-on-exec; TCP has Nagle off.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "net/timed_socket.h"

namespace cloister::net {

// `host` is a name or an IPv4 or IPv6 address ("::" listens on both); port 0 lets the system
// choose.
Result<UniqueFd> listen_tcp(const std::string& host, std::uint16_t port, int backlog);

// "127.0.0.1:8000" or "[::1]:8000": the local end of a TCP socket. Empty when it has none.
std::string local_address(int fd);
// The port of a bound TCP socket, or 0.
std::uint16_t local_port(int fd);

// A name is resolved without a deadline; give addresses where that matters.
Result<TimedSocket> connect_tcp(const std::string& host, std::uint16_t port, Milliseconds timeout);
Result<TimedSocket> connect_unix(const std::string& path, Milliseconds timeout);

// Nagle off, for a socket from accept. No effect on other sockets.
void set_no_delay(int fd);

}  // namespace cloister::net
