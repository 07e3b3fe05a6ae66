#include "net/http_server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <set>
#include <stdexcept>
#include <thread>

#include "net/http_server_fixture.h"

namespace cloister::net {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kHost = " HTTP/1.1\r\nHost: example:8000\r\n\r\n";

std::string get(std::string_view target) {
  return "GET " + std::string(target) + std::string(kHost);
}

class HttpServerTest : public HttpServerFixture {
 protected:
  HttpServerTest() {
    router_.add("GET", "/hello/{name}", [](Request& request, Response& response) {
      std::string body = "hello " + request.parameters().at(0) + "?" + std::string(request.query());
      EXPECT_TRUE(response.send(200, {{"Content-Type", "text/plain"}, {"X-Odd", "a\r\nb"}}, body));
    });
    router_.add("POST", "/hello/{name}",
                [](Request&, Response& response) { EXPECT_TRUE(response.send(204, {}, {})); });
    router_.add("GET", "/throws", [](Request&, Response&) { throw std::runtime_error("broken"); });
    router_.add("GET", "/silent", [](Request&, Response&) {});
    router_.add("GET", "/stream", [](Request&, Response& response) {
      EXPECT_TRUE(response.begin_stream(200, {{"content-type", "text/event-stream; charset=utf-8"},
                                              {"cache-control", "no-cache"},
                                              {"connection", "keep-alive"},
                                              {"x-accel-buffering", "no"}}));
      EXPECT_TRUE(response.write("first"));
      EXPECT_TRUE(response.write(""));
      EXPECT_TRUE(response.write(" second"));
      EXPECT_TRUE(response.end_stream());
    });
    router_.add("GET", "/cut-off", [](Request&, Response& response) {
      EXPECT_TRUE(response.begin_stream(200, {}));
      EXPECT_TRUE(response.write("half"));
    });
  }
};

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  start();
  RawClient client = connect();
  std::set<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    const auto response = client.request(get("/hello/a%20b?x=1&y"));
    ASSERT_NE(response.status, 0);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "hello a b?x=1&y");
    EXPECT_THAT(response.head,
                StartsWith("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-odd: a  b\r\n"));
    EXPECT_EQ(response.header("content-length"), "15");
    EXPECT_EQ(response.header("connection"), "");
    EXPECT_THAT(response.header("date"), HasSubstr(" GMT"));
    ids.insert(response.header("x-request-id"));
  }
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_EQ(ids.count(""), 0U);
  // Requests are counted after their answers are sent.
  server_->stop(std::chrono::seconds(10));
  EXPECT_THAT(
      metrics_.serialize({}),
      HasSubstr(
          "cloister_http_requests_total{method=\"GET\",route=\"/hello/{name}\",status=\"200\"} 3"));
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  RawClient client = connect();
  ASSERT_TRUE(
      client.send(get("/hello/1") + "\r\n" + get("/hello/2") + get("/stream") + get("/hello/3")));
  EXPECT_EQ(client.read_response().body, "hello 1?");
  EXPECT_EQ(client.read_response().body, "hello 2?");
  EXPECT_EQ(client.read_response().body, "first second");
  EXPECT_EQ(client.read_response().body, "hello 3?");
}

TEST_F(HttpServerTest, ClosesWhenTheClientAsks) {
  start();
  RawClient client = connect();
  const auto response =
      client.request("GET /hello/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(response.header("connection"), "close");
  EXPECT_TRUE(client.is_closed_by_server());
  RawClient old_client = connect();
  EXPECT_EQ(old_client.request("GET /hello/x HTTP/1.0\r\n\r\n").header("connection"), "close");
  EXPECT_TRUE(old_client.is_closed_by_server());
}

TEST_F(HttpServerTest, StreamsInChunksWithTheGivenHeadersFirst) {
  start();
  RawClient client = connect();
  const auto response = client.request(get("/stream"));
  ASSERT_NE(response.status, 0);
  EXPECT_EQ(response.body, "first second");
  EXPECT_THAT(
      response.head,
      StartsWith("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                 "cache-control: no-cache\r\nconnection: keep-alive\r\nx-accel-buffering: no\r\n"));
  EXPECT_EQ(response.header("transfer-encoding"), "chunked");
  EXPECT_EQ(response.head.find("connection:"), response.head.rfind("connection:"));
  EXPECT_EQ(client.request(get("/hello/again")).status, 200);
}

TEST_F(HttpServerTest, StreamsToAnOldClientUntilTheEndOfTheConnection) {
  start();
  RawClient client = connect();
  ASSERT_TRUE(client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  const auto text = client.read_to_end();
  ASSERT_TRUE(text.has_value());
  EXPECT_THAT(*text, HasSubstr("connection: close\r\n"));
  EXPECT_THAT(*text, Not(HasSubstr("transfer-encoding")));
  EXPECT_TRUE(text->ends_with("\r\n\r\nfirst second"));
}

TEST_F(HttpServerTest, DoesNotEndAStreamThatItsHandlerLeft) {
  start();
  RawClient client = connect();
  ASSERT_TRUE(client.send(get("/cut-off")));
  EXPECT_EQ(client.read_response().status, 0);
}

TEST_F(HttpServerTest, AnswersUnknownPathsAndWrongMethods) {
  start();
  RawClient client = connect();
  const auto missing = client.request(get("/nothing"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body, R"({"detail":"Not Found"})");
  EXPECT_EQ(missing.header("content-type"), "application/json");
  for (const std::string method : {"PUT", "OPTIONS", "BREW"}) {
    const auto wrong = client.request(method + " /hello/x" + std::string(kHost));
    EXPECT_EQ(wrong.status, 405) << method;
    EXPECT_EQ(wrong.body, R"({"detail":"Method Not Allowed"})");
    EXPECT_EQ(wrong.header("allow"), "GET, POST");
  }
}

TEST_F(HttpServerTest, SendsNoBodyForHead) {
  start();
  RawClient client = connect();
  ASSERT_TRUE(client.send("HEAD /hello/x" + std::string(kHost)));
  const auto response = client.read_response(false);
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.header("content-length"), "31");
  // What follows is the next response, so there was no body.
  EXPECT_EQ(client.request(get("/hello/x")).body, "hello x?");
}

TEST_F(HttpServerTest, RedirectsATrailingSlash) {
  start();
  RawClient client = connect();
  for (const std::string method : {"GET", "POST", "PUT"}) {
    const auto response = client.request(method + " /hello/x/?a=b" + std::string(kHost));
    EXPECT_EQ(response.status, 307);
    EXPECT_EQ(response.header("location"), "http://example:8000/hello/x?a=b");
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(response.header("content-length"), "0");
  }
  EXPECT_EQ(client.request("GET http://other/hello/x HTTP/1.1\r\nHost: h\r\n\r\n").body,
            "hello x?");
  RawClient old_client = connect();
  EXPECT_EQ(old_client.request("GET /hello/x/ HTTP/1.0\r\n\r\n").header("location"),
            "http://127.0.0.1:" + std::to_string(server_->port()) + "/hello/x");
}

TEST_F(HttpServerTest, AnswersForAHandlerThatFailed) {
  start();
  RawClient client = connect();
  for (const char* target : {"/throws", "/silent"}) {
    const auto response = client.request(get(target));
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(response.body, R"({"detail":"Internal Server Error"})");
  }
  EXPECT_EQ(client.request(get("/hello/x")).status, 200);
}

TEST_F(HttpServerTest, RefusesAResponseThatIsStartedTwice) {
  router_.add("GET", "/twice", [](Request&, Response& response) {
    EXPECT_FALSE(response.write("early"));
    EXPECT_FALSE(response.is_started());
    EXPECT_TRUE(response.send(200, {{"content-length", "99"}}, "once"));
    EXPECT_TRUE(response.is_started());
    EXPECT_FALSE(response.send(200, {}, "again"));
    EXPECT_FALSE(response.begin_stream(200, {}));
    EXPECT_FALSE(response.end_stream());
  });
  start();
  RawClient client = connect();
  EXPECT_EQ(client.request(get("/twice")).body, "once");
  EXPECT_EQ(client.request(get("/hello/x")).body, "hello x?");
}

TEST_F(HttpServerTest, SendsAFileFromItsOffset) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  ASSERT_NE(file, nullptr);
  const std::string content(3'000'000, 'f');
  ASSERT_EQ(std::fwrite(content.data(), 1, content.size(), file.get()), content.size());
  ASSERT_EQ(std::fflush(file.get()), 0);
  const int fd = ::fileno(file.get());
  router_.add("GET", "/file", [&](Request&, Response& response) {
    EXPECT_EQ(::lseek(fd, 1, SEEK_SET), 1);
    EXPECT_TRUE(response.send_file(200, {{"content-type", "application/octet-stream"}}, fd,
                                   content.size() - 1));
  });
  router_.add("GET", "/short", [&](Request&, Response& response) {
    EXPECT_EQ(::lseek(fd, 10, SEEK_SET), 10);
    EXPECT_FALSE(response.send_file(200, {}, fd, content.size()));
  });
  start();
  RawClient client = connect();
  EXPECT_EQ(client.request(get("/file")).body, content.substr(1));
  EXPECT_EQ(client.request(get("/file")).body, content.substr(1));
  EXPECT_EQ(client.request(get("/short")).status, 0);
}

TEST_F(HttpServerTest, ServesManyConnectionsAtOnce) {
  start();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([this] {
      for (int round = 0; round < 5; ++round) {
        RawClient client = connect();
        for (int i = 0; i < 20; ++i) {
          const auto response = client.request(get("/hello/x"));
          ASSERT_NE(response.status, 0);
          EXPECT_EQ(response.status, 200);
        }
      }
    });
  }
  threads.clear();
  // Requests are counted after their answers are sent.
  server_->stop(std::chrono::seconds(10));
  EXPECT_THAT(metrics_.serialize({}), HasSubstr("status=\"200\"} 800"));
}

TEST_F(HttpServerTest, ListensOnIpv6WhereThereIsSome) {
  const auto probe = listen_tcp("::1", 0, 1);
  if (!probe) GTEST_SKIP() << "no IPv6 here";
  HttpServer server(router_, json_detail_fallbacks(), logger_, metrics_);
  ASSERT_TRUE(server.start("::1", 0));
  auto socket = connect_tcp("::1", server.port(), Milliseconds(5000));
  ASSERT_TRUE(socket.has_value());
  EXPECT_THAT(local_address(socket->fd()), StartsWith("[::1]:"));
}

TEST_F(HttpServerTest, SaysWhyItCannotListen) {
  start();
  HttpServer second(router_, json_detail_fallbacks(), logger_, metrics_);
  const auto result = second.start("127.0.0.1", server_->port());
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().describe(), HasSubstr("Address already in use"));
  HttpServer third(router_, json_detail_fallbacks(), logger_, metrics_);
  EXPECT_FALSE(third.start("no.such.host.invalid", 0).has_value());
}

}  // namespace
}  // namespace cloister::net
