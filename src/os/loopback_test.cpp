#include "os/loopback.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "os/namespaces_test.h"

namespace cloister::os {
namespace {

// 0 when a connection to ourselves works, else why not.
int connect_error() {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.get(), generic, length) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), generic, &length) != 0) {
    return errno;
  }
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(client.get(), generic, length) == 0 ? 0 : errno;
}

TEST(Loopback, ConnectsOnceItIsUp) {
  const std::string reason = why_no_user_namespaces();
  if (!reason.empty()) GTEST_SKIP() << reason;
  EXPECT_EQ(run_in_namespaces(CLONE_NEWNET, map_as_root,
                              [] {
                                if (connect_error() == 0) return 1;
                                if (bring_loopback_up() != 0) return 2;
                                if (connect_error() != 0) return 3;
                                return bring_loopback_up() == 0 ? 0 : 4;
                              }),
            0);
}

TEST(Loopback, NeedsPrivilegeOverTheNamespace) {
  const std::string reason = why_no_user_namespaces();
  if (!reason.empty()) GTEST_SKIP() << reason;
  // Root of a user namespace that does not own this network namespace.
  EXPECT_EQ(run_in_namespaces(0, map_as_root, [] { return bring_loopback_up(); }), EPERM);
}

}  // namespace
}  // namespace cloister::os
