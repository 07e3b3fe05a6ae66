#include "api/librechat/early_answer.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "api/common/fake_exchange_test.h"

namespace cloister::api::librechat {
namespace {

// Lets a test wait for the spaces.
class WatchedResponse final : public net::Response {
 public:
  Result<void> send(int status, const net::Headers& headers, std::string_view body) override {
    return inner.send(status, headers, body);
  }
  Result<void> send_file(int status, const net::Headers& headers, int fd,
                         std::uint64_t size) override {
    return inner.send_file(status, headers, fd, size);
  }
  Result<void> begin_stream(int status, const net::Headers& headers) override {
    return inner.begin_stream(status, headers);
  }
  Result<void> write(std::string_view bytes) override {
    const std::lock_guard lock(mutex_);
    ++writes_;
    written_.notify_all();
    return inner.write(bytes);
  }
  Result<void> end_stream() override { return inner.end_stream(); }
  bool is_started() const override { return inner.is_started(); }

  void wait_for_writes(int count) {
    std::unique_lock lock(mutex_);
    written_.wait(lock, [&] { return writes_ >= count; });
  }

  FakeResponse inner;

 private:
  std::mutex mutex_;
  std::condition_variable written_;
  int writes_ = 0;
};

std::string late_body(const Answer& answer) {
  return "{\"late\":" + std::to_string(answer.status) + "}";
}

TEST(EarlyAnswer, AFastAnswerIsSentWhole) {
  FakeResponse response;
  EarlyAnswer early(response, std::chrono::hours(1));
  early.finish({404, {{"x", "y"}}, "{}"}, late_body);
  EXPECT_EQ(response.status(), 404);
  EXPECT_EQ(response.header("x"), "y");
  EXPECT_EQ(response.body(), "{}");
  EXPECT_FALSE(response.ended());
}

TEST(EarlyAnswer, ASlowOneFollowsSpaces) {
  WatchedResponse response;
  EarlyAnswer early(response, Milliseconds(1));
  response.wait_for_writes(3);
  early.finish({200, {}, "{\"a\":1}"}, late_body);
  EXPECT_EQ(response.inner.status(), 200);
  EXPECT_EQ(response.inner.header("content-type"), "application/json");
  EXPECT_TRUE(response.inner.ended());
  const std::string& body = response.inner.body();
  const std::size_t begin = body.find('{');
  EXPECT_GE(begin, 3U);
  EXPECT_EQ(body.substr(0, begin), std::string(begin, ' '));
  EXPECT_EQ(body.substr(begin), "{\"a\":1}");
}

TEST(EarlyAnswer, ALateFailureIsSaidInTheBody) {
  WatchedResponse response;
  EarlyAnswer early(response, Milliseconds(1));
  response.wait_for_writes(1);
  early.finish({503, {}, "{}"}, late_body);
  EXPECT_EQ(response.inner.status(), 200);
  EXPECT_TRUE(response.inner.body().ends_with(" {\"late\":503}"));
}

TEST(EarlyAnswer, AnAbsentClientGetsNothing) {
  WatchedResponse response;
  response.inner.lose_client();
  EarlyAnswer early(response, Milliseconds(1));
  response.wait_for_writes(1);
  early.finish({200, {}, "{}"}, late_body);
  EXPECT_EQ(response.inner.body(), "");
  EXPECT_FALSE(response.inner.ended());
}

}  // namespace
}  // namespace cloister::api::librechat
