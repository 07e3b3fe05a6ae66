#include "api/librechat/fake_engine_test.h"

namespace cloister::api::librechat {
namespace {

class ExecRoutes : public RoutesFixture {
 protected:
  FakeResponse exec(std::string body) { return call("POST", "/exec", std::move(body)); }
};

TEST_F(ExecRoutes, AnswersWithBothSessionFields) {
  const FakeResponse response = exec(R"({"lang":"py","code":"hi","later_field":[1]})");
  ASSERT_EQ(response.status(), 200);
  EXPECT_EQ(
      response.body(),
      R"({"session_id":"fresh-session","storage_session_id":"fresh-session","stdout":"hi","stderr":"","exit_code":0,"code":0,"signal":null,"message":null,"status":null,"wall_time":42,"files":[]})");
  EXPECT_EQ(response.header("x-codeapi-execution-profile"), "default");
  EXPECT_EQ(executor_.last.language->name, "python");
  EXPECT_EQ(executor_.last.tenant, "librechat");
  EXPECT_EQ(executor_.last.timeout, Milliseconds(30'000));
  EXPECT_EQ(executor_.last_operation, "exec");
  EXPECT_EQ(call("POST", "/v1/exec", R"({"lang":"BASH","code":""})").status(), 200);
}

TEST_F(ExecRoutes, PassesEverythingOn) {
  const FakeResponse response = exec(
      R"({"lang":"js","code":"c","args":["a","b"],"stdin":"in","session_id":"chat-42","timeout":5000,
          "files":[{"id":"f1","session_id":"s1","name":"./a/b.csv"},
                   {"id":"f2","storage_session_id":"s2","session_id":"s3"},{"id":"f3"}],
          "LIBRECHAT_CODE_API_KEY":"x","codeSessionKey":"execute_code","user_id":"u"})");
  ASSERT_EQ(response.status(), 200) << response.body();
  const engine::SessionExecution& run = executor_.last;
  EXPECT_EQ(run.session_id, "chat-42");
  EXPECT_EQ(run.arguments, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(run.stdin_bytes, "in");
  EXPECT_EQ(run.timeout, Milliseconds(5000));
  ASSERT_EQ(run.files.size(), 3U);
  EXPECT_EQ(run.files[0].path, "a/b.csv");
  EXPECT_EQ(run.files[0].session_id, "s1");
  EXPECT_EQ(run.files[1].session_id, "s2");
  EXPECT_EQ(run.files[1].path, "");
  EXPECT_EQ(run.files[2].session_id, "");
}

TEST_F(ExecRoutes, LanguagesThatAreNotThere) {
  const FakeResponse unknown = exec(R"({"lang":"CoBoL","code":""})");
  EXPECT_EQ(unknown.status(), 400);
  EXPECT_EQ(unknown.body(), both("Language 'CoBoL' is not supported by the sandbox"));
  const FakeResponse missing = exec(R"({"lang":"go","code":""})");
  EXPECT_EQ(missing.status(), 400);
  EXPECT_TRUE(json(missing)["detail"].get<std::string>().starts_with(
      "Language 'go' is not installed in this image; build one that has it (\"cloister image build "
      "full\", then CLOISTER_IMAGE=full)"))
      << missing.body();
  EXPECT_EQ(executor_.calls, 0);
}

TEST_F(ExecRoutes, SchemaErrorsComeAsAListAndASentence) {
  const FakeResponse response = exec(R"({"code":1,"files":[{"name":"x"}]})");
  EXPECT_EQ(response.status(), 422);
  const Json body = json(response);
  ASSERT_EQ(body["detail"].size(), 3U);
  EXPECT_EQ(body["detail"][0]["type"], "missing");
  EXPECT_EQ(body["detail"][0]["loc"], Json::parse(R"(["body","lang"])"));
  EXPECT_EQ(body["error"], "lang: Field required");
  EXPECT_EQ(body["detail"][2]["loc"], Json::parse(R"(["body","files",0,"id"])"));
  EXPECT_EQ(exec("[]").status(), 422);
  const FakeResponse echo = exec(R"({"lang":"py","LIBRECHAT_CODE_API_KEY":"the-key"})");
  EXPECT_EQ(echo.status(), 422);
  EXPECT_EQ(echo.body().find("the-key"), std::string::npos);
  EXPECT_EQ(exec("").status(), 422);
}

TEST_F(ExecRoutes, EngineErrorsBecomeStatuses) {
  const auto fails = [this](ErrorCode code, const std::string& message) {
    executor_.program = [=](const auto&, auto&) -> Result<engine::SessionExecutionResult> {
      return fail(code, message);
    };
    return exec(R"({"lang":"py","code":""})");
  };
  const FakeResponse unknown = fails(ErrorCode::kNotFound, "File 'X' not found for session 'S'");
  EXPECT_EQ(unknown.status(), 404);
  EXPECT_EQ(unknown.body(), both("File 'X' not found for session 'S'"));
  EXPECT_EQ(fails(ErrorCode::kInvalidArgument, "bad id").status(), 400);
  EXPECT_EQ(fails(ErrorCode::kUnavailable, "no room").status(), 503);
  const FakeResponse internal = fails(ErrorCode::kInternal, "secret");
  EXPECT_EQ(internal.status(), 500);
  EXPECT_EQ(internal.body(), both("Execution failed"));
  const FakeResponse saturated = fails(ErrorCode::kSaturated, "full");
  EXPECT_EQ(saturated.status(), 429);
  EXPECT_EQ(saturated.header("retry-after"), "2");
  EXPECT_EQ(json(saturated)["error"], "rate_limited");
  EXPECT_EQ(json(saturated)["retry_after_seconds"], 2);
}

TEST_F(ExecRoutes, ReferencesAreBoundedAndChecked) {
  options_.references_max = 2;
  const FakeResponse many =
      exec(R"({"lang":"py","code":"","files":[{"id":"a"},{"id":"b"},{"id":"c"}]})");
  EXPECT_EQ(many.status(), 400);
  EXPECT_EQ(many.body(), both("Too many files requested for run. Max allowed: 2"));
  const FakeResponse hostile =
      exec(R"({"lang":"py","code":"","files":[{"id":"../x","session_id":"s"}]})");
  EXPECT_EQ(hostile.status(), 404);
  EXPECT_EQ(hostile.body(), both("File '../x' not found for session 's'"));
  EXPECT_EQ(exec(R"({"lang":"py","code":"","files":[{"id":"a","name":"../x"}]})").status(), 400);
  EXPECT_EQ(exec(R"({"lang":"py","code":"","files":null,"args":null})").status(), 200);
  EXPECT_EQ(executor_.calls, 1);
}

TEST_F(ExecRoutes, OnlyNewerClientsGetInheritedFiles) {
  executor_.program = [this](const auto&, auto&) -> Result<engine::SessionExecutionResult> {
    engine::SessionExecutionResult result;
    result.session_id = "s";
    result.outcome.exit_code = 0;
    result.files.push_back(
        {sessions_.add("librechat", "old", "in.csv", "x"), engine::FileChange::kInherited, {}});
    return result;
  };
  EXPECT_EQ(
      json(exec(R"({"lang":"py","code":"","files":[{"id":"a","session_id":"old"}]})"))["files"]
          .size(),
      0U);
  const Json newer =
      json(exec(R"({"lang":"py","code":"","files":[{"id":"a","storage_session_id":"old"}]})"));
  ASSERT_EQ(newer["files"].size(), 1U);
  EXPECT_EQ(newer["files"][0]["inherited"], true);
  EXPECT_EQ(newer["files"][0]["storage_session_id"], "old");
}

TEST_F(ExecRoutes, ARuntimeHintIsAStickySession) {
  const std::string body = R"({"lang":"bash","code":"true","runtime_session_hint":"conv/1 a"})";
  const Json first = json(exec(body));
  const std::string id = first["runtime_session_id"];
  EXPECT_EQ(id.size(), 21U);
  EXPECT_EQ(first["runtime_status"], "new");
  EXPECT_EQ(executor_.last.session_id, id);
  ASSERT_TRUE(sessions_.open("librechat", id));
  const Json second = json(exec(body));
  EXPECT_EQ(second["runtime_session_id"], id);
  EXPECT_EQ(second["runtime_status"], "reused");
}

TEST_F(ExecRoutes, KeysAreAskedForAfterTheSyntax) {
  Sent nobody;
  nobody.key = "wrong";
  EXPECT_EQ(call("POST", "/exec", "{", nobody).status(), 422);
  const FakeResponse wrong = call("POST", "/exec", "{}", nobody);
  EXPECT_EQ(wrong.status(), 401);
  EXPECT_EQ(wrong.body(), both("Invalid API key"));
  nobody.key = "";
  EXPECT_EQ(call("POST", "/exec", R"({"lang":"py","code":""})", nobody).status(), 401);
  EXPECT_EQ(call("POST", "/exec", std::string(100'000, 'x'), nobody).status(), 401);
  EXPECT_EQ(call("GET", "/files/s", {}, nobody).status(), 401);
  EXPECT_EQ(executor_.calls, 0);
}

TEST_F(ExecRoutes, PagesFromAnywhereMayAsk) {
  Sent page;
  page.headers = {{"origin", "https://chat.example"},
                  {"x-codeapi-expected-profile", "stateful"},
                  {"access-control-request-headers", "x-api-key"}};
  const FakeResponse answer = call("POST", "/exec", R"({"lang":"py","code":""})", page);
  EXPECT_EQ(answer.header("access-control-allow-origin"), "https://chat.example");
  EXPECT_EQ(answer.header("access-control-allow-credentials"), "true");
  EXPECT_EQ(answer.header("x-codeapi-execution-profile"), "stateful");
  page.key = "";
  const FakeResponse preflight = call("OPTIONS", "/v1/librechat/runs", {}, page);
  EXPECT_EQ(preflight.status(), 204);
  EXPECT_EQ(preflight.header("access-control-allow-headers"), "x-api-key");
  EXPECT_EQ(call("POST", "/exec", "{}", page).header("access-control-allow-origin"),
            "https://chat.example");
}

TEST_F(ExecRoutes, WithoutKeysNoPageMayAsk) {
  options_.auth.off = true;
  Sent page;
  page.key = "";
  page.headers = {{"origin", "https://chat.example"}};
  const FakeResponse answer = call("POST", "/exec", R"({"lang":"py","code":""})", page);
  EXPECT_EQ(answer.status(), 200);
  EXPECT_EQ(answer.header("access-control-allow-origin"), "");
  EXPECT_EQ(router_.match("OPTIONS", "/exec").handler, nullptr);
}

}  // namespace
}  // namespace cloister::api::librechat
