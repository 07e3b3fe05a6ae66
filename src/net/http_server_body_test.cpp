#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "net/http_server_fixture.h"

namespace cloister::net {
namespace {

using testing::HasSubstr;
using testing::Not;

class HttpServerBodyTest : public HttpServerFixture {
 protected:
  HttpServerBodyTest() {
    router_.add("POST", "/echo", [](Request& request, Response& response) {
      const auto body = request.read_whole_body(1 << 20);
      if (!body) {
        const int status = body.error().code == ErrorCode::kTooLarge ? 413 : 400;
        EXPECT_TRUE(response.send(status, {}, to_string(body.error().code)));
        return;
      }
      EXPECT_TRUE(response.send(200, {}, *body));
    });
    router_.add("POST", "/ignore", [](Request&, Response& response) {
      EXPECT_TRUE(
          response.send(413, {{"content-type", "application/json"}}, R"({"detail":"too large"})"));
    });
    router_.add("POST", "/count", [](Request& request, Response& response) {
      std::string buffer(777, '\0');
      std::size_t total = 0;
      for (;;) {
        const auto count = request.read_body(buffer);
        ASSERT_TRUE(count.has_value());
        if (*count == 0) break;
        total += *count;
      }
      EXPECT_TRUE(response.send(200, {}, std::to_string(total)));
    });
    router_.add("GET", "/ok",
                [](Request&, Response& response) { EXPECT_TRUE(response.send(200, {}, "ok")); });
  }

  static std::string post(std::string_view path, std::string_view headers, std::string_view body) {
    std::string text = "POST ";
    return text.append(path)
        .append(" HTTP/1.1\r\nHost: h\r\n")
        .append(headers)
        .append("\r\n")
        .append(body);
  }
  static std::string counted(std::string_view path, std::string_view body) {
    return post(path, "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
  }
};

constexpr std::string_view kChunked = "Transfer-Encoding: chunked\r\n";
constexpr std::string_view kGetOk = "GET /ok HTTP/1.1\r\nHost: h\r\n\r\n";

TEST_F(HttpServerBodyTest, ReadsACountedBody) {
  start();
  RawClient client = connect();
  EXPECT_EQ(client.request(counted("/echo", "hello")).body, "hello");
  EXPECT_EQ(client.request(counted("/echo", "")).body, "");
  const std::string large(1 << 20, 'x');
  EXPECT_EQ(client.request(counted("/echo", large)).body, large);
  EXPECT_EQ(client.request(counted("/count", large)).body, std::to_string(large.size()));
  EXPECT_EQ(client.request(kGetOk).body, "ok");
}

TEST_F(HttpServerBodyTest, ReadsAChunkedBody) {
  start();
  RawClient client = connect();
  EXPECT_EQ(
      client.request(post("/echo", kChunked, "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nsum: 1\r\n\r\n"))
          .body,
      "abcde");
  EXPECT_EQ(client.request(post("/echo", kChunked, "0\r\n\r\n")).body, "");
  std::string large;
  for (int i = 0; i < 50; ++i)
    large += "4e20\r\n" + std::string(20'000, 'x') + "\r\n";
  EXPECT_EQ(client.request(post("/count", kChunked, large + "0\r\n\r\n")).body, "1000000");
  EXPECT_EQ(client.request(post("/echo", kChunked, large + "0\r\n\r\n")).body.size(), 1'000'000U);
  EXPECT_EQ(client.request(kGetOk).body, "ok");
}

TEST_F(HttpServerBodyTest, ReadsABodyThatComesByteByByte) {
  start();
  RawClient client = connect();
  const std::string text =
      counted("/echo", "slow") + post("/echo", kChunked, "4\r\nalso\r\n0\r\n\r\n");
  for (const char c : text)
    ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_EQ(client.read_response().body, "slow");
  EXPECT_EQ(client.read_response().body, "also");
}

TEST_F(HttpServerBodyTest, LimitsAWholeBody) {
  start();
  RawClient client = connect();
  const std::string large((1 << 20) + 1, 'x');
  EXPECT_EQ(client.request(counted("/echo", large)).status, 413);
  EXPECT_EQ(client.request(post("/echo", kChunked, "100001\r\n" + large + "\r\n0\r\n\r\n")).status,
            413);
  EXPECT_EQ(client.request(kGetOk).body, "ok");
}

TEST_F(HttpServerBodyTest, RefusesAMalformedChunkedBodyAndCloses) {
  start();
  RawClient client = connect();
  EXPECT_EQ(client.request(post("/echo", kChunked, "zz\r\n" + std::string(kGetOk))).status, 400);
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST_F(HttpServerBodyTest, LetsTheClientReadAnEarlyAnswerAndGoOn) {
  start();
  RawClient client = connect();
  const std::string megabyte(1 << 20, 'x');
  ASSERT_TRUE(client.send(
      post("/ignore", "Content-Length: " + std::to_string(101 * megabyte.size()) + "\r\n", "")));
  for (int i = 0; i < 101; ++i)
    ASSERT_TRUE(client.send(megabyte)) << i;
  const auto response = client.read_response();
  ASSERT_NE(response.status, 0);
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.body, R"({"detail":"too large"})");
  EXPECT_EQ(response.header("connection"), "");
  EXPECT_EQ(client.request(kGetOk).body, "ok");
}

TEST_F(HttpServerBodyTest, ClosesWhenTooMuchIsLeftUnread) {
  start({.max_drain_bytes = 1000});
  for (const std::string& request :
       {counted("/ignore", std::string(2000, 'x')),
        post("/ignore", kChunked, "30d40\r\n" + std::string(200'000, 'x') + "\r\n0\r\n\r\n")}) {
    RawClient client = connect();
    EXPECT_EQ(client.request(request).status, 413);
    EXPECT_TRUE(client.is_closed_by_server());
  }
  RawClient client = connect();
  EXPECT_EQ(client.request(counted("/ignore", std::string(1000, 'x'))).header("connection"), "");
  EXPECT_EQ(client.request(kGetOk).body, "ok");
}

TEST_F(HttpServerBodyTest, AsksForTheBodyWhenTheClientWaits) {
  start();
  RawClient client = connect();
  ASSERT_TRUE(client.send(post("/echo", "Expect: 100-Continue\r\nContent-Length: 5\r\n", "")));
  const auto interim = client.read_response();
  ASSERT_NE(interim.status, 0);
  EXPECT_EQ(interim.head, "HTTP/1.1 100 Continue");
  EXPECT_EQ(client.request("hello").body, "hello");
  EXPECT_EQ(client.request(kGetOk).body, "ok");
}

TEST_F(HttpServerBodyTest, DoesNotAskForABodyThatNobodyReads) {
  start();
  RawClient client = connect();
  const auto response =
      client.request(post("/ignore", "Expect: 100-continue\r\nContent-Length: 5\r\n", ""));
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.header("connection"), "close");
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST_F(HttpServerBodyTest, DoesNotAskForABodyThatIsTooLarge) {
  start();
  RawClient client = connect();
  const auto response =
      client.request(post("/echo", "Expect: 100-continue\r\nContent-Length: 9000000\r\n", ""));
  EXPECT_EQ(response.status, 413);
}

TEST_F(HttpServerBodyTest, TakesABodyThatDidNotWait) {
  start();
  RawClient client = connect();
  EXPECT_EQ(
      client.request(post("/echo", "Expect: 100-continue\r\nContent-Length: 5\r\n", "hello")).body,
      "hello");
}

TEST_F(HttpServerBodyTest, RefusesRequestsThatCouldBeReadInTwoWays) {
  start();
  for (const std::string_view headers : {
           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
           "Content-Length: 5\r\nContent-Length: 5\r\n",
           "Content-Length: 5\r\nContent-Length: 6\r\n",
           "Content-Length: 5, 5\r\n",
           "Content-Length: +5\r\n",
           "Content-Length: -5\r\n",
           "Content-Length: 0x5\r\n",
           "Content-Length:\r\n",
           "Content-Length: 99999999999999999999\r\n",
           "Transfer-Encoding: gzip\r\n",
           "Transfer-Encoding: gzip, chunked\r\n",
           "Transfer-Encoding: chunked, chunked\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: identity\r\n",
           "Transfer-Encoding:\r\n",
           "Transfer-Encoding : chunked\r\n",
           "X: a\r\n b\r\n",
           "X: a\nY: b\r\n",
           "X\r\n",
           ": x\r\n",
           "X Y: z\r\n",
           "Host: again\r\n",
           "X: a\x01\r\n",
       }) {
    RawClient client = connect();
    const auto response = client.request(post("/echo", headers, "hello"));
    ASSERT_NE(response.status, 0) << headers;
    EXPECT_EQ(response.status, 400) << headers;
    EXPECT_EQ(response.body, R"({"detail":"Bad Request"})");
    EXPECT_EQ(response.header("connection"), "close");
    EXPECT_NE(response.header("x-request-id"), "");
    client.socket().shut_down_writing();
    EXPECT_TRUE(client.is_closed_by_server()) << headers;
  }
}

TEST_F(HttpServerBodyTest, RefusesMalformedRequestLines) {
  start();
  for (const std::string_view text :
       {"nonsense\r\n\r\n", "GET\r\n\r\n", "GET /ok\r\n\r\n", "GET /ok HTTP/2.0\r\n\r\n",
        "GET /ok HTTP/1.1\r\n\r\n", "GET  /ok HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET ok HTTP/1.1\r\nHost: h\r\n\r\n", "GET /ok HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "G(T /ok HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "\x16\x03\x01\x02"}) {
    RawClient client = connect();
    const auto response = client.request(text);
    ASSERT_NE(response.status, 0) << text;
    EXPECT_EQ(response.status, 400) << text;
  }
}

TEST_F(HttpServerBodyTest, LimitsTheHeader) {
  start({.max_header_bytes = 4096});
  RawClient client = connect();
  EXPECT_EQ(client.request(post("/echo", "X: " + std::string(5000, 'x') + "\r\n", "")).status, 431);
  RawClient long_target = connect();
  EXPECT_EQ(long_target.request("GET /" + std::string(100'000, 'x')).status, 431);
  RawClient many = connect();
  std::string headers;
  for (int i = 0; i < 1000; ++i)
    headers += "X: y\r\n";
  EXPECT_EQ(many.request(post("/echo", headers, "")).status, 431);
  RawClient fits = connect();
  EXPECT_EQ(
      fits.request(post("/echo", "X: " + std::string(3900, 'x') + "\r\nContent-Length: 1\r\n", "y"))
          .body,
      "y");
}

TEST_F(HttpServerBodyTest, TellsTheHandlerThatTheClientIsGone) {
  std::promise<ErrorCode> outcome;
  router_.add("POST", "/gone", [&](Request& request, Response& response) {
    const auto body = request.read_whole_body(1 << 20);
    outcome.set_value(body ? ErrorCode::kInternal : body.error().code);
    // Nobody reads it.
    static_cast<void>(response.send(400, {}, ""));
  });
  start();
  {
    RawClient client = connect();
    ASSERT_TRUE(client.send(post("/gone", "Content-Length: 10\r\n", "half")));
  }
  EXPECT_EQ(outcome.get_future().get(), ErrorCode::kCancelled);
}

}  // namespace
}  // namespace cloister::net
