#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "base/unique_fd.h"
#include "cli/commands.h"
#include "server/server.h"

namespace cloister::cli {
namespace {

constexpr timeval kPatience{5, 0};
constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 20;

// The address that a client on this machine uses for one that is listened on.
std::string client_host(const std::string& host) {
  if (host == "0.0.0.0") return "127.0.0.1";
  if (host == "::" || host == "[::]") return "::1";
  if (host.starts_with('[') && host.ends_with(']')) return host.substr(1, host.size() - 2);
  return host;
}

Result<UniqueFd> connect_to(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) {
    return fail(ErrorCode::kUnavailable, "look up " + host + ": " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  UniqueFd socket(::socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return fail_errno("socket");
  // A time-out for sending covers connect() too.
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  if (::connect(socket.get(), found->ai_addr, found->ai_addrlen) != 0) {
    return fail_errno("connect to " + host + " port " + port);
  }
  return socket;
}

// The whole answer of a server that closes the connection after it.
Result<std::string> exchange(int socket, std::string_view request) {
  if (::send(socket, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return fail_errno("send to the server");
  }
  std::string answer;
  std::array<char, 4096> buffer{};
  while (answer.size() < kMaxAnswerBytes) {
    const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (count < 0) return fail_errno("read from the server");
    if (count == 0) break;
    answer.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return answer;
}

}  // namespace

Result<void> health(const server::LoadedSettings& settings) {
  const UniqueFd socket =
      TRY(connect_to(client_host(settings.values.host), std::to_string(settings.values.port)));
  const std::string answer = TRY(exchange(
      socket.get(), "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
  const std::size_t body = answer.find("\r\n\r\n");
  if (body == std::string::npos) {
    return fail(ErrorCode::kUnavailable, "the server's answer is not HTTP");
  }
  const std::string_view text = std::string_view(answer).substr(body + 4);
  fmt::print("{}\n", text);
  if (answer.starts_with("HTTP/1.1 200 ") && text.starts_with(R"({"status":"ok",)")) return {};
  return fail(ErrorCode::kUnavailable, "the server is not healthy");
}

}  // namespace cloister::cli
