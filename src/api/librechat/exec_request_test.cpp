#include "api/librechat/exec_request.h"

#include <gtest/gtest.h>

#include "api/librechat/programmatic_request.h"

namespace cloister::api::librechat {
namespace {

Outcome<ExecBody> exec(const std::string& text) {
  return decode_exec(*parse_json(text), 1000);
}

TEST(ExecRequest, TimeoutsHaveTwoUnits) {
  constexpr Milliseconds kMost{30'000};
  EXPECT_EQ(run_timeout(std::nullopt, kMost), kMost);
  EXPECT_EQ(run_timeout(5, kMost), Milliseconds(5000));
  EXPECT_EQ(run_timeout(999, kMost), kMost);
  EXPECT_EQ(run_timeout(1000, kMost), Milliseconds(1000));
  EXPECT_EQ(run_timeout(15'000, kMost), Milliseconds(15'000));
  EXPECT_EQ(run_timeout(300'000, kMost), kMost);
  EXPECT_EQ(run_timeout(0, kMost), Milliseconds(1000));
  EXPECT_EQ(run_timeout(std::numeric_limits<std::int64_t>::min(), kMost), Milliseconds(1000));
  EXPECT_EQ(run_timeout(std::numeric_limits<std::int64_t>::max(), kMost), kMost);
  EXPECT_EQ(run_timeout(3, Milliseconds(500)), Milliseconds(500));
}

TEST(ExecRequest, ToleratesWhatClientsSend) {
  EXPECT_EQ(exec(R"({"lang":"py","code":"","args":"one"})")->arguments,
            std::vector<std::string>{"one"});
  EXPECT_TRUE(exec(R"({"lang":"py","code":"","args":null})")->arguments.empty());
  EXPECT_EQ(exec(R"({"lang":"py","code":"","timeout":30.0})")->timeout, 30);
  EXPECT_FALSE(exec(R"({"lang":"py","code":"","timeout":null})")->timeout);
  EXPECT_EQ(exec(R"({"lang":"py","code":"","session_id":null})")->session_id, "");
  EXPECT_EQ(exec(R"({"lang":"py","code":"","runtime_session_hint":5})")->runtime_session_hint, "");
}

TEST(ExecRequest, RefusesWhatHasTheWrongType) {
  for (const char* text :
       {R"({"lang":"py"})", R"({"code":""})", R"({"lang":1,"code":""})",
        R"({"lang":"py","code":"","args":[1]})", R"({"lang":"py","code":"","args":5})",
        R"({"lang":"py","code":"","timeout":"5"})", R"({"lang":"py","code":"","timeout":1.5})",
        R"({"lang":"py","code":"","timeout":true})", R"({"lang":"py","code":"","files":{}})",
        R"({"lang":"py","code":"","files":["a"]})", R"({"lang":"py","code":"","session_id":1})"}) {
    const auto body = exec(text);
    ASSERT_FALSE(body) << text;
    EXPECT_EQ(body.error().status, 422) << text;
  }
}

TEST(ExecRequest, TellsGenerationsApart) {
  EXPECT_FALSE(exec(R"({"lang":"py","code":"","files":[{"id":"a","session_id":"s","name":"x"}]})")
                   ->references.wants_inherited);
  EXPECT_TRUE(exec(R"({"lang":"py","code":"","files":[{"id":"a","storage_session_id":"s"}]})")
                  ->references.wants_inherited);
  EXPECT_TRUE(exec(R"({"lang":"py","code":"","files":[{"id":"a","kind":"user"}]})")
                  ->references.wants_inherited);
}

TEST(RunRequest, HasTheProxysBounds) {
  const auto run = [](const std::string& text) { return decode_run(*parse_json(text), 2); };
  const auto good = run(
      R"({"session_id":"s","language":"python","code":"","timeout_seconds":300,"files":["a","b","a"]})");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->file_ids, (std::vector<std::string>{"a", "b"}));
  for (const char* text :
       {R"({"session_id":"s","language":"py","code":""})",
        R"({"session_id":"s","language":"Python","code":""})", R"({"language":"python","code":""})",
        R"({"session_id":"s","language":"python","code":"","timeout_seconds":0})",
        R"({"session_id":"s","language":"python","code":"","timeout_seconds":301})",
        R"({"session_id":"s","language":"python","code":"","files":[1]})"}) {
    const auto body = run(text);
    ASSERT_FALSE(body) << text;
    EXPECT_EQ(body.error().status, 422) << text;
  }
  const auto many =
      run(R"({"session_id":"s","language":"python","code":"","files":["a","b","c"]})");
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().status, 400);
  EXPECT_NE(many.error().body.find("Too many files requested for run. Max allowed: 2"),
            std::string::npos);
}

TEST(ProgrammaticRequest, Timeouts) {
  constexpr Milliseconds kMost{300'000};
  EXPECT_EQ(tool_timeout(std::nullopt, kMost), Milliseconds(15'000));
  EXPECT_EQ(tool_timeout(10, kMost), Milliseconds(1000));
  EXPECT_EQ(tool_timeout(900'000, kMost), kMost);
}

}  // namespace
}  // namespace cloister::api::librechat
