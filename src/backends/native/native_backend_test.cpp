// The backend with a real launcher over the image of this machine: what only the whole shows.
#include "backends/native/native_backend.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "images/image_store.h"
#include "os/memfd.h"

namespace cloister::backends::native {
namespace {

using engine::CommandProgram;
using engine::PythonProgram;
using engine::SandboxKind;
using engine::WarmProgram;

constexpr Milliseconds kLong{30000};
constexpr const char* kImages = "/var/lib/cloister/images";

class Recorder final : public engine::RunObserver {
 public:
  void on_started() override { started = true; }
  void on_output(engine::Stream stream, std::string_view bytes) override {
    (stream == engine::Stream::kStdout ? out : error) += bytes;
  }
  std::optional<std::string> on_message(std::string_view message) override {
    messages.emplace_back(message);
    return answer ? answer(message) : std::nullopt;
  }

  bool started = false;
  std::string out;
  std::string error;
  std::vector<std::string> messages;
  std::function<std::optional<std::string>(std::string_view)> answer;
};

struct Ran {
  Result<engine::RunOutcome> outcome;
  Recorder seen;
};

std::string read_all(const UniqueFd& fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

// A process that reads its descriptor 3 to the end and runs that: what the Node of an image does.
std::vector<std::string> warm_python(const std::string& before = {}) {
  return {"python3", "-c", before + "\nimport os\nprogram = open(3).read()\nexec(program)"};
}

class NativeBackendTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "the limits of a sandbox are root's to set";
    if (::access(CLOISTER_LAUNCHER, X_OK) != 0) GTEST_SKIP() << "the launcher is not built";
    const auto image = images::ImageStore(kImages).resolve("default");
    if (!image) GTEST_SKIP() << "no image on this machine: " << image.error().message;
    start(image->rootfs);
  }

  virtual void start(const std::filesystem::path& rootfs) { start(rootfs, {}); }

  void start(const std::filesystem::path& rootfs, NativeOptions options, bool zygotes = true) {
    LauncherOptions launcher;
    launcher.program = CLOISTER_LAUNCHER;
    launcher.image_root = rootfs;
    launcher.zygotes = zygotes;
    options.pool.zygotes = zygotes;
    options.pool.ready = 1;
    auto process = LauncherProcess::start(launcher);
    ASSERT_TRUE(process.has_value()) << process.error().describe();
    auto backend =
        NativeBackend::create(std::move(*process), std::move(options), log_, clock_, [](auto&) {});
    ASSERT_TRUE(backend.has_value()) << backend.error().describe();
    backend_ = std::move(*backend);
  }

  std::unique_ptr<engine::Sandbox> acquire(const engine::SandboxSpec& spec) {
    auto sandbox = backend_->acquire(spec, {});
    EXPECT_TRUE(sandbox.has_value()) << sandbox.error().describe();
    return sandbox ? std::move(*sandbox) : nullptr;
  }
  std::unique_ptr<engine::Sandbox> acquire(SandboxKind kind) {
    engine::SandboxSpec spec;
    spec.kind = kind;
    return acquire(spec);
  }

  template <typename Program>
  static Ran run(engine::Sandbox& sandbox, Program program, Recorder seen = {},
                 const std::function<void(engine::RunSpec&)>& change = {}) {
    engine::RunSpec spec;
    spec.program = std::move(program);
    spec.timeout = kLong;
    if (change) change(spec);
    Ran ran{fail(ErrorCode::kInternal, ""), std::move(seen)};
    ran.outcome = sandbox.run(spec, {}, ran.seen);
    EXPECT_TRUE(ran.outcome.has_value()) << ran.outcome.error().describe();
    return ran;
  }
  static Ran run_bash(engine::Sandbox& sandbox, const std::string& script,
                      const std::string& directory = "/mnt/data") {
    return run(sandbox, CommandProgram{{"bash", "-c", script}, {}, directory});
  }
  Ran run_python(const PythonProgram& program, Recorder seen = {},
                 const std::function<void(engine::RunSpec&)>& change = {},
                 std::uint64_t memory_bytes = 0) {
    engine::SandboxSpec spec;
    spec.memory_bytes = memory_bytes;
    const auto sandbox = acquire(spec);
    return run(*sandbox, program, std::move(seen), change);
  }

  static engine::StagedFile file(const std::string& path, const std::string& content,
                                 bool is_executable = false) {
    return {path, os::make_sealed_memfd("test", content).value(), is_executable};
  }
  static std::vector<engine::StagedFile> files(engine::StagedFile one) {
    std::vector<engine::StagedFile> list;
    list.push_back(std::move(one));
    return list;
  }

  // Content by path, with "*" at the end of the path of an executable one.
  using Found = std::map<std::string, std::string>;
  static Result<void> into(Found& found, engine::FoundFile one) {
    found[one.path + (one.is_executable ? "*" : "")] = read_all(one.content);
    return {};
  }
  static Found workspace_of(engine::Sandbox& sandbox) {
    Found found;
    const auto visited = sandbox.visit_files([&](auto one) { return into(found, std::move(one)); });
    EXPECT_TRUE(visited.has_value()) << visited.error().describe();
    return found;
  }
  static Found program_of(engine::Sandbox& sandbox) {
    Found found;
    const auto visited =
        sandbox.visit_program([&](auto one) { return into(found, std::move(one)); });
    EXPECT_TRUE(visited.has_value()) << visited.error().describe();
    return found;
  }

  SystemClock clock_;
  Logger log_{LogLevel::kError, LogFormat::kPlain, clock_, 2};
  std::unique_ptr<NativeBackend> backend_;
};

// The programs of these run in both kinds of interpreters.
class PythonPrograms : public NativeBackendTest, public testing::WithParamInterface<bool> {
 protected:
  void start(const std::filesystem::path& rootfs) override {
    NativeOptions options;
    options.pool.cpu_seconds_max = 20;
    NativeBackendTest::start(rootfs, std::move(options), GetParam());
  }
};

INSTANTIATE_TEST_SUITE_P(Interpreters, PythonPrograms, testing::Values(true, false),
                         [](const auto& chosen) { return chosen.param ? "Forked" : "Fresh"; });

TEST_P(PythonPrograms, WithoutParametersStartInTheWorkspace) {
  const Ran ran = run_python(
      {"import os, sys\nprint(os.getcwd(), sys.argv, sys.path[0], __file__, os.environ['HOME'])"});
  EXPECT_EQ(ran.seen.out,
            "/workspace ['/workspace/__main__.py'] /workspace /workspace/__main__.py /\n")
      << ran.seen.error;
  EXPECT_TRUE(ran.seen.started);
}

TEST_P(PythonPrograms, GetArgumentsEnvironmentAndDirectory) {
  PythonProgram program;
  program.code =
      "import os, sys\n"
      "print(sys.argv[1:], os.environ['A'], os.environ['HOME'], os.getcwd(), sys.path[0])\n"
      "print(__file__, os.path.samefile('.', '/workspace'))\n"
      "def broken():\n    return undefined\n"
      "broken()";
  program.arguments = {"-x", "", "ä b"};
  program.environment = {"A=1", "HOME=/tmp", "A=2=3"};
  program.directory = "/mnt/data";
  const Ran ran = run_python(program);
  EXPECT_EQ(ran.seen.out,
            "['-x', '', 'ä b'] 2=3 /tmp /mnt/data /mnt/data\n"
            "/mnt/data/__main__.py True\n")
      << ran.seen.error;
  EXPECT_NE(ran.seen.error.find("File \"/mnt/data/__main__.py\", line 5, in broken"),
            std::string::npos)
      << ran.seen.error;
  EXPECT_EQ(ran.outcome->exit_code, 1);
}

TEST_P(PythonPrograms, HaveTheProcessorTimeOfTheirRun) {
  const std::string limits = "import resource\nprint(resource.getrlimit(resource.RLIMIT_CPU))";
  const auto with = [&](std::uint32_t seconds) {
    return run_python({limits}, {}, [=](engine::RunSpec& spec) { spec.cpu_seconds = seconds; })
        .seen.out;
  };
  EXPECT_EQ(with(0), "(5, 5)\n");
  EXPECT_EQ(with(2), "(2, 2)\n");
  EXPECT_EQ(with(20), "(20, 20)\n");
  EXPECT_EQ(with(500), "(20, 20)\n");
}

TEST_P(PythonPrograms, HaveTheMemoryOfTheirSandbox) {
  const std::string code = "block = bytearray(400 << 20)\nprint(len(block))";
  const Ran small = run_python({code});
  EXPECT_EQ(small.outcome->exit_code, 137);
  EXPECT_TRUE(small.outcome->out_of_memory);
  const Ran large = run_python({code}, {}, {}, 600U << 20);
  EXPECT_EQ(large.outcome->exit_code, 0);
  EXPECT_EQ(large.seen.out, "419430400\n");
  EXPECT_FALSE(large.outcome->out_of_memory);
  const Ran tiny = run_python({"bytearray(100 << 20)"}, {}, {}, 64U << 20);
  EXPECT_EQ(tiny.outcome->exit_code, 137);
}

constexpr const char* kTools =
    R"({"tools":[{"name":"add","description":"Adds.","parameters":{"type":"object","properties":)"
    R"({"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a","b"]}}]})";

PythonProgram with_tools(const std::string& code) {
  PythonProgram program;
  program.code = code;
  program.directory = "/mnt/data";
  program.tools = kTools;
  return program;
}

TEST_P(PythonPrograms, CallToolsOverTheirChannel) {
  Recorder seen;
  std::vector<std::string> output_at_message;
  seen.answer = [&](std::string_view message) -> std::optional<std::string> {
    const std::string id = message.find("\"id\":1") != std::string_view::npos ? "1" : "2";
    return R"({"results":[{"id":)" + id + R"(,"result":5,"is_error":false,"error_message":""}]})";
  };
  const Ran ran = run_python(with_tools("print('first')\n"
                                        "print(await add(a=2, b=3))\n"
                                        "import os\n"
                                        "print(await add(1, 4), os.get_inheritable(3))"),
                             std::move(seen));
  EXPECT_EQ(ran.seen.out, "first\n5\n5 False\n") << ran.seen.error;
  EXPECT_EQ(ran.outcome->exit_code, 0);
  ASSERT_EQ(ran.seen.messages.size(), 2U);
  EXPECT_EQ(ran.seen.messages[0], R"({"calls":[{"id":1,"name":"add","input":{"a": 2, "b": 3}}]})");
}

TEST_P(PythonPrograms, EndWhenTheObserverHasNoAnswer) {
  const Ran ran = run_python(with_tools("print('before')\nawait add(1, 2)\nprint('after')"));
  EXPECT_EQ(ran.seen.messages.size(), 1U);
  EXPECT_TRUE(ran.outcome->cancelled);
  EXPECT_FALSE(ran.outcome->exit_code.has_value());
  EXPECT_EQ(ran.seen.out, "before\n");
}

TEST_P(PythonPrograms, AreKilledWhenTheyAbuseTheirChannel) {
  const Ran ran =
      run_python(with_tools("import os\nos.write(3, b'nonsense')\n"
                            "while True: pass"));
  EXPECT_EQ(ran.outcome->exit_code, 137);
  EXPECT_TRUE(ran.seen.messages.empty());
}

TEST_P(PythonPrograms, CannotPassDescriptorsThroughTheirChannel) {
  Recorder seen;
  seen.answer = [](std::string_view) { return "{}"; };
  const Ran ran = run_python(with_tools("import os, socket\n"
                                        "with socket.socket(fileno=os.dup(3)) as channel:\n"
                                        "    socket.send_fds(channel, [b'Ehello'], [0, 1, 2])\n"
                                        "print(os.read(3, 100))"),
                             std::move(seen));
  EXPECT_EQ(ran.seen.out, "b'E{}'\n") << ran.seen.error;
  EXPECT_EQ(ran.seen.messages, std::vector<std::string>{"hello"});
}

TEST_P(PythonPrograms, WithoutToolsHaveNoChannel) {
  const Ran ran = run_python({"import os\nprint(sorted(os.listdir('/proc/self/fd')))"});
  EXPECT_EQ(ran.seen.out, "['0', '1', '2', '3']\n") << "3 is the listing itself";
}

// The observer waits for its owner; only terminate() can come from elsewhere.
TEST_P(PythonPrograms, CanBeTerminatedWhileAMessageIsAnswered) {
  std::mutex mutex;
  std::condition_variable changed;
  bool has_message = false;
  bool is_terminated = false;
  Recorder seen;
  seen.answer = [&](std::string_view) -> std::optional<std::string> {
    std::unique_lock lock(mutex);
    has_message = true;
    changed.notify_all();
    changed.wait(lock, [&] { return is_terminated; });
    return std::nullopt;
  };
  const auto sandbox = acquire(SandboxKind::kPythonRun);
  std::thread owner([&] {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return has_message; });
    sandbox->terminate();
    is_terminated = true;
    changed.notify_all();
  });
  engine::RunSpec spec;
  spec.program = with_tools("await add(1, 2)");
  spec.timeout = kLong;
  const auto outcome = sandbox->run(spec, {}, seen);
  owner.join();
  EXPECT_TRUE(!outcome.has_value() || outcome->cancelled);
  EXPECT_FALSE(sandbox->is_alive());
}

TEST_P(PythonPrograms, HavePlotsWhenTheyAreWantedOnly) {
  PythonProgram program;
  program.code =
      "import sys\nprint(any(type(f).__module__ == '_cloister_plots' or "
      "f.__module__ == 'sitecustomize' for f in sys.meta_path))";
  EXPECT_EQ(run_python(program).seen.out, "False\n");
  program.environment = {"CLOISTER_PLOTS=/mnt/data"};
  EXPECT_EQ(run_python(program).seen.out, "True\n");
}

class CommandRuns : public NativeBackendTest {};

TEST_F(CommandRuns, FollowEachOtherInOneSandbox) {
  const auto sandbox = acquire(SandboxKind::kCommandRun);
  ASSERT_TRUE(sandbox->stage(files(file("in.txt", "input"))).has_value());
  ASSERT_TRUE(
      sandbox->stage_program(files(file("tool", "#!/bin/bash\ncat in.txt\n", true))).has_value());
  const Ran first = run_bash(*sandbox,
                             "/program/tool; pwd; cp in.txt /sandbox/out.txt; "
                             "cp /program/tool /program/copy");
  EXPECT_EQ(first.seen.out, "input/mnt/data\n") << first.seen.error;
  EXPECT_EQ(first.outcome->exit_code, 0);
  const Ran second = run_bash(*sandbox, "chmod +x /workspace/out.txt; exit 3");
  EXPECT_EQ(second.outcome->exit_code, 3);
  EXPECT_EQ(workspace_of(*sandbox), (Found{{"in.txt", "input"}, {"out.txt*", "input"}}));
  const std::string tool = "#!/bin/bash\ncat in.txt\n";
  EXPECT_EQ(program_of(*sandbox), (Found{{"tool*", tool}, {"copy*", tool}}));
}

TEST_F(CommandRuns, TellHowManyFilesAreTooDeep) {
  const auto sandbox = acquire(SandboxKind::kCommandRun);
  run_bash(*sandbox,
           "touch near; for i in {1..130}; do mkdir d; cd d; done; touch one two; touch ../three");
  EXPECT_EQ(workspace_of(*sandbox), (Found{{"near", ""}}));
  EXPECT_EQ(sandbox->files_left_out(), 1U) << "the directory that is too deep";
  run_bash(*sandbox, "rm -r d");
  EXPECT_EQ(workspace_of(*sandbox), (Found{{"near", ""}}));
  EXPECT_EQ(sandbox->files_left_out(), 0U);
}

TEST_F(CommandRuns, LeaveNothingRunning) {
  const auto sandbox = acquire(SandboxKind::kCommandRun);
  const Ran first = run_bash(*sandbox, "setsid sleep 1000 >/dev/null 2>&1 & echo gone");
  EXPECT_EQ(first.seen.out, "gone\n");
  const Ran second = run_bash(*sandbox, "cat /proc/[0-9]*/comm 2>/dev/null");
  EXPECT_EQ(second.seen.out.find("sleep"), std::string::npos) << second.seen.out;
}

TEST_F(CommandRuns, HaveTheirEnvironmentAndProcessorTime) {
  const auto sandbox = acquire(SandboxKind::kCommandRun);
  const Ran ran =
      run(*sandbox,
          CommandProgram{{"bash", "-c", "echo $HOME $A; ulimit -t; env | grep -c ^HOME"},
                         {"HOME=/tmp", "A=b"},
                         "/program"},
          {}, [](engine::RunSpec& spec) { spec.cpu_seconds = 3; });
  EXPECT_EQ(ran.seen.out, "/tmp b\n3\n1\n") << ran.seen.error;
}

TEST_F(CommandRuns, StartInTheirDirectory) {
  const auto sandbox = acquire(SandboxKind::kCommandRun);
  ASSERT_TRUE(sandbox->stage(files(file("a/b/c.txt", "x"))).has_value());
  EXPECT_EQ(run_bash(*sandbox, "pwd; ls", "/mnt/data/a/b").seen.out, "/mnt/data/a/b\nc.txt\n");
  EXPECT_EQ(run_bash(*sandbox, "pwd", "/program").seen.out, "/program\n");
  engine::RunSpec spec;
  spec.program = CommandProgram{{"true"}, {}, "/mnt/data/missing"};
  spec.timeout = kLong;
  Recorder seen;
  const auto outcome = sandbox->run(spec, {}, seen);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_NE(outcome.error().describe().find("working directory"), std::string::npos);
}

TEST_F(CommandRuns, HaveTheMemoryOfTheirSandbox) {
  engine::SandboxSpec spec;
  spec.kind = SandboxKind::kCommandRun;
  const std::vector<std::string> hungry = {"python3", "-c", "print(len(bytearray(400 << 20)))"};
  EXPECT_TRUE(run(*acquire(spec), CommandProgram{hungry}).outcome->out_of_memory);
  spec.memory_bytes = 600U << 20;
  EXPECT_EQ(run(*acquire(spec), CommandProgram{hungry}).seen.out, "419430400\n");
}

TEST_F(CommandRuns, FilesThatUseUpTheMemoryAreCollectedOrRefused) {
  const auto sandbox = acquire(SandboxKind::kCommandRun);
  engine::RunSpec spec;
  spec.program = CommandProgram{{"bash", "-c",
                                 "for i in {1..3000}; do echo $i > /mnt/data/$i; done; "
                                 "for place in /mnt/data /program /tmp /dev/shm; do "
                                 "head -c 1G /dev/zero > $place/full; done"}};
  spec.timeout = kLong;
  Recorder seen;
  const auto outcome = sandbox->run(spec, {}, seen);
  // The files belong to nobody whom the kernel could end for them, so it may take the sandbox's
  // init.
  if (!outcome) {
    EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable) << outcome.error().describe();
    return;
  }
  std::uint64_t bytes = 0;
  const auto visited = sandbox->visit_files([&](engine::FoundFile one) -> Result<void> {
    bytes += one.size;
    return {};
  });
  if (visited) {
    EXPECT_GT(bytes, 100U << 20);
  } else {
    EXPECT_EQ(visited.error().code, ErrorCode::kUnavailable) << visited.error().describe();
  }
}

class WarmPrograms : public NativeBackendTest {
 protected:
  std::unique_ptr<engine::Sandbox> acquire_warm(const std::string& before = {},
                                                std::uint64_t memory_bytes = 0) {
    engine::SandboxSpec spec;
    spec.kind = SandboxKind::kCommandRun;
    spec.warm_command = warm_python(before);
    spec.memory_bytes = memory_bytes;
    return acquire(spec);
  }
  // The events of the backend's thread cannot be waited for from here.
  void wait_for_ready(std::size_t count) const {
    const SteadyTime limit = clock_.steady_now() + kLong;
    while (backend_->status().sandboxes_ready < count && clock_.steady_now() < limit)
      std::this_thread::yield();
  }
};

TEST_F(WarmPrograms, RunInTheProcessThatWaits) {
  for (int i = 0; i < 4; ++i) {
    const auto sandbox = acquire_warm("print('before', flush=True)");
    ASSERT_TRUE(sandbox->stage(files(file("in.txt", "input"))).has_value());
    const Ran ran = run(*sandbox,
                        WarmProgram{"import os, sys\n"
                                    "print(open('in.txt').read(), os.getcwd(), "
                                    "sys.stdin.read())\n"
                                    "open('out.txt', 'w').write('1')\nsys.exit(4)"},
                        {}, [](engine::RunSpec& spec) { spec.stdin_bytes = "typed"; });
    EXPECT_EQ(ran.seen.out, "before\ninput /mnt/data typed\n") << ran.seen.error;
    EXPECT_EQ(ran.outcome->exit_code, 4);
    EXPECT_EQ(workspace_of(*sandbox), (Found{{"in.txt", "input"}, {"out.txt", "1"}}));
  }
  // Those that wait do not count as running; one that is being started does for a moment.
  const SteadyTime limit = clock_.steady_now() + kLong;
  while (backend_->status().sandboxes_running > 0 && clock_.steady_now() < limit)
    std::this_thread::yield();
  EXPECT_EQ(backend_->status().sandboxes_running, 0U);
  EXPECT_GT(backend_->status().sandboxes_ready, 0U);
}

TEST_F(WarmPrograms, MayBeLong) {
  const std::string padding(3 << 20, '#');
  const std::string program = padding + "\nprint(len(program))";
  const Ran ran = run(*acquire_warm(), WarmProgram{program});
  EXPECT_EQ(ran.seen.out, std::to_string(program.size()) + "\n") << ran.seen.error;
}

TEST_F(WarmPrograms, AreKeptReadyOnceAskedFor) {
  const std::size_t before = backend_->status().sandboxes_ready;
  acquire_warm().reset();
  wait_for_ready(before + 2);
  EXPECT_GE(backend_->status().sandboxes_ready, before + 2);
}

TEST_F(WarmPrograms, ACommandThatEndsAtOnceIsTheProgramsEnd) {
  for (int i = 0; i < 2; ++i) {
    const Ran ran = run(*acquire_warm("raise SystemExit(9)"), WarmProgram{"print(1)"});
    EXPECT_EQ(ran.outcome->exit_code, 9);
    EXPECT_EQ(ran.seen.out, "");
  }
}

TEST_F(WarmPrograms, HaveTheMemoryOfTheirSandbox) {
  const std::string hungry = "print(len(bytearray(400 << 20)))";
  EXPECT_TRUE(run(*acquire_warm(), WarmProgram{hungry}).outcome->out_of_memory);
  EXPECT_EQ(run(*acquire_warm({}, 600U << 20), WarmProgram{hungry}).seen.out, "419430400\n");
}

TEST_F(WarmPrograms, TimeUpEndsThem) {
  const Ran ran = run(*acquire_warm(), WarmProgram{"while True: pass"}, {},
                      [](engine::RunSpec& spec) { spec.timeout = Milliseconds(200); });
  EXPECT_TRUE(ran.outcome->timed_out);
}

TEST_F(WarmPrograms, RunOnce) {
  const auto sandbox = acquire_warm();
  EXPECT_EQ(run(*sandbox, WarmProgram{"print(1)"}).seen.out, "1\n");
  engine::RunSpec spec;
  spec.program = WarmProgram{"print(1)"};
  spec.timeout = kLong;
  Recorder seen;
  EXPECT_FALSE(sandbox->run(spec, {}, seen).has_value());
}

}  // namespace
}  // namespace cloister::backends::native
