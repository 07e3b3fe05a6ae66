#include "server/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <functional>
#include <future>

#include "base/id.h"
#include "server/stop_signals.h"
#include "testing/fake_backend.h"

namespace cloister::server {
namespace {

class FakeProvider final : public BackendProvider {
 public:
  using OnLost = std::function<void(const std::string&)>;

  Result<void> prepare(const Settings& /*settings*/, const Logger& /*log*/) override {
    prepared = true;
    return {};
  }
  Result<std::unique_ptr<engine::Backend>> create(const Settings& /*settings*/,
                                                  const Logger& /*log*/, const Clock& /*clock*/,
                                                  OnLost on_lost) override {
    lose = std::move(on_lost);
    auto backend = std::make_unique<fakes::FakeBackend>();
    if (check_error) backend->fail_check(check_error);
    return backend;
  }
  std::vector<sandbox::LayerReport> layers() const override {
    return {{"seccomp", sandbox::LayerState::kArmed, "", ""}};
  }

  bool prepared = false;
  OnLost lose;
  std::optional<Error> check_error;
};

// The whole answer to one request on a connection of its own.
std::string talk(int port, const std::string& request) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return {};
  }
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return {};
  std::string answer;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 1; count > 0;) {
    count = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (count > 0) answer.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return answer;
}

std::string get(int port, const std::string& path) {
  return talk(port, "GET " + path + " HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    SettingsSources sources;
    sources.command_line = {{"port", "0"}, {"state_dir", directory_}, {"log_level", "critical"}};
    // Tests may run as root; an account that every system has stands for the server's own.
    sources.command_line.emplace_back("user", "nobody");
    settings_ = load_settings(sources).value();
  }
  ~ServerTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  // Started by root, a server gives up its process's privileges for good.
  static void in_child_process(const std::function<void()>& body) {
    std::fflush(stdout);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      body();
      std::fflush(stdout);
      ::_exit(HasFailure() ? 1 : 0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child has failed";
  }
  void fail_to_start();
  void serve_and_stop();
  void lose_backend();

  const std::string directory_ = testing::TempDir() + "cloister-server-" + random_hex(8);
  LoadedSettings settings_;
  FakeProvider provider_;
};

TEST_F(ServerTest, DoesNotListenBeforeASandboxCouldBeStarted) {
  in_child_process([this] { fail_to_start(); });
}

void ServerTest::fail_to_start() {
  provider_.check_error = Error{ErrorCode::kUnavailable, "no image", 0, {}};
  bool announced = false;
  Server server(settings_, provider_, {"1.2.3"}, [&](std::string_view) { announced = true; });
  const Result<void> done = server.run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "No sandbox can be started: no image");
  EXPECT_TRUE(provider_.prepared);
  EXPECT_FALSE(announced);
}

TEST_F(ServerTest, ServesUntilItIsToldToStop) {
  in_child_process([this] { serve_and_stop(); });
}

void ServerTest::serve_and_stop() {
  // The stop signal is for the server's thread.
  const auto signals = StopSignals::block();
  ASSERT_TRUE(signals);
  std::promise<std::string> announcement;
  Server server(settings_, provider_, {"1.2.3"},
                [&](std::string_view text) { announcement.set_value(std::string(text)); });
  std::future<Result<void>> running =
      std::async(std::launch::async, [&server] { return server.run(); });
  const std::string text = announcement.get_future().get();
  const std::size_t colon = text.find(':', text.find("http://") + 7);
  const int port = std::atoi(text.c_str() + colon + 1);

  const std::string health = get(port, "/health");
  EXPECT_TRUE(health.starts_with("HTTP/1.1 200 ")) << health;
  EXPECT_NE(health.find(R"("version":"1.2.3")"), std::string::npos);
  EXPECT_NE(health.find(R"("isolation":{"seccomp":"armed"})"), std::string::npos);
  EXPECT_TRUE(get(port, "/onyx/v1/files").ends_with(R"({"files":[]})"));
  EXPECT_TRUE(get(port, "/v1/nothing").ends_with(R"({"detail":"Not Found"})"));
  EXPECT_TRUE(get(port, "/metrics").starts_with("HTTP/1.1 200 "));
  const std::string body = R"({"code":"hi"})";
  const std::string answer =
      talk(port,
           "POST /v1/execute HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: "
           "application/json\r\ncontent-length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_NE(answer.find(R"({"stdout":"hi","stderr":"","exit_code":0,)"), std::string::npos);

  ::kill(::getpid(), SIGTERM);
  EXPECT_TRUE(running.get());
  EXPECT_EQ(get(port, "/health"), "");
  // Whoever started it, it ran as an ordinary user.
  EXPECT_NE(::geteuid(), 0U);
}

TEST_F(ServerTest, EndsWithAnErrorWhenTheBackendIsLost) {
  in_child_process([this] { lose_backend(); });
}

void ServerTest::lose_backend() {
  Server server(settings_, provider_, {"1.2.3"},
                [this](std::string_view) { provider_.lose("the launcher is gone"); });
  const Result<void> done = server.run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "The backend is lost: the launcher is gone");
}

TEST(BaseAddress, IsOneThatAClientHereReaches) {
  EXPECT_EQ(base_address("127.0.0.1", 8000), "http://127.0.0.1:8000");
  EXPECT_EQ(base_address("0.0.0.0", 1), "http://127.0.0.1:1");
  EXPECT_EQ(base_address("::", 1), "http://[::1]:1");
}

}  // namespace
}  // namespace cloister::server
