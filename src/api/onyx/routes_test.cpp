#include <gtest/gtest.h>

#include <functional>

#include "api/common/fake_exchange_test.h"
#include "api/onyx/onyx.h"
#include "testing/fake_backend.h"
#include "testing/memory_file_store.h"
#include "testing/virtual_clock.h"

namespace cloister::api::onyx {
namespace {

constexpr const char* kUnknownId = "00000000-0000-4000-8000-000000000000";

// Answers with what the test has put into it.
class ScriptedSessions final : public engine::SessionManager {
 public:
  Result<engine::SessionRecord> create(const engine::SessionSpec& spec,
                                       const engine::Cancellation& /*cancellation*/) override {
    if (error) return fail(*error);
    engine::SessionRecord record;
    record.id = spec.id_prefix + "0123";
    record.expires_at = WallTime(Microseconds(1'790'000'600'250'000));
    last_spec = spec;
    return record;
  }
  Result<engine::RunOutcome> run(std::string_view /*tenant*/, std::string_view /*session_id*/,
                                 const engine::RunSpec& spec,
                                 const engine::Cancellation& /*cancellation*/,
                                 engine::RunObserver& observer) override {
    if (error) return fail(*error);
    const auto& program = std::get<engine::CommandProgram>(spec.program);
    observer.on_output(engine::Stream::kStdout, program.argv.back());
    return fakes::exited(3);
  }
  Result<void> remove(std::string_view /*tenant*/, std::string_view /*session_id*/) override {
    if (error) return fail(*error);
    return {};
  }
  std::size_t size() const override { return 0; }
  SteadyTime sweep() override { return SteadyTime::max(); }
  void set_expiry_listener(std::function<void()> /*listener*/) override {}

  std::optional<Error> error;
  engine::SessionSpec last_spec;
};

class RoutesTest : public testing::Test {
 protected:
  RoutesTest() {
    const OnyxServices services{executor_, files_, sessions_, metrics_, log_};
    OnyxOptions options;
    options.max_file_size_mb = 1;
    options.max_request_mb = 1;
    add_routes(router_, "", services, options);
    add_routes(router_, "/onyx", services, options);
  }

  FakeResponse call(const std::string& method, const std::string& path, std::string body = {},
                    std::string type = "application/json") {
    FakeRequest request(method, path, std::move(type), std::move(body));
    FakeResponse response;
    const net::Router::Match match = router_.match(method, path);
    EXPECT_NE(match.handler, nullptr) << method << ' ' << path;
    if (match.handler == nullptr) return response;
    request.set_parameters(match.parameters);
    (*match.handler)(request, response);
    return response;
  }
  FakeResponse upload(const std::string& parts) {
    return call("POST", "/v1/files", parts + "--b--\r\n", "multipart/form-data; boundary=b");
  }
  static std::string file_part(const std::string& name, const std::string& bytes) {
    return "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"" + name +
           "\"\r\n\r\n" + bytes + "\r\n";
  }
  static std::string detail(const std::string& text) { return R"({"detail":")" + text + "\"}"; }

  SystemClock system_clock_;
  Logger log_{LogLevel::kError, LogFormat::kPlain, system_clock_, -1};
  Metrics metrics_;
  fakes::VirtualClock clock_;
  fakes::FakeBackend backend_;
  fakes::MemoryFileStore files_{clock_, {.file_bytes_max = 1024 * 1024}};
  engine::Admission admission_{{.slots = 1, .queue_length = 0, .queue_timeout = Milliseconds(0)}};
  engine::ExecutionObserver observer_;
  engine::Executor executor_{backend_, files_, admission_, observer_, clock_};
  ScriptedSessions sessions_;
  net::Router router_;
};

TEST_F(RoutesTest, ExecuteAnswersInTheOrderOfTheTable) {
  const FakeResponse response = call("POST", "/v1/execute", R"({"code":"hello"})");
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.header("content-type"), "application/json");
  EXPECT_TRUE(response.body().starts_with(
      R"({"stdout":"hello","stderr":"","exit_code":0,"timed_out":false,"duration_ms":)"));
  EXPECT_TRUE(response.body().ends_with(R"("files":[]})"));
  EXPECT_EQ(call("POST", "/onyx/v1/execute", R"({"code":"hello"})").status(), 200);
}

TEST_F(RoutesTest, ExecuteChecksInOrder) {
  const std::string missing =
      std::string(R"("files":[{"path":"../x","file_id":")") + kUnknownId + "\"}]}";
  // 1 and 2: schema, then the configured bound, before everything else.
  EXPECT_EQ(call("POST", "/v1/execute", R"({"timeout_ms":60001,)" + missing).status(), 422);
  const FakeResponse bound =
      call("POST", "/v1/execute", R"({"code":"","timeout_ms":60001,)" + missing);
  EXPECT_EQ(bound.status(), 422);
  EXPECT_EQ(bound.body(), detail("timeout_ms exceeds maximum of 60000 ms"));
  EXPECT_EQ(call("POST", "/v1/execute", R"({"code":"","timeout_ms":60000})").status(), 200);
  // 3: saturation, before the look-up of files.
  {
    const auto slot = admission_.admit("other");
    ASSERT_TRUE(slot);
    const FakeResponse saturated = call("POST", "/v1/execute", R"({"code":"",)" + missing);
    EXPECT_EQ(saturated.status(), 429);
    EXPECT_EQ(saturated.header("retry-after"), "2");
    EXPECT_EQ(saturated.body(), detail("Execution capacity on this replica is saturated. Retry "
                                       "after the Retry-After delay."));
  }
  // 4: the file, before its path.
  const FakeResponse unknown = call("POST", "/v1/execute", R"({"code":"",)" + missing);
  EXPECT_EQ(unknown.status(), 404);
  EXPECT_EQ(unknown.body(),
            detail(std::string("File with ID '") + kUnknownId + "' not found for path '../x'."));
  // 5: the path.
  const std::string id = files_.add(kTenant, "a", "x");
  const FakeResponse path = call(
      "POST", "/v1/execute", R"({"code":"","files":[{"path":"../x","file_id":")" + id + "\"}]}");
  EXPECT_EQ(path.status(), 422);
  EXPECT_EQ(path.body(), detail("File paths must not contain '..'."));
  // 6: capacity.
  backend_.fail_acquire(Error{ErrorCode::kUnavailable, "no room", 0, {}});
  const FakeResponse capacity = call("POST", "/v1/execute", R"({"code":""})");
  EXPECT_EQ(capacity.status(), 503);
  EXPECT_EQ(capacity.header("retry-after"), "10");
  EXPECT_EQ(capacity.body(), detail("Executor capacity unavailable (unschedulable): no room"));
  // 7: anything else, also when a system call has found nothing.
  for (const Error& error : {Error{ErrorCode::kInternal, "secret", 0, {}},
                             Error{ErrorCode::kNotFound, "open /x", ENOENT, {}}}) {
    backend_.fail_acquire(error);
    const FakeResponse broken = call("POST", "/v1/execute", R"({"code":""})");
    EXPECT_EQ(broken.status(), 500);
    EXPECT_EQ(broken.body(), detail("Internal Server Error"));
  }
}

TEST_F(RoutesTest, BodyAboveTheLimitIs413) {
  const std::string body = R"({"code":")" + std::string(1024 * 1024, 'x') + "\"}";
  const FakeResponse response = call("POST", "/v1/execute", body);
  EXPECT_EQ(response.status(), 413);
  EXPECT_EQ(response.body(), detail("Request body exceeds maximum of 1 MB"));
}

TEST_F(RoutesTest, StreamFailsOverHttpBeforeTheStart) {
  EXPECT_EQ(call("POST", "/v1/execute/stream", "{}").status(), 422);
  backend_.fail_acquire(Error{ErrorCode::kUnavailable, "no room", 0, {}});
  const FakeResponse capacity = call("POST", "/v1/execute/stream", R"({"code":""})");
  EXPECT_EQ(capacity.status(), 503);
  EXPECT_EQ(capacity.header("content-type"), "application/json");
  backend_.fail_acquire(Error{ErrorCode::kInternal, "secret", 0, {}});
  const FakeResponse broken = call("POST", "/v1/execute/stream", R"({"code":""})");
  EXPECT_EQ(broken.status(), 200);
  EXPECT_EQ(broken.body(), "event: error\ndata: {\"message\":\"Internal Server Error\"}\n\n");
}

TEST_F(RoutesTest, StreamEndsWithAResult) {
  const FakeResponse response = call("POST", "/v1/execute/stream", R"({"code":"hi"})");
  EXPECT_EQ(response.status(), 200);
  EXPECT_TRUE(response.body().starts_with(
      "event: output\ndata: {\"stream\":\"stdout\",\"data\":\"hi\"}\n\nevent: result\ndata: "));
}

TEST_F(RoutesTest, FilesComeBackAsTheyWere) {
  const FakeResponse created = upload(file_part("n\xc3\xa4h.txt", "content"));
  ASSERT_EQ(created.status(), 201) << created.body();
  const std::string id = created.body().substr(12, 36);
  EXPECT_EQ(created.body(),
            R"({"file_id":")" + id + "\",\"filename\":\"n\xc3\xa4h.txt\",\"size_bytes\":7}");

  const FakeResponse list = call("GET", "/v1/files");
  EXPECT_EQ(list.status(), 200);
  EXPECT_TRUE(list.body().starts_with(R"({"files":[{"file_id":")" + id));
  EXPECT_NE(list.body().find(R"("size_bytes":7,"upload_time":)"), std::string::npos);

  const FakeResponse content = call("GET", "/v1/files/" + id);
  EXPECT_EQ(content.status(), 200);
  EXPECT_EQ(content.body(), "content");
  EXPECT_EQ(content.header("content-type"), "application/octet-stream");
  EXPECT_EQ(content.header("content-disposition"),
            "attachment; filename=\"n_h.txt\"; filename*=UTF-8''n%C3%A4h.txt");

  EXPECT_EQ(call("DELETE", "/v1/files/" + id).status(), 204);
  const FakeResponse gone = call("GET", "/v1/files/" + id);
  EXPECT_EQ(gone.status(), 404);
  EXPECT_EQ(gone.body(), detail("File with ID '" + id + "' not found"));
  EXPECT_EQ(call("DELETE", "/v1/files/" + id).status(), 404);
}

TEST_F(RoutesTest, UploadLimitIsExact) {
  EXPECT_EQ(upload(file_part("a", std::string(1024 * 1024, 'x'))).status(), 201);
  const FakeResponse above = upload(file_part("a", std::string(1024 * 1024 + 1, 'x')));
  EXPECT_EQ(above.status(), 413);
  EXPECT_EQ(above.body(), detail("File size exceeds maximum of 1 MB"));
}

TEST_F(RoutesTest, UploadWithoutAFile) {
  const std::string missing =
      R"({"detail":[{"type":"missing","loc":["body","file"],"msg":"Field required","input":null}]})";
  const std::string other = "--b\r\ncontent-disposition: form-data; name=\"x\"\r\n\r\ny\r\n";
  EXPECT_EQ(upload(other).body(), missing);
  EXPECT_EQ(call("POST", "/v1/files", "", "").body(), missing);
  EXPECT_EQ(call("POST", "/v1/files", "{}").body(), missing);
  const FakeResponse truncated =
      call("POST", "/v1/files", file_part("a", "x"), "multipart/form-data; boundary=b");
  EXPECT_EQ(truncated.status(), 422);
  EXPECT_EQ(truncated.body(), missing);
  EXPECT_EQ(files_.size(), 0U);

  const FakeResponse plain =
      upload("--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\ntext\r\n");
  EXPECT_EQ(
      plain.body(),
      R"({"detail":[{"type":"value_error","loc":["body","file"],"msg":"Value error, Expected UploadFile, received: <class 'str'>","input":"text","ctx":{"error":{}}}]})");

  const FakeResponse boundary = call("POST", "/v1/files", "x", "multipart/form-data");
  EXPECT_EQ(boundary.status(), 400);
  EXPECT_EQ(boundary.body(), detail("Missing boundary in multipart."));
}

TEST_F(RoutesTest, HostileIdsAreNotFound) {
  for (const char* id : {"..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "%00", "x"}) {
    EXPECT_EQ(call("GET", std::string("/v1/files/") + id).status(), 404) << id;
  }
}

TEST_F(RoutesTest, SessionLifeCycle) {
  const FakeResponse created = call("POST", "/v1/sessions", R"({"ttl_seconds":600})");
  EXPECT_EQ(created.status(), 201);
  EXPECT_EQ(created.body(), R"({"session_id":"code-session-0123","expires_at":1790000600.25})");
  EXPECT_EQ(sessions_.last_spec.time_to_live, Milliseconds(600'000));
  const FakeResponse bash = call("POST", "/v1/sessions/code-session-0123/bash", R"({"cmd":"ls"})");
  EXPECT_EQ(bash.body(),
            R"({"stdout":"ls","stderr":"","exit_code":3,"timed_out":false,"duration_ms":1})");
  EXPECT_EQ(call("DELETE", "/v1/sessions/code-session-0123").status(), 204);
  EXPECT_EQ(call("DELETE", "/v1/sessions/other-0123").status(), 404);
}

TEST_F(RoutesTest, SessionErrors) {
  const std::string bash = "/v1/sessions/code-session-0123/bash";
  sessions_.error = Error{ErrorCode::kNotFound, "gone", 0, {}};
  EXPECT_EQ(call("POST", bash, R"({"cmd":"ls","timeout_ms":60001})").status(), 422);
  EXPECT_EQ(call("POST", bash, R"({"cmd":"l\u0000s"})").status(), 422);
  EXPECT_EQ(call("POST", bash, R"({"cmd":")" + std::string(131072, 'x') + "\"}").status(), 422);
  const FakeResponse gone = call("POST", bash, R"({"cmd":"ls"})");
  EXPECT_EQ(gone.status(), 404);
  EXPECT_EQ(gone.body(), detail("Session 'code-session-0123' not found"));
  EXPECT_EQ(call("DELETE", "/v1/sessions/code-session-0123").status(), 404);
  sessions_.error = Error{ErrorCode::kUnsupported, "no sessions", 0, {}};
  EXPECT_EQ(call("POST", "/v1/sessions", "{}").status(), 501);
  EXPECT_EQ(call("POST", bash, R"({"cmd":"ls"})").status(), 501);
  sessions_.error = Error{ErrorCode::kSaturated, "full", 0, {}};
  EXPECT_EQ(call("POST", "/v1/sessions", "{}").header("retry-after"), "2");
}

}  // namespace
}  // namespace cloister::api::onyx
