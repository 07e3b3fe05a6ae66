// The engine's interfaces without an engine, and the routes over them, for the tests of this
// dialect.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/common/fake_exchange_test.h"
#include "api/common/json_body.h"
#include "api/librechat/librechat.h"
#include "api/librechat/names.h"
#include "testing/memory_file.h"
#include "testing/virtual_clock.h"

namespace cloister::api::librechat {

// Stored sessions in memory. Ids are "s" or "f" and a number, filled up to 21 characters.
class MemorySessions final : public engine::StoredSessions {
 public:
  explicit MemorySessions(const Clock& clock) : clock_(clock) {}

  Result<engine::StoredSession> create(std::string_view tenant) override {
    return open(tenant, made_id('s'));
  }
  Result<engine::StoredSession> open(std::string_view tenant, std::string_view id) override {
    if (!is_id(id)) return fail(ErrorCode::kInvalidArgument, "bad session id");
    const auto key = std::pair(std::string(tenant), std::string(id));
    if (!sessions.contains(key)) {
      engine::StoredSession session;
      session.id = id;
      session.tenant = tenant;
      session.created_at = session.last_used_at = clock_.wall_now();
      session.expires_at = clock_.wall_now() + std::chrono::hours(1);
      sessions[key] = session;
    }
    return sessions[key];
  }
  Result<engine::StoredSession> find(std::string_view tenant, std::string_view id) override {
    const auto found = sessions.find({std::string(tenant), std::string(id)});
    if (found == sessions.end()) return fail(ErrorCode::kNotFound, "no session");
    return found->second;
  }
  Result<std::vector<engine::StoredSession>> list(std::string_view tenant,
                                                  bool with_runs_only) override {
    std::vector<engine::StoredSession> result;
    for (const auto& [key, session] : sessions) {
      if (key.first == tenant && (!with_runs_only || session.runs > 0)) result.push_back(session);
    }
    return result;
  }
  Result<void> remove(std::string_view tenant, std::string_view id) override {
    if (sessions.erase({std::string(tenant), std::string(id)}) == 0) {
      return fail(ErrorCode::kNotFound, "no session");
    }
    std::erase_if(rows, [&](const Row& row) { return row.file.session_id == id; });
    return {};
  }
  Result<std::unique_ptr<engine::SessionUpload>> upload(std::string_view tenant,
                                                        std::string_view session_id) override {
    return std::make_unique<Upload>(*this, std::string(tenant), std::string(session_id));
  }
  Result<std::vector<engine::SessionFile>> files(std::string_view tenant,
                                                 std::string_view session_id) override {
    std::vector<engine::SessionFile> result;
    for (const Row& row : rows) {
      if (row.file.tenant == tenant && row.file.session_id == session_id)
        result.push_back(row.file);
    }
    return result;
  }
  Result<engine::SessionFile> find_file(std::string_view tenant, std::string_view session_id,
                                        std::string_view file_id) override {
    for (const Row& row : rows) {
      const bool fits = session_id.empty() || row.file.session_id == session_id;
      if (row.file.tenant == tenant && row.file.id == file_id && fits) return row.file;
    }
    return fail(ErrorCode::kNotFound, "no file");
  }
  Result<UniqueFd> open_file(const engine::SessionFile& file) override {
    for (const Row& row : rows) {
      if (row.file.id == file.id) return fakes::memory_file(row.bytes);
    }
    return fail(ErrorCode::kNotFound, "no bytes");
  }
  Result<void> remove_file(std::string_view tenant, std::string_view session_id,
                           std::string_view file_id) override {
    const auto count = std::erase_if(rows, [&](const Row& row) {
      return row.file.tenant == tenant && row.file.session_id == session_id &&
             row.file.id == file_id;
    });
    if (count == 0) return fail(ErrorCode::kNotFound, "no file");
    return {};
  }
  Result<std::size_t> sweep() override { return 0U; }
  std::size_t size() const override { return sessions.size(); }

  engine::SessionFile add(std::string_view tenant, std::string_view session_id,
                          std::string_view path, std::string_view bytes) {
    (void)open(tenant, session_id);
    auto made = upload(tenant, session_id);
    (void)(*made)->append(bytes);
    return *(*made)->commit(path, false, false);
  }
  std::string bytes_of(std::string_view file_id) const {
    for (const Row& row : rows) {
      if (row.file.id == file_id) return row.bytes;
    }
    return "(none)";
  }

  struct Row {
    engine::SessionFile file;
    std::string bytes;
  };
  std::map<std::pair<std::string, std::string>, engine::StoredSession> sessions;
  std::vector<Row> rows;
  std::size_t upload_bytes_max = 100;
  std::size_t files_max = 3;

 private:
  class Upload final : public engine::SessionUpload {
   public:
    Upload(MemorySessions& owner, std::string tenant, std::string session_id)
        : owner_(owner), tenant_(std::move(tenant)), session_id_(std::move(session_id)) {}
    Result<void> append(std::string_view bytes) override {
      bytes_ += bytes;
      if (bytes_.size() > owner_.upload_bytes_max) return fail(ErrorCode::kTooLarge, "too large");
      return {};
    }
    Result<void> append_from(int fd) override { return append(fakes::read_file(fd)); }
    std::uint64_t size_bytes() const override { return bytes_.size(); }
    Result<engine::SessionFile> commit(std::string_view path, bool is_read_only,
                                       bool is_executable) override {
      std::size_t count = 0;
      for (const Row& row : owner_.rows)
        if (row.file.session_id == session_id_) ++count;
      if (count >= owner_.files_max) return fail(ErrorCode::kConflict, "full");
      engine::SessionFile file;
      file.id = owner_.made_id('f');
      file.tenant = tenant_;
      file.session_id = session_id_;
      file.path = path;
      file.size_bytes = bytes_.size();
      file.is_read_only = is_read_only;
      file.is_executable = is_executable;
      file.created_at = owner_.clock_.wall_now();
      owner_.rows.push_back({file, bytes_});
      return file;
    }

   private:
    MemorySessions& owner_;
    const std::string tenant_;
    const std::string session_id_;
    std::string bytes_;
  };

  std::string made_id(char kind) {
    std::string id = kind + std::to_string(++made_);
    id.resize(21, '_');
    return id;
  }

  const Clock& clock_;
  int made_ = 0;
};

// Runs what the test has put into it.
class ScriptedExecutor final : public engine::SessionExecutor {
 public:
  using Program = std::function<Result<engine::SessionExecutionResult>(
      const engine::SessionExecution&, engine::SessionRunObserver&)>;

  Result<engine::SessionExecutionResult> execute(const engine::SessionExecution& execution,
                                                 std::string_view operation,
                                                 const engine::Cancellation& /*cancellation*/,
                                                 engine::SessionRunObserver& observer) override {
    last = execution;
    last_operation = operation;
    ++calls;
    return program(execution, observer);
  }

  // Writes its code and ends well, in the session that was asked for.
  Program program = [](const engine::SessionExecution& execution,
                       engine::SessionRunObserver& observer) {
    engine::SessionExecutionResult result;
    result.session_id = execution.session_id.empty() ? "fresh-session" : execution.session_id;
    observer.on_session(result.session_id);
    observer.on_output(engine::Stream::kStdout, execution.code);
    result.outcome.exit_code = 0;
    result.outcome.duration = Milliseconds(42);
    return result;
  };
  engine::SessionExecution last;
  std::string last_operation;
  int calls = 0;
};

class ScriptedToolRuns final : public engine::ToolRuns {
 public:
  Result<engine::ToolRunState> start(engine::SessionExecution execution,
                                     std::string_view request_id,
                                     const engine::Cancellation& /*cancellation*/) override {
    last = std::move(execution);
    last_request_id = request_id;
    if (error) return fail(*error);
    return state;
  }
  Result<engine::ToolRunState> resume(std::string_view tenant, std::string_view token,
                                      std::vector<engine::ToolResult> results,
                                      std::string_view request_id,
                                      const engine::Cancellation& /*cancellation*/) override {
    last_tenant = tenant;
    last_token = token;
    last_results = std::move(results);
    last_request_id = request_id;
    if (error) return fail(*error);
    return state;
  }
  void cancel(std::string_view tenant, std::string_view request_id) override {
    last_tenant = tenant;
    cancelled.emplace_back(request_id);
  }
  void shut_down() override {}

  engine::ToolRunState state;
  std::optional<Error> error;
  engine::SessionExecution last;
  std::string last_tenant;
  std::string last_token;
  std::string last_request_id;
  std::vector<engine::ToolResult> last_results;
  std::vector<std::string> cancelled;
};

// The routes at "", "/v1" and under the proxy's prefix, with one key.
class RoutesFixture : public testing::Test {
 protected:
  RoutesFixture() {
    options_.auth.keys = {"the-key"};
    options_.session_files_max = sessions_.files_max;
    options_.upload_bytes_max = sessions_.upload_bytes_max;
  }

  // To be called once, when the options and the other dialects' routes are as the test wants them.
  void add_all_routes() {
    const LibreChatServices services{executor_, sessions_, tool_runs_, [this] { return status_; },
                                     metrics_,  log_,      clock_};
    add_routes(router_, {"", "/v1"}, services, options_);
    routes_added_ = true;
  }

  struct Sent {
    std::string type = "application/json";
    std::string key = "the-key";
    std::string query = {};
    std::vector<std::pair<std::string, std::string>> headers = {};
  };
  FakeResponse call(const std::string& method, const std::string& path, std::string body,
                    const Sent& sent) {
    if (!routes_added_) add_all_routes();
    FakeRequest request(method, path, sent.type, std::move(body));
    if (!sent.key.empty()) request.set_header("x-api-key", sent.key);
    for (const auto& [name, value] : sent.headers)
      request.set_header(name, value);
    request.set_query(sent.query);
    FakeResponse response;
    const net::Router::Match match = router_.match(method, path);
    EXPECT_NE(match.handler, nullptr) << method << ' ' << path;
    if (match.handler == nullptr) return response;
    request.set_parameters(match.parameters);
    (*match.handler)(request, response);
    return response;
  }
  FakeResponse call(const std::string& method, const std::string& path, std::string body = {}) {
    return call(method, path, std::move(body), Sent{});
  }
  FakeResponse get(const std::string& path, const std::string& query = {}) {
    Sent sent;
    sent.query = query;
    return call("GET", path, {}, sent);
  }
  FakeResponse form(const std::string& path, const std::string& parts) {
    Sent sent;
    sent.type = "multipart/form-data; boundary=b";
    return call("POST", path, parts + "--b--\r\n", sent);
  }
  static std::string file_part(const std::string& filename, const std::string& bytes) {
    return "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"" + filename +
           "\"\r\n\r\n" + bytes + "\r\n";
  }
  static std::string text_part(const std::string& name, const std::string& value) {
    return "--b\r\ncontent-disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
  }
  static Json json(const FakeResponse& response) {
    const auto value = parse_json(response.body());
    EXPECT_TRUE(value) << response.body();
    return value ? *value : Json();
  }
  static std::string both(const std::string& text) {
    return R"({"detail":")" + text + R"(","error":")" + text + "\"}";
  }

  fakes::VirtualClock clock_;
  SystemClock system_clock_;
  Logger log_{LogLevel::kError, LogFormat::kPlain, system_clock_, -1};
  Metrics metrics_;
  MemorySessions sessions_{clock_};
  ScriptedExecutor executor_;
  ScriptedToolRuns tool_runs_;
  engine::BackendStatus status_ = [] {
    engine::BackendStatus status;
    status.usable = true;
    status.name = "native";
    status.languages = {"python 3.13.5", "bash 5.2", "javascript 22.1"};
    return status;
  }();
  LibreChatOptions options_;
  net::Router router_;

 private:
  bool routes_added_ = false;
};

}  // namespace cloister::api::librechat
