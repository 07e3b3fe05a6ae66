#include "api/librechat/fake_engine_test.h"

namespace cloister::api::librechat {
namespace {

class Programmatic : public RoutesFixture {
 protected:
  FakeResponse post(std::string body) {
    return call("POST", "/exec/programmatic", std::move(body));
  }
  void end(std::optional<int> exit_code) {
    tool_runs_.state.result.emplace();
    tool_runs_.state.result->session_id = "s";
    tool_runs_.state.result->outcome.exit_code = exit_code;
    tool_runs_.state.session_id = "s";
  }
  Json ended_answer() { return json(post(R"({"code":"c","tools":[]})")); }
};

TEST_F(Programmatic, AStartThatPauses) {
  tool_runs_.state.session_id = "s";
  tool_runs_.state.token = "opaque-1";
  tool_runs_.state.stdout_text = "so far";
  tool_runs_.state.calls = {{"call_001", "get_weather", R"({"city":"Oslo"})"},
                            {"call_002", "odd", "not json"}};
  Sent sent;
  sent.headers = {{"x-librechat-code-request-id", "uuid-1"}};
  const FakeResponse response = call(
      "POST", "/v1/exec/programmatic",
      R"({"code":"c","tools":[{"name":"get_weather","description":"d","parameters":{"type":"object"},"x":1},
          {"name":"bare"}],"timeout":20000,"files":[{"id":"f","kind":"user"}],"session_id":"chat"})",
      sent);
  EXPECT_EQ(
      response.body(),
      R"({"status":"tool_call_required","session_id":"s","storage_session_id":"s","continuation_token":"opaque-1","tool_calls":[{"id":"call_001","name":"get_weather","input":{"city":"Oslo"}},{"id":"call_002","name":"odd","input":"not json"}],"partial_stdout":"so far","partial_stderr":""})");
  EXPECT_EQ(
      tool_runs_.last.tools,
      R"({"tools":[{"name":"get_weather","description":"d","parameters":{"type":"object"}},{"name":"bare","description":"","parameters":{}}]})");
  EXPECT_EQ(tool_runs_.last.language->name, "python");
  EXPECT_EQ(tool_runs_.last.timeout, Milliseconds(20'000));
  EXPECT_EQ(tool_runs_.last.session_id, "chat");
  EXPECT_EQ(tool_runs_.last.files.size(), 1U);
  EXPECT_EQ(tool_runs_.last_request_id, "uuid-1");
}

TEST_F(Programmatic, AContinuation) {
  end(0);
  tool_runs_.state.stdout_text = "-3\n";
  const FakeResponse response = post(
      R"({"continuation_token":"opaque-1","tool_results":[
          {"call_id":"call_001","result":{"temp":-3},"is_error":false},
          {"call_id":"call_002","result":null,"is_error":true,"error_message":"no"},{"call_id":"call_003"}]})");
  EXPECT_EQ(
      response.body(),
      R"({"status":"completed","session_id":"s","storage_session_id":"s","stdout":"-3\n","stderr":"","files":[]})");
  EXPECT_EQ(tool_runs_.last_tenant, "librechat");
  EXPECT_EQ(tool_runs_.last_token, "opaque-1");
  ASSERT_EQ(tool_runs_.last_results.size(), 3U);
  EXPECT_EQ(tool_runs_.last_results[0].result_json, R"({"temp":-3})");
  EXPECT_TRUE(tool_runs_.last_results[1].is_error);
  EXPECT_EQ(tool_runs_.last_results[1].error_message, "no");
  EXPECT_EQ(tool_runs_.last_results[2].result_json, "null");
}

// Only the output of the last answer reaches the model.
TEST_F(Programmatic, TheEndHasTheOutputOfBeforeThePauses) {
  tool_runs_.state.token = "t1";
  tool_runs_.state.calls = {{"call_001", "a", "{}"}};
  tool_runs_.state.stdout_text = "one ";
  tool_runs_.state.stderr_text = "e1 ";
  EXPECT_EQ(json(post(R"({"code":"c"})"))["partial_stdout"], "one ");
  const auto resume = [this](const std::string& token) {
    return json(post(R"({"continuation_token":")" + token +
                     R"(","tool_results":[{"call_id":"call_001"}]})"));
  };
  tool_runs_.error = Error{ErrorCode::kConflict, "busy", 0, {}};
  EXPECT_EQ(resume("t1")["error"], "busy");
  tool_runs_.error.reset();
  tool_runs_.state.token = "t2";
  tool_runs_.state.stdout_text = "two ";
  tool_runs_.state.stderr_text = "";
  EXPECT_EQ(resume("t1")["partial_stdout"], "two ");
  end(0);
  tool_runs_.state.stdout_text = "three";
  const Json whole = resume("t2");
  EXPECT_EQ(whole["stdout"], "one two three");
  EXPECT_EQ(whole["stderr"], "e1 ");
}

TEST_F(Programmatic, ErrorsAreTheWordsThatClientsCompare) {
  end(3);
  EXPECT_EQ(ended_answer()["error"], "Sandbox exited with code 3");
  EXPECT_EQ(ended_answer()["status"], "error");
  end(std::nullopt);
  tool_runs_.state.result->outcome.timed_out = true;
  EXPECT_EQ(ended_answer()["error"], "Time limit exceeded");
  EXPECT_EQ(ended_answer()["stderr"], "Execution timed out after 15 seconds\n");
  end(137);
  tool_runs_.state.result->outcome.out_of_memory = true;
  EXPECT_EQ(ended_answer()["error"], "Out of memory");
  end(std::nullopt);
  tool_runs_.state.result->outcome.cancelled = true;
  EXPECT_EQ(ended_answer()["error"], "Execution failed or timed out");
  tool_runs_.state.unregistered_tool = "rm";
  EXPECT_EQ(ended_answer()["error"], "Sandbox requested an unregistered tool: rm");
}

TEST_F(Programmatic, RequestsAreChecked) {
  end(0);
  const auto status = [this](std::string body) { return post(std::move(body)).status(); };
  EXPECT_EQ(status(R"({"code":"c"})"), 200);
  EXPECT_EQ(status(R"({"tools":[]})"), 422);
  EXPECT_EQ(status(R"({"code":"c","tools":{}})"), 422);
  EXPECT_EQ(status(R"({"code":"c","tools":[{"description":"x"}]})"), 422);
  EXPECT_EQ(status(R"({"continuation_token":5,"tool_results":[{}]})"), 422);
  EXPECT_EQ(status(R"({"continuation_token":"t"})"), 400);
  EXPECT_EQ(status(R"({"continuation_token":"t","tool_results":[]})"), 400);
  EXPECT_EQ(status(R"({"continuation_token":"t","tool_results":[{"result":1}]})"), 422);
  std::string tools;
  for (int i = 0; i < 101; ++i)
    tools += std::string(i == 0 ? "" : ",") + R"({"name":"t"})";
  EXPECT_EQ(status(R"({"code":"c","tools":[)" + tools + "]}"), 400);
  EXPECT_EQ(status(R"({"continuation_token":"t","tool_results":[{"call_id":"c","result":")" +
                   std::string(std::size_t{6} << 20, 'x') + "\"}]}"),
            413);
}

TEST_F(Programmatic, Languages) {
  end(0);
  EXPECT_EQ(post(R"({"code":"c","lang":"sh"})").status(), 200);
  EXPECT_EQ(tool_runs_.last.language->name, "bash");
  EXPECT_EQ(post(R"({"code":"c","language":"py","lang":"bash"})").status(), 200);
  EXPECT_EQ(tool_runs_.last.language->name, "python");
  EXPECT_EQ(post(R"({"code":"c","lang":"js"})").status(), 400);
}

TEST_F(Programmatic, EngineErrors) {
  const std::string more = R"({"continuation_token":"t","tool_results":[{"call_id":"c"}]})";
  tool_runs_.error = Error{ErrorCode::kNotFound, "whatever", 0, {}};
  const FakeResponse gone = post(more);
  EXPECT_EQ(gone.status(), 404);
  EXPECT_EQ(gone.body(), both("Execution not found or expired"));
  tool_runs_.error = Error{ErrorCode::kConflict, "busy", 0, {}};
  EXPECT_EQ(post(more).status(), 409);
  tool_runs_.error = Error{ErrorCode::kNotFound, "File 'f' not found for session 's'", 0, {}};
  EXPECT_EQ(post(R"({"code":"c"})").body(), both("File 'f' not found for session 's'"));
  tool_runs_.error = Error{ErrorCode::kSaturated, "full", 0, {}};
  EXPECT_EQ(post(R"({"code":"c"})").status(), 429);
}

TEST_F(Programmatic, Cancel) {
  const std::string path = "/exec/programmatic/cancel";
  EXPECT_EQ(call("POST", path, R"({"request_id":"uuid-1"})").status(), 200);
  EXPECT_EQ(tool_runs_.cancelled, std::vector<std::string>{"uuid-1"});
  EXPECT_EQ(call("POST", path, R"({"request_id":"a b"})").status(), 200);
  EXPECT_EQ(tool_runs_.cancelled.size(), 1U);
  EXPECT_EQ(call("POST", path, "{}").status(), 422);
}

}  // namespace
}  // namespace cloister::api::librechat
