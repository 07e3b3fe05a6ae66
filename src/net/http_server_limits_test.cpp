#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <future>
#include <semaphore>
#include <thread>

#include "net/http_server_fixture.h"

namespace cloister::net {
namespace {

constexpr std::string_view kGetOk = "GET /ok HTTP/1.1\r\nHost: h\r\n\r\n";

class HttpServerLimitsTest : public HttpServerFixture {
 protected:
  HttpServerLimitsTest() {
    router_.add("GET", "/ok",
                [](Request&, Response& response) { EXPECT_TRUE(response.send(200, {}, "ok")); });
    router_.add("GET", "/wait", [this](Request&, Response& response) {
      entered_.release();
      go_on_.acquire();
      // The client may be gone by now.
      static_cast<void>(response.send(200, {}, "waited"));
    });
    router_.add("POST", "/body", [](Request& request, Response& response) {
      const auto body = request.read_whole_body(1000);
      const std::string_view text = body ? "fine" : to_string(body.error().code);
      EXPECT_TRUE(response.send(body ? 200 : 408, {}, text));
    });
  }
  // Until no connection is left; the test's own time limit ends it otherwise.
  void wait_for_no_connection() {
    while (server_->connection_count() > 0)
      std::this_thread::yield();
  }

  std::counting_semaphore<> entered_{0};
  std::counting_semaphore<> go_on_{0};
};

TEST_F(HttpServerLimitsTest, GivesUpOnASlowHeader) {
  start({.header_timeout = Milliseconds(50)});
  RawClient client = connect();
  const auto response = client.request("GET /ok HTTP/1.1\r\nHo");
  ASSERT_NE(response.status, 0);
  EXPECT_EQ(response.status, 408);
  client.socket().shut_down_writing();
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST_F(HttpServerLimitsTest, BoundsTheWholeHeaderNotTheGapsBetweenItsBytes) {
  start({.header_timeout = Milliseconds(100)});
  RawClient client = connect();
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(client.send("GET /ok HTTP/1.1\r\n"));
  // The server's answer ends the trickle.
  pollfd answer{client.socket().fd(), POLLIN, 0};
  while (::poll(&answer, 1, 10) == 0) {
    ASSERT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
    ASSERT_TRUE(client.send("X: y\r\n"));
  }
  EXPECT_EQ(client.read_response().status, 408);
}

TEST_F(HttpServerLimitsTest, ClosesIdleConnectionsSilently) {
  start({.idle_timeout = Milliseconds(50)});
  RawClient fresh = connect();
  EXPECT_TRUE(fresh.is_closed_by_server());
  RawClient used = connect();
  EXPECT_EQ(used.request(kGetOk).body, "ok");
  EXPECT_TRUE(used.is_closed_by_server());
}

TEST_F(HttpServerLimitsTest, GivesUpOnASlowBody) {
  start({.body_timeout = Milliseconds(50)});
  RawClient client = connect();
  const auto response =
      client.request("POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
  EXPECT_EQ(response.status, 408);
  EXPECT_EQ(response.body, "deadline_exceeded");
  EXPECT_EQ(response.header("connection"), "close");
}

TEST_F(HttpServerLimitsTest, GivesUpOnAClientThatDoesNotRead) {
  std::promise<ErrorCode> outcome;
  router_.add("GET", "/flood", [&](Request&, Response& response) {
    const std::string piece(1 << 20, 'x');
    EXPECT_TRUE(response.begin_stream(200, {}));
    for (;;) {
      const auto written = response.write(piece);
      if (written) continue;
      outcome.set_value(written.error().code);
      EXPECT_FALSE(response.write(piece));
      EXPECT_FALSE(response.end_stream());
      return;
    }
  });
  start({.write_timeout = Milliseconds(50)});
  RawClient client = connect();
  ASSERT_TRUE(client.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(outcome.get_future().get(), ErrorCode::kDeadlineExceeded);
}

TEST_F(HttpServerLimitsTest, CancelsAStreamWhoseClientVanished) {
  std::promise<ErrorCode> outcome;
  router_.add("GET", "/ticks", [&](Request& request, Response& response) {
    EXPECT_TRUE(response.begin_stream(200, {}));
    EXPECT_TRUE(response.write("tick"));
    pollfd hangup{request.hangup_fd(), POLLRDHUP, 0};
    EXPECT_EQ(::poll(&hangup, 1, 10'000), 1);
    for (;;) {
      const auto written = response.write("tick");
      if (written) continue;
      outcome.set_value(written.error().code);
      return;
    }
  });
  start();
  {
    RawClient client = connect();
    ASSERT_TRUE(client.send("GET /ticks HTTP/1.1\r\nHost: h\r\n\r\n"));
    ASSERT_TRUE(client.read_until("tick"));
  }
  EXPECT_EQ(outcome.get_future().get(), ErrorCode::kCancelled);
  wait_for_no_connection();
}

TEST_F(HttpServerLimitsTest, CancelsAFileWhoseClientVanished) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  ASSERT_NE(file, nullptr);
  constexpr std::uint64_t kSize = 64 << 20;
  ASSERT_EQ(::ftruncate(::fileno(file.get()), kSize), 0);
  std::promise<ErrorCode> outcome;
  router_.add("GET", "/file", [&](Request&, Response& response) {
    const auto sent = response.send_file(200, {}, ::fileno(file.get()), kSize);
    outcome.set_value(sent ? ErrorCode::kInternal : sent.error().code);
  });
  start();
  {
    RawClient client = connect();
    ASSERT_TRUE(client.send("GET /file HTTP/1.1\r\nHost: h\r\n\r\n"));
    ASSERT_TRUE(client.read_until("\r\n\r\n"));
  }
  EXPECT_EQ(outcome.get_future().get(), ErrorCode::kCancelled);
}

TEST_F(HttpServerLimitsTest, AnswersConnectionsBeyondTheLimit) {
  start({.max_connections = 1});
  RawClient first = connect();
  ASSERT_EQ(first.request(kGetOk).body, "ok");
  RawClient second = connect();
  const auto refusal = second.request(kGetOk);
  ASSERT_NE(refusal.status, 0);
  EXPECT_EQ(refusal.status, 503);
  EXPECT_EQ(refusal.header("connection"), "close");
  second.close();
  EXPECT_EQ(first.request(kGetOk).body, "ok");
  first.close();
  wait_for_no_connection();
  RawClient third = connect();
  EXPECT_EQ(third.request(kGetOk).status, 200);
}

TEST_F(HttpServerLimitsTest, ClosesConnectionsBeyondTheLimitOfRefusals) {
  start({.max_connections = 0, .max_refusals = 0});
  RawClient client = connect();
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpServerLimitsTest, StopsIdleConnectionsAtOnce) {
  start();
  RawClient fresh = connect();
  RawClient used = connect();
  ASSERT_EQ(used.request(kGetOk).body, "ok");
  const auto begin = std::chrono::steady_clock::now();
  server_->stop(std::chrono::seconds(30));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_TRUE(used.is_closed_by_server());
  EXPECT_EQ(server_->connection_count(), 0U);
  EXPECT_FALSE(connect_tcp("127.0.0.1", server_->port(), Milliseconds(1000)).has_value());
}

TEST_F(HttpServerLimitsTest, LetsRunningRequestsEnd) {
  start();
  RawClient client = connect();
  ASSERT_TRUE(client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
  entered_.acquire();
  std::jthread stopper([this] { server_->stop(std::chrono::seconds(30)); });
  // Refused connections show that the server is stopping.
  while (connect_tcp("127.0.0.1", server_->port(), Milliseconds(1000)))
    std::this_thread::yield();
  go_on_.release();
  const auto response = client.read_response();
  ASSERT_NE(response.status, 0);
  EXPECT_EQ(response.body, "waited");
  EXPECT_EQ(response.header("connection"), "close");
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST_F(HttpServerLimitsTest, ShutsDownSocketsWhenPatienceEnds) {
  std::atomic<bool> saw_hangup{false};
  router_.add("GET", "/until-hangup", [&](Request& request, Response&) {
    entered_.release();
    pollfd hangup{request.hangup_fd(), POLLRDHUP, 0};
    saw_hangup = ::poll(&hangup, 1, 10'000) == 1;
  });
  start();
  RawClient client = connect();
  ASSERT_TRUE(client.send("GET /until-hangup HTTP/1.1\r\nHost: h\r\n\r\n"));
  entered_.acquire();
  server_->stop(Milliseconds(20));
  EXPECT_TRUE(saw_hangup);
  EXPECT_EQ(client.read_to_end(), "");
}

}  // namespace
}  // namespace cloister::net
