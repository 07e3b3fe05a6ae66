#include "api/librechat/exec_answer.h"

#include "api/librechat/fake_engine_test.h"

namespace cloister::api::librechat {
namespace {

class ExecAnswer : public testing::Test {
 protected:
  static constexpr RunLimits kLimits{Milliseconds(30'000), std::uint64_t{512} << 20};

  static engine::SessionExecutionResult ended(int exit_code) {
    engine::SessionExecutionResult result;
    result.session_id = "s";
    result.outcome.exit_code = exit_code;
    return result;
  }
  Json body(const engine::SessionExecutionResult& result, std::string_view stdout_text = {},
            std::string_view stderr_text = {}, bool with_inherited = true) {
    BatchOutput output(65'536, metrics_);
    if (!stdout_text.empty()) output.on_output(engine::Stream::kStdout, stdout_text);
    if (!stderr_text.empty()) output.on_output(engine::Stream::kStderr, stderr_text);
    return exec_body(result, output, kLimits, with_inherited, {}, sessions_);
  }

  Metrics metrics_;
  fakes::VirtualClock clock_;
  MemorySessions sessions_{clock_};
};

TEST_F(ExecAnswer, ATimeoutIs124AndSaysTheLimit) {
  engine::SessionExecutionResult result = ended(0);
  result.outcome.exit_code.reset();
  result.outcome.timed_out = true;
  Json answer = body(result, "a", "partial");
  EXPECT_EQ(answer["exit_code"], 124);
  EXPECT_EQ(answer["status"], "TO");
  EXPECT_EQ(answer["stderr"], "partial\nExecution timed out after 30 seconds\n");
  result.compile_failed = true;
  EXPECT_EQ(body(result)["stderr"], "Compilation timed out\n");
}

TEST_F(ExecAnswer, NoMemoryIs137AndSaysTheLimit) {
  engine::SessionExecutionResult result = ended(1);
  result.outcome.out_of_memory = true;
  Json answer = body(result);
  EXPECT_EQ(answer["exit_code"], 137);
  EXPECT_EQ(answer["signal"], "SIGKILL");
  EXPECT_EQ(answer["status"], "SG");
  EXPECT_NE(answer["stderr"].get<std::string>().find("memory limit of 512 MB"), std::string::npos);
  // A child was killed and the program went on.
  result.outcome.exit_code = 0;
  EXPECT_EQ(body(result)["exit_code"], 0);
}

TEST_F(ExecAnswer, ASignalIsNamedWhenNothingElseSaysIt) {
  EXPECT_EQ(body(ended(139))["stderr"], "The program was ended by SIGSEGV\n");
  EXPECT_EQ(body(ended(139), "", "Segmentation fault\n")["stderr"], "Segmentation fault\n");
  EXPECT_EQ(body(ended(3))["status"], nullptr);
  EXPECT_EQ(body(ended(3))["exit_code"], 3);
}

TEST_F(ExecAnswer, CutOutputIsMarked) {
  const Json answer = body(ended(0), std::string(70'000, 'x'));
  EXPECT_EQ(answer["status"], "OL");
  EXPECT_EQ(answer["exit_code"], 0);
  EXPECT_TRUE(answer["stdout"].get<std::string>().ends_with("...[truncated]"));
  EXPECT_EQ(body(ended(0), std::string(65'536, 'x'))["status"], nullptr);
}

TEST_F(ExecAnswer, FilesOfEveryKind) {
  engine::SessionExecutionResult result = ended(0);
  const engine::SessionFile old_version = sessions_.add("t", "old", "in.csv", "1");
  const engine::SessionFile new_version = sessions_.add("t", "s", "in.csv", "2");
  result.files.push_back({new_version, engine::FileChange::kModified, old_version});
  engine::SessionFile locked = sessions_.add("t", "old", "k/SKILL.md", "x");
  locked.is_read_only = true;
  result.files.push_back({locked, engine::FileChange::kInherited, {}});
  result.deleted_paths = {"gone.txt"};
  const Json answer = body(result);
  ASSERT_EQ(answer["files"].size(), 2U);
  EXPECT_EQ(
      answer["files"][0].dump(),
      R"({"id":")" + new_version.id +
          R"(","name":"in.csv","session_id":"s","storage_session_id":"s","modified_from":{"id":")" +
          old_version.id + R"(","session_id":"old","storage_session_id":"old"}})");
  EXPECT_EQ(answer["files"][1]["inherited"], true);
  EXPECT_EQ(answer["files"][1]["read_only"], true);
  EXPECT_EQ(answer["deleted_files"], Json::parse(R"(["gone.txt"])"));
  EXPECT_FALSE(answer.contains("artifact_truncation"));
  EXPECT_EQ(body(result, "", "", false)["files"].size(), 1U);
}

TEST_F(ExecAnswer, LossesAreReported) {
  engine::SessionExecutionResult result = ended(0);
  result.truncation.max_files = 2;
  result.truncation.size = 1;
  result.truncation.skipped = {"a", "b"};
  EXPECT_EQ(
      body(result)["artifact_truncation"].dump(),
      R"({"code":"artifact_truncated","reasons":{"max_files":2,"depth":0,"size":1,"path":0,"unreadable":0},"skipped":["a","b"],"skipped_count":3})");
  EXPECT_FALSE(body(result).contains("deleted_files"));
}

TEST_F(ExecAnswer, PlotsAreCountedWhereNothingWasPrinted) {
  engine::SessionExecutionResult result = ended(0);
  const std::string gif = "GIF89a" + std::string("\x0a\x00\x14\x00\x00\x00\x00", 7);
  result.files.push_back(
      {sessions_.add("t", "s", "plot_1.png", gif), engine::FileChange::kNew, {}});
  const Json one = body(result, "\n");
  EXPECT_EQ(one["stdout"], "Generated 1 plot");
  EXPECT_EQ(one["files"][0]["width"], 10);
  EXPECT_EQ(one["files"][0]["height"], 20);
  EXPECT_FALSE(one["files"][0].contains("dpi"));
  result.files.push_back(
      {sessions_.add("t", "s", "plot_12.html", ""), engine::FileChange::kNew, {}});
  result.files.push_back({sessions_.add("t", "s", "plot_x.png", ""), engine::FileChange::kNew, {}});
  EXPECT_EQ(body(result)["stdout"], "Generated 2 plots");
  EXPECT_EQ(body(result, "text")["stdout"], "text");
}

}  // namespace
}  // namespace cloister::api::librechat
