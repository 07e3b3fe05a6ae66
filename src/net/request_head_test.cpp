#include "net/request_head.h"

#include <gtest/gtest.h>

#include <string>

namespace cloister::net {
namespace {

using Status = RequestHeadParser::Status;

constexpr std::string_view kRequest =
    "POST /a/b?c=d&e HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 12\r\nX-Empty:\r\nExpect: "
    "100-continue\r\n\r\nbody";

void expect_parts(const RequestHead& head) {
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.path, "/a/b");
  EXPECT_EQ(head.query, "c=d&e");
  EXPECT_EQ(head.host, "[::1]:80");
  EXPECT_EQ(head.content_length, 12U);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.is_chunked);
  ASSERT_NE(head.find("x-EMPTY"), nullptr);
  EXPECT_EQ(*head.find("x-EMPTY"), "");
  EXPECT_EQ(head.find("x"), nullptr);
}

TEST(RequestHeadParser, FindsThePartsForEverySplit) {
  const std::size_t head_size = kRequest.size() - 4;
  RequestHeadParser parser(1000);
  for (std::size_t cut = 1; cut <= kRequest.size(); ++cut) {
    parser.reset();
    std::size_t consumed = 0;
    std::size_t total = 0;
    Status status = parser.parse(kRequest.substr(0, cut), consumed);
    total += consumed;
    EXPECT_EQ(status == Status::kDone, cut >= head_size) << cut;
    if (status == Status::kNeedMore) {
      status = parser.parse(kRequest.substr(total), consumed);
      total += consumed;
    }
    ASSERT_EQ(status, Status::kDone) << cut;
    EXPECT_EQ(total, head_size) << cut;
    expect_parts(parser.head());
  }
}

TEST(RequestHeadParser, StartsAnewAfterReset) {
  RequestHeadParser parser(1000);
  std::size_t consumed = 0;
  ASSERT_EQ(parser.parse(kRequest, consumed), Status::kDone);
  parser.reset();
  const std::string_view second = "GET / HTTP/1.0\r\n\r\n";
  ASSERT_EQ(parser.parse(second, consumed), Status::kDone);
  EXPECT_EQ(consumed, second.size());
  EXPECT_EQ(parser.head().path, "/");
  EXPECT_TRUE(parser.head().fields.empty());
  EXPECT_EQ(parser.head().content_length, 0U);
  EXPECT_FALSE(parser.head().expects_continue);
  EXPECT_FALSE(parser.head().keep_alive);
}

TEST(RequestHeadParser, LimitsTheSizeWhetherItComesAtOnceOrNot) {
  const std::string text = "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(200, 'x');
  RequestHeadParser parser(100);
  std::size_t consumed = 0;
  EXPECT_EQ(parser.parse(text, consumed), Status::kTooLong);
  parser.reset();
  std::size_t total = 0;
  Status status = Status::kNeedMore;
  for (std::size_t end = 1; end < text.size() && status == Status::kNeedMore; ++end) {
    status = parser.parse(std::string_view(text).substr(total, end - total), consumed);
    total += consumed;
  }
  EXPECT_EQ(status, Status::kTooLong);
}

TEST(ReasonPhrase, KnowsTheStatuses) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(429), "Too Many Requests");
  EXPECT_EQ(reason_phrase(799), "");
}

}  // namespace
}  // namespace cloister::net
