#include "testing/fake_backend.h"

#include <gtest/gtest.h>

#include <future>

#include "testing/memory_file.h"

namespace cloister::fakes {
namespace {

class Output final : public engine::RunObserver {
 public:
  void on_started() override { ++started; }
  void on_output(engine::Stream, std::string_view bytes) override { text += bytes; }
  int started = 0;
  std::string text;
};

engine::RunSpec python(std::string code) {
  engine::RunSpec spec;
  spec.program = engine::PythonProgram{std::move(code), false};
  return spec;
}

TEST(FakeBackend, EchoesTheCodeByDefault) {
  FakeBackend backend;
  auto sandbox = backend.acquire({}, {});
  ASSERT_TRUE(sandbox);
  EXPECT_EQ(backend.existing(), 1U);
  Output output;
  const auto outcome = (*sandbox)->run(python("code"), {}, output);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->exit_code, 0);
  EXPECT_EQ(output.text, "code");
  EXPECT_EQ(output.started, 1);
  EXPECT_FALSE((*sandbox)->is_alive()) << "a sandbox for one run ends with it";
  sandbox->reset();
  EXPECT_EQ(backend.existing(), 0U);
  EXPECT_EQ(backend.acquired(), 1U);
}

TEST(FakeBackend, StagesAndVisitsFiles) {
  FakeBackend backend;
  auto sandbox = backend.acquire({}, {});
  std::vector<engine::StagedFile> files;
  files.push_back({"a", memory_file("1")});
  files.push_back({"a", memory_file("22")});
  ASSERT_TRUE((*sandbox)->stage(std::move(files)));
  int visits = 0;
  ASSERT_TRUE((*sandbox)->visit_files([&](engine::FoundFile file) -> Result<void> {
    ++visits;
    EXPECT_EQ(file.path, "a");
    EXPECT_EQ(file.size, 2U);
    EXPECT_EQ(read_file(file.content.get()), "22");
    return {};
  }));
  EXPECT_EQ(visits, 1);
  EXPECT_EQ((*sandbox)
                ->visit_files([](engine::FoundFile) { return fail(ErrorCode::kTooLarge, "stop"); })
                .error()
                .code,
            ErrorCode::kTooLarge);
}

TEST(FakeBackend, CommandsShareADirectoryForPrograms) {
  FakeBackend backend([](FakeProgramContext& context) {
    if (context.argv() == std::vector<std::string>{"compile"}) {
      context.program.write("main", context.program.files().at("main.c") + " compiled", true);
    } else {
      context.observer.on_output(engine::Stream::kStdout, context.program.files().at("main"));
    }
    return exited(0);
  });
  auto sandbox = backend.acquire({engine::SandboxKind::kCommandRun, {}}, {});
  std::vector<engine::StagedFile> files;
  files.push_back({"main.c", memory_file("text")});
  ASSERT_TRUE((*sandbox)->stage_program(std::move(files)));
  Output output;
  for (const char* command : {"compile", "run"}) {
    engine::RunSpec spec;
    spec.program = engine::CommandProgram{{command}};
    ASSERT_TRUE((*sandbox)->run(spec, {}, output)) << command;
  }
  EXPECT_EQ(output.text, "text compiled");
  std::map<std::string, bool> executable;
  ASSERT_TRUE((*sandbox)->visit_program([&](engine::FoundFile file) -> Result<void> {
    executable[file.path] = file.is_executable;
    return {};
  }));
  EXPECT_EQ(executable, (std::map<std::string, bool>{{"main", true}, {"main.c", false}}));

  auto python = backend.acquire({}, {});
  EXPECT_EQ((*python)->stage_program({}).error().code, ErrorCode::kUnsupported);
}

TEST(FakeBackend, TerminateEndsARun) {
  FakeBackend backend([](FakeProgramContext& context) {
    context.workspace.wait_until_killed();
    return exited(137);
  });
  auto sandbox = backend.acquire({engine::SandboxKind::kSession, {}}, {});
  auto running = std::async(std::launch::async, [&] {
    Output output;
    return (*sandbox)->run(python(""), {}, output);
  });
  (*sandbox)->terminate();
  const auto outcome = running.get();
  // Whether the run had begun or not, it is over.
  EXPECT_TRUE(!outcome || outcome->exit_code == 137);
  EXPECT_FALSE((*sandbox)->is_alive());
}

TEST(FakeBackend, FailsOnCommand) {
  FakeBackend backend;
  EXPECT_TRUE(backend.check(Milliseconds(1)));
  EXPECT_TRUE(backend.status().usable);
  backend.fail_check(Error{ErrorCode::kUnavailable, "down", 0, {}});
  EXPECT_FALSE(backend.check(Milliseconds(1)));
  EXPECT_FALSE(backend.status().usable);
  EXPECT_EQ(backend.status().message, "down");
  backend.fail_acquire(Error{ErrorCode::kUnavailable, "down", 0, {}});
  EXPECT_FALSE(backend.acquire({}, {}));
  backend.fail_acquire(std::nullopt);
  EXPECT_TRUE(backend.acquire({}, {}));
}

}  // namespace
}  // namespace cloister::fakes
