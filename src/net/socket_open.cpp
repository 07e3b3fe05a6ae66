#include "net/socket_open.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace cloister::net {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> resolve(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const char* name = host.empty() ? nullptr : host.c_str();
  const int status = ::getaddrinfo(name, std::to_string(port).c_str(), &hints, &list);
  if (status != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "cannot resolve host '" + host + "': " + ::gai_strerror(status));
  }
  return Addresses(list);
}

void set_option(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof(value));
}

// A connect in progress ends when the socket turns writable.
Result<void> connect_within(int fd, const sockaddr* address, socklen_t length,
                            Milliseconds timeout) {
  if (::connect(fd, address, length) == 0) return {};
  if (errno != EINPROGRESS && errno != EINTR) return fail_errno("connect");
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left =
        std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd entry{fd, POLLOUT, 0};
    const int count =
        ::poll(&entry, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000)));
    if (count > 0) break;
    if (count == 0) return fail(ErrorCode::kDeadlineExceeded, "connect took too long");
    if (errno != EINTR) return fail_errno("poll");
  }
  int status = 0;
  socklen_t size = sizeof(status);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &status, &size) != 0) return fail_errno("getsockopt");
  if (status != 0) return fail_errno("connect", status);
  return {};
}

bool local_name(int fd, sockaddr_storage& address, socklen_t& length) {
  length = sizeof(address);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket API's own idiom.
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
}

Result<UniqueFd> open_listener(const addrinfo& address, int backlog) {
  UniqueFd fd(::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) return fail_errno("socket");
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.ai_family == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0) return fail_errno("bind");
  if (::listen(fd.get(), backlog) != 0) return fail_errno("listen");
  return fd;
}

}  // namespace

Result<UniqueFd> listen_tcp(const std::string& host, std::uint16_t port, int backlog) {
  const Addresses addresses = TRY(resolve(host, port, AI_PASSIVE));
  auto result = open_listener(*addresses, backlog);
  for (const addrinfo* next = addresses->ai_next; !result && next != nullptr;
       next = next->ai_next) {
    result = open_listener(*next, backlog);
  }
  if (!result)
    return fail(std::move(result).error().with("listen on " + host + ":" + std::to_string(port)));
  return result;
}

std::string local_address(int fd) {
  sockaddr_storage address{};
  socklen_t length = 0;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (!local_name(fd, address, length)) return {};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket API's own idiom.
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host.data(), host.size(),
                    port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  const std::string name(host.data());
  if (name.find(':') == std::string::npos) return name + ":" + port.data();
  return "[" + name + "]:" + port.data();
}

std::uint16_t local_port(int fd) {
  sockaddr_storage address{};
  socklen_t length = 0;
  if (!local_name(fd, address, length)) return 0;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    return ntohs(v4.sin_port);
  }
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof(v6));
    return ntohs(v6.sin6_port);
  }
  return 0;
}

Result<TimedSocket> connect_tcp(const std::string& host, std::uint16_t port, Milliseconds timeout) {
  const Addresses addresses = TRY(resolve(host, port, 0));
  Error last;
  for (const addrinfo* next = addresses.get(); next != nullptr; next = next->ai_next) {
    UniqueFd fd(::socket(next->ai_family, next->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.is_open()) return fail_errno("socket");
    set_no_delay(fd.get());
    auto connected = connect_within(fd.get(), next->ai_addr, next->ai_addrlen, timeout);
    if (connected) return TimedSocket(std::move(fd));
    last = std::move(connected).error();
  }
  return fail(std::move(last).with(host + ":" + std::to_string(port)));
}

Result<TimedSocket> connect_unix(const std::string& path, Milliseconds timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::kInvalidArgument, "the path of the socket is too long: " + path);
  }
  path.copy(address.sun_path, path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) return fail_errno("socket");
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket API's own idiom.
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  auto connected = connect_within(fd.get(), generic, sizeof(address), timeout);
  if (!connected) return fail(std::move(connected).error().with(path));
  return TimedSocket(std::move(fd));
}

void set_no_delay(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

}  // namespace cloister::net
