#include "net/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace cloister::net {
namespace {

using Problem = MultipartParser::Problem;
using testing::ElementsAre;

// Writes down what it receives: one string a part.
class Recorder final : public MultipartSink {
 public:
  Result<void> on_part_begin(const PartHeader& header) override {
    EXPECT_FALSE(open_);
    open_ = true;
    parts.push_back(header.name + "|" + header.filename.value_or("<none>") + "|" +
                    header.content_type + "|");
    return {};
  }
  Result<void> on_part_data(std::string_view bytes) override {
    EXPECT_TRUE(open_);
    EXPECT_FALSE(bytes.empty());
    parts.back() += bytes;
    if (fail_on_data) return fail(ErrorCode::kTooLarge, "enough");
    return {};
  }
  Result<void> on_part_end() override {
    EXPECT_TRUE(open_);
    open_ = false;
    return {};
  }
  std::vector<std::string> parts;
  bool fail_on_data = false;

 private:
  bool open_ = false;
};

struct Outcome {
  std::vector<std::string> parts;
  Problem problem = Problem::kNone;
  bool operator==(const Outcome&) const = default;
};

Outcome parse(const std::vector<std::string_view>& pieces, const MultipartLimits& limits = {}) {
  Recorder recorder;
  MultipartParser parser("XyZ", recorder, limits);
  bool failed = false;
  for (const std::string_view piece : pieces) {
    if (!parser.feed(piece)) {
      failed = true;
      break;
    }
  }
  if (!failed) failed = !parser.finish().has_value();
  EXPECT_EQ(failed, parser.problem() != Problem::kNone);
  return {recorder.parts, parser.problem()};
}

Outcome parse(std::string_view body) {
  return parse(std::vector<std::string_view>{body});
}

std::string part(std::string_view disposition, std::string_view data) {
  return "--XyZ\r\nContent-Disposition: " + std::string(disposition) + "\r\n\r\n" +
         std::string(data) + "\r\n";
}

const std::string kClose = "--XyZ--\r\n";

// Data full of things that look like the beginning of a boundary.
const std::string kTricky =
    "preamble\n--XyQ\n" + part("form-data; name=\"a\"", "\r\r\n\r\n-\r\n--\r\n--XyY\r\n--Xy") +
    "--XyZ  \t\r\ncontent-type: text/plain; charset=x\r\nCONTENT-DISPOSITION: form-data; "
    "name=file; "
    "filename=\"a b.txt\"\r\nX-Other: 1\r\n\r\n--XyZ\r\n\r\n\r\n--XyZ--  epilogue\r\n--XyZ\r\n";

Outcome tricky_outcome() {
  return {{"a|<none>||\r\r\n\r\n-\r\n--\r\n--XyY\r\n--Xy",
           "file|a b.txt|text/plain; charset=x|--XyZ\r\n\r\n"},
          Problem::kNone};
}

TEST(Multipart, ReadsAWholeBody) {
  EXPECT_EQ(parse(kTricky), tricky_outcome());
}

TEST(Multipart, GivesTheSameForEveryPairOfSplits) {
  const std::string_view body = kTricky;
  for (std::size_t i = 0; i <= body.size(); ++i) {
    ASSERT_EQ(parse({body.substr(0, i), body.substr(i)}), tricky_outcome()) << i;
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < body.size(); ++i)
    bytes.push_back(body.substr(i, 1));
  EXPECT_EQ(parse(bytes), tricky_outcome());
}

TEST(Multipart, GivesTheSameForRandomSplits) {
  std::mt19937 random(20240611);
  for (int round = 0; round < 2000; ++round) {
    std::string_view body = kTricky;
    std::vector<std::string_view> pieces;
    while (!body.empty()) {
      const std::size_t length = std::min<std::size_t>(body.size(), random() % 40);
      pieces.push_back(body.substr(0, length));
      body.remove_prefix(length);
    }
    ASSERT_EQ(parse(pieces), tricky_outcome()) << round;
  }
}

TEST(Multipart, KeepsFileNamesAsSent) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"(form-data; name="f"; filename="plain.csv")", "plain.csv"},
      {R"(form-data; name="f"; filename="")", ""},
      {R"(form-data; name="f"; filename="a%20b%22.csv")", "a%20b%22.csv"},
      {R"(form-data; name="f"; filename="a\"b.csv")", "a\"b.csv"},
      {R"(form-data; name="f"; filename="C:\dir\x.csv")", R"(C:\dir\x.csv)"},
      {R"(form-data; name="f"; filename="a\\b")", R"(a\b)"},
      {R"(form-data; name="f"; filename="../../etc/x")", "../../etc/x"},
      {R"(form-data; name="f"; filename="a;b=c.csv")", "a;b=c.csv"},
      {"form-data; name=\"f\"; filename=\"\xE6\x97\xA5.csv\"", "\xE6\x97\xA5.csv"},
      {R"(form-data; name="f"; filename=bare.csv)", "bare.csv"},
      {R"(form-data; name="f"; filename*=UTF-8''%e6%97%a5.csv)", "\xE6\x97\xA5.csv"},
      {R"(form-data; name="f"; filename*=UTF-8''%e6.csv; filename="wins.csv")", "wins.csv"},
      {R"(form-data ;name="f";filename="x";)", "x"},
      {R"(form-data; name="f"; filename*=latin-1''x)", "<none>"},
      {R"(form-data; name="f")", "<none>"},
  };
  for (const auto& [disposition, name] : cases) {
    EXPECT_THAT(parse(part(disposition, "1") + kClose).parts, ElementsAre("f|" + name + "||1"))
        << disposition;
  }
}

TEST(Multipart, AcceptsAnEmptyFileAndAnEmptyForm) {
  EXPECT_THAT(parse(part(R"(form-data; name="f"; filename="x")", "") + kClose).parts,
              ElementsAre("f|x||"));
  EXPECT_EQ(parse("--XyZ--"), (Outcome{{}, Problem::kNone}));
  EXPECT_EQ(parse("\r\n--XyZ--\r\n"), (Outcome{{}, Problem::kNone}));
}

TEST(Multipart, ReportsTruncationAtEveryPointBeforeTheEnd) {
  const std::string body = part(R"(form-data; name="f")", "data") + "--XyZ--";
  for (std::size_t length = 0; length < body.size(); ++length) {
    EXPECT_EQ(parse(std::string_view(body).substr(0, length)).problem, Problem::kTruncated)
        << length;
  }
  EXPECT_EQ(parse(body).problem, Problem::kNone);
}

TEST(Multipart, RefusesMalformedBodies) {
  for (const std::string& body : {
           std::string("--XyZfoo\r\n"),
           std::string("--XyZ-x"),
           std::string("--XyZ-\r\n"),
           std::string("--XyZ\r \r\n"),
           std::string("--XyZ\r\nno colon\r\n\r\n"),
           std::string("--XyZ\r\n: x\r\n\r\n"),
           std::string("--XyZ\r\nContent-Type: text/plain\r\n\r\n"),
           part("form-data", "x"),
           part("attachment; name=\"f\"", "x"),
           part("form-data; name=\"f", "x"),
           part("form-data; name=\"a\"; name=\"b\"", "x"),
           part("form-data; name=\"a\"junk", "x"),
           part("form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"", "x"),
       }) {
    EXPECT_EQ(parse(body + kClose).problem, Problem::kMalformed) << body;
  }
}

TEST(Multipart, KeepsItsLimits) {
  const MultipartLimits limits{.max_parts = 2, .max_header_bytes = 100, .max_name_bytes = 4};
  const std::string small = part("form-data; name=\"abcd\"", "x");
  const auto problem = [&](const std::string& body) { return parse({body}, limits).problem; };
  EXPECT_EQ(problem(small + small + kClose), Problem::kNone);
  EXPECT_EQ(problem(small + small + small + kClose), Problem::kLimit);
  EXPECT_EQ(problem(part("form-data; name=\"abcde\"", "x") + kClose), Problem::kLimit);
  EXPECT_EQ(problem("--XyZ\r\n" + std::string(101, 'x')), Problem::kLimit);
  EXPECT_EQ(problem("--XyZ" + std::string(200, ' ')), Problem::kMalformed);
}

TEST(Multipart, PassesOnTheErrorOfTheSink) {
  Recorder recorder;
  recorder.fail_on_data = true;
  MultipartParser parser("XyZ", recorder);
  const auto result = parser.feed(part("form-data; name=\"f\"", "data"));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(parser.problem(), Problem::kSink);
}

TEST(MultipartBoundary, ReadsTheContentType) {
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(multipart_boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b'c\""), "a b'c");
  EXPECT_EQ(multipart_boundary("multipart/form-data"), std::nullopt);
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary="), std::nullopt);
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=\"a\tb\""), std::nullopt);
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=" + std::string(201, 'x')),
            std::nullopt);
  EXPECT_TRUE(is_multipart_form("multipart/form-data; boundary=abc"));
  EXPECT_TRUE(is_multipart_form("Multipart/Form-data"));
  EXPECT_FALSE(is_multipart_form("multipart/mixed; boundary=abc"));
  EXPECT_FALSE(is_multipart_form(""));
}

}  // namespace
}  // namespace cloister::net
