#include "api/onyx/event_stream.h"

#include <gtest/gtest.h>

#include "api/common/fake_exchange_test.h"

namespace cloister::api::onyx {
namespace {

using engine::Stream;

class EventStreamTest : public testing::Test {
 protected:
  static engine::ExecutionResult exited(int code) {
    engine::ExecutionResult result;
    result.outcome.exit_code = code;
    result.outcome.duration = Milliseconds(42);
    return result;
  }

  FakeResponse response_;
  Metrics metrics_;
};

TEST_F(EventStreamTest, HoldsTheHeadersBackUntilTheProgramStarts) {
  EventStream events(response_, 100, metrics_);
  EXPECT_FALSE(response_.is_started());
  events.on_started();
  EXPECT_EQ(response_.status(), 200);
  EXPECT_EQ(response_.headers(), (net::Headers{{"content-type", "text/event-stream; charset=utf-8"},
                                               {"cache-control", "no-cache"},
                                               {"connection", "keep-alive"},
                                               {"x-accel-buffering", "no"}}));
}

TEST_F(EventStreamTest, SendsOutputThenOneResult) {
  EventStream events(response_, 100, metrics_);
  events.on_started();
  events.on_output(Stream::kStdout, "tick 1\n");
  events.on_output(Stream::kStderr, "careful\n");
  engine::ExecutionResult result = exited(0);
  result.files.push_back({"a/b.txt", "id-1", 3});
  events.finish(result);
  EXPECT_EQ(response_.body(),
            "event: output\ndata: {\"stream\":\"stdout\",\"data\":\"tick 1\\n\"}\n\n"
            "event: output\ndata: {\"stream\":\"stderr\",\"data\":\"careful\\n\"}\n\n"
            "event: result\ndata: {\"exit_code\":0,\"timed_out\":false,\"duration_ms\":42,"
            "\"files\":[{\"path\":\"a/b.txt\",\"kind\":\"file\",\"file_id\":\"id-1\"}]}\n\n");
  EXPECT_TRUE(response_.ended());
}

TEST_F(EventStreamTest, EscapesEveryUnicodeLineBoundary) {
  EventStream events(response_, 100, metrics_);
  events.on_started();
  events.on_output(Stream::kStdout,
                   "a\xc2\x85"
                   "b\xe2\x80\xa8"
                   "c\xe2\x80\xa9"
                   "d\r\n\x0b\x0c\x1c\x1d\x1e\xc3\xa9");
  EXPECT_EQ(response_.body(),
            "event: output\ndata: {\"stream\":\"stdout\",\"data\":\"a\\u0085b\\u2028c\\u2029d"
            "\\r\\n\\u000b\\f\\u001c\\u001d\\u001e\xc3\xa9\"}\n\n");
}

TEST_F(EventStreamTest, KeepsCharactersWhole) {
  EventStream events(response_, 100, metrics_);
  events.on_started();
  events.on_output(Stream::kStdout, "\xc3");
  EXPECT_EQ(response_.body(), "");
  events.on_output(Stream::kStderr, "x");
  events.on_output(Stream::kStdout, "\xa9");
  EXPECT_EQ(response_.body(),
            "event: output\ndata: {\"stream\":\"stderr\",\"data\":\"x\"}\n\n"
            "event: output\ndata: {\"stream\":\"stdout\",\"data\":\"\xc3\xa9\"}\n\n");
}

TEST_F(EventStreamTest, DropsOutputAboveTheCap) {
  EventStream events(response_, 4, metrics_);
  events.on_started();
  events.on_output(Stream::kStdout, "abcdef");
  events.on_output(Stream::kStdout, "ghi");
  EXPECT_EQ(response_.body(), "event: output\ndata: {\"stream\":\"stdout\",\"data\":\"abcd\"}\n\n");
}

TEST_F(EventStreamTest, TimeOutHasNoExitCode) {
  EventStream events(response_, 4, metrics_);
  engine::ExecutionResult result = exited(137);
  result.outcome.timed_out = true;
  events.on_started();
  events.finish(result);
  EXPECT_NE(response_.body().find("{\"exit_code\":null,\"timed_out\":true,"), std::string::npos);
}

TEST_F(EventStreamTest, ErrorTakesThePlaceOfTheResult) {
  EventStream events(response_, 4, metrics_);
  events.fail("it broke");
  EXPECT_EQ(response_.status(), 200);
  EXPECT_EQ(response_.body(), "event: error\ndata: {\"message\":\"it broke\"}\n\n");
  EXPECT_TRUE(response_.ended());
}

TEST_F(EventStreamTest, WritesNothingToAClientThatIsGone) {
  EventStream events(response_, 100, metrics_);
  events.on_started();
  response_.lose_client();
  events.on_output(Stream::kStdout, "x");
  events.finish(exited(0));
  EXPECT_EQ(response_.body(), "");
  EXPECT_FALSE(response_.ended());
}

}  // namespace
}  // namespace cloister::api::onyx
