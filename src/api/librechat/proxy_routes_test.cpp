#include "api/librechat/fake_engine_test.h"

namespace cloister::api::librechat {
namespace {

using ProxyRoutes = RoutesFixture;

TEST_F(ProxyRoutes, ARunHasTheProxysShape) {
  executor_.program = [this](const engine::SessionExecution& execution,
                             engine::SessionRunObserver& observer) {
    observer.on_output(engine::Stream::kStdout, "42\n");
    engine::SessionExecutionResult result;
    result.session_id = execution.session_id;
    result.outcome.exit_code = 3;
    result.outcome.duration = Milliseconds(60);
    result.files.push_back({sessions_.add("librechat", execution.session_id, "out.json", "{}"),
                            engine::FileChange::kNew,
                            {}});
    result.files.push_back(
        {sessions_.add("librechat", "x", "in", ""), engine::FileChange::kInherited, {}});
    return result;
  };
  const FakeResponse response = call(
      "POST", "/v1/librechat/runs",
      R"({"session_id":"chat-42","language":"python","code":"c","timeout_seconds":7,"files":["f"]})");
  ASSERT_EQ(response.status(), 201) << response.body();
  const Json body = json(response);
  EXPECT_EQ(body["run_id"].get<std::string>().size(), 36U);
  EXPECT_EQ(body["session_id"], "chat-42");
  EXPECT_EQ(body["language"], "python");
  EXPECT_EQ(body["stdout"], "42\n");
  EXPECT_EQ(body["exit_code"], 3);
  EXPECT_EQ(body["stats"]["wall_time_seconds"], 0.06);
  EXPECT_EQ(body["stats"]["memory_bytes"], 0);
  ASSERT_EQ(body["files"].size(), 1U);
  EXPECT_EQ(body["files"][0]["name"], "out.json");
  EXPECT_EQ(body["files"][0]["mime_type"], "application/json");
  EXPECT_EQ(body["files"][0]["width"], nullptr);
  EXPECT_FALSE(body["files"][0].contains("session_id"));
  EXPECT_EQ(executor_.last.timeout, Milliseconds(7000));
  ASSERT_EQ(executor_.last.files.size(), 1U);
  EXPECT_EQ(executor_.last.files[0].session_id, "");
  EXPECT_EQ(executor_.last_operation, "runs");
}

TEST_F(ProxyRoutes, ATimeoutIs408Here) {
  executor_.program = [](const auto&, auto&) -> Result<engine::SessionExecutionResult> {
    engine::SessionExecutionResult result;
    result.outcome.timed_out = true;
    return result;
  };
  const FakeResponse response =
      call("POST", "/v1/librechat/runs", R"({"session_id":"s","language":"python","code":""})");
  EXPECT_EQ(response.status(), 408);
  EXPECT_EQ(response.body(), both("Execution timed out"));
}

TEST_F(ProxyRoutes, Sessions) {
  (void)sessions_.open("librechat", "only-files");
  (void)sessions_.open("librechat", "chat-42");
  sessions_.sessions[{"librechat", "chat-42"}].runs = 1;
  sessions_.sessions[{"librechat", "chat-42"}].language = "python";
  clock_.advance(std::chrono::seconds(90));
  const Json list = json(get("/v1/librechat/sessions"));
  EXPECT_EQ(list["total"], 1);
  EXPECT_EQ(list["sessions"][0]["session_id"], "chat-42");
  EXPECT_EQ(list["sessions"][0]["language"], "python");
  EXPECT_EQ(list["sessions"][0]["age_minutes"], 1.5);
  EXPECT_EQ(list["sessions"][0]["is_expired"], false);
  EXPECT_EQ(list["sessions"][0]["created_at"].get<std::string>().size(), 26U);

  EXPECT_EQ(call("DELETE", "/v1/librechat/sessions/chat-42").body(),
            R"({"success":true,"message":"Session 'chat-42' deleted successfully"})");
  const FakeResponse again = call("DELETE", "/v1/librechat/sessions/chat-42");
  EXPECT_EQ(again.status(), 404);
  EXPECT_EQ(again.body(), both("Session 'chat-42' not found or already deleted"));
}

TEST_F(ProxyRoutes, FilesByIdAlone) {
  const engine::SessionFile file = sessions_.add("librechat", "chat", "a.txt", "text");
  const Json list = json(get("/v1/librechat/files", "session_id=chat"));
  EXPECT_EQ(list["session_id"], "chat");
  EXPECT_EQ(list["total"], 1);
  EXPECT_EQ(list["files"][0]["id"], file.id);
  EXPECT_EQ(get("/v1/librechat/files").status(), 422);
  EXPECT_EQ(json(get("/v1/librechat/files", "session_id=none"))["total"], 0);

  const FakeResponse content = get("/v1/librechat/files/" + file.id);
  EXPECT_EQ(content.body(), "text");
  EXPECT_EQ(content.header("content-type"), "text/plain");
  EXPECT_EQ(content.header("x-session-id"), "chat");

  EXPECT_EQ(call("DELETE", "/v1/librechat/files/" + file.id).body(),
            R"({"success":true,"message":"File deleted"})");
  EXPECT_EQ(call("DELETE", "/v1/librechat/files/" + file.id).body(), both("File not found"));
}

TEST_F(ProxyRoutes, HealthNeedsNoKey) {
  Sent nobody;
  nobody.key = "";
  EXPECT_EQ(call("GET", "/v1/librechat/health", {}, nobody).body(),
            R"({"status":"ok","backend":"native","languages":["python","javascript","bash"]})");
  status_.usable = false;
  status_.message = "no image";
  EXPECT_EQ(call("GET", "/v1/librechat/health", {}, nobody).status(), 503);
}

TEST_F(ProxyRoutes, ThePrefixCanBeAnother) {
  options_.api_prefix = "/proxy";
  EXPECT_EQ(get("/proxy/sessions").status(), 200);
  EXPECT_EQ(router_.match("GET", "/v1/librechat/sessions").handler, nullptr);
}

}  // namespace
}  // namespace cloister::api::librechat
