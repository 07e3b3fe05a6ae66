#include "net/timed_socket.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <filesystem>
#include <thread>

#include "base/id.h"
#include "net/socket_open.h"

namespace cloister::net {
namespace {

SteadyTime in(int milliseconds) {
  return std::chrono::steady_clock::now() + Milliseconds(milliseconds);
}

struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    left = TimedSocket(UniqueFd(ends[0]));
    right = TimedSocket(UniqueFd(ends[1]));
  }
  TimedSocket left;
  TimedSocket right;
};

TEST(TimedSocket, PassesBytesAndTheirEnd) {
  Pair pair;
  ASSERT_TRUE(pair.left.write_all("hello", Milliseconds(1000)));
  pair.left.shut_down_writing();
  std::array<char, 16> buffer{};
  EXPECT_EQ(pair.right.read_some(buffer, in(1000)).value(), 5U);
  EXPECT_EQ(std::string_view(buffer.data(), 5), "hello");
  EXPECT_EQ(pair.right.read_some(buffer, in(1000)).value(), 0U);
}

TEST(TimedSocket, GivesUpReadingAtTheDeadline) {
  Pair pair;
  std::array<char, 16> buffer{};
  const auto result = pair.right.read_some(buffer, in(20));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(TimedSocket, GivesUpWritingWhenNobodyReads) {
  Pair pair;
  const auto result = pair.left.write_all(std::string(1 << 24, 'x'), Milliseconds(20));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(TimedSocket, WritesManyPiecesWhole) {
  Pair pair;
  const std::string large(1 << 22, 'y');
  std::string received;
  std::jthread reader([&] {
    std::array<char, 65536> buffer{};
    for (;;) {
      const auto count = pair.right.read_some(buffer, in(10'000));
      if (!count || *count == 0) return;
      received.append(buffer.data(), *count);
    }
  });
  std::string first = "a";
  std::string last = large;
  std::array<iovec, 3> pieces{{{first.data(), 1}, {nullptr, 0}, {last.data(), last.size()}}};
  EXPECT_TRUE(pair.left.write_all(pieces, Milliseconds(10'000)));
  pair.left.shut_down_writing();
  reader.join();
  EXPECT_EQ(received, "a" + large);
}

TEST(TimedSocket, ReportsAPeerThatIsGone) {
  Pair pair;
  pair.right = TimedSocket();
  const auto result = pair.left.write_all("x", Milliseconds(1000));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
}

TEST(TimedSocket, WaitsForDataOrAnInterruption) {
  Pair pair;
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  EXPECT_EQ(pair.left.wait_readable(in(20), event.get()), TimedSocket::Wait::kTimedOut);
  ASSERT_EQ(::eventfd_write(event.get(), 1), 0);
  EXPECT_EQ(pair.left.wait_readable(in(10'000), event.get()), TimedSocket::Wait::kInterrupted);
  ASSERT_TRUE(pair.right.write_all("x", Milliseconds(1000)));
  EXPECT_EQ(pair.left.wait_readable(in(10'000), event.get()), TimedSocket::Wait::kReadable);
}

TEST(ConnectUnix, ReachesAListener) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("net-" + random_hex(8))).string();
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_TRUE(connect_unix(path, Milliseconds(1000)));
  std::filesystem::remove(path);
  EXPECT_EQ(connect_unix(path, Milliseconds(1000)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(connect_unix(std::string(200, 'x'), Milliseconds(1000)).error().code,
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace cloister::net
