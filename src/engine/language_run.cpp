#include "engine/language_run.h"

#include <utility>

#include "engine/output_buffer.h"
#include "os/memfd.h"

namespace cloister::engine {
namespace {

constexpr std::size_t kCompilerOutputBytesMax = std::size_t{256} << 10;
constexpr std::string_view kShellWithTools = "bash";

// Keeps what a compiler says, both streams in the order they came.
class CompilerOutput final : public RunObserver {
 public:
  void on_output(Stream /*stream*/, std::string_view bytes) override { output_.append(bytes); }
  std::string text() const { return output_.text(); }

 private:
  CappedOutput output_{kCompilerOutputBytesMax};
};

std::vector<std::string> environment_of(const runtimes::Language& language) {
  const auto common = runtimes::session_environment();
  std::vector<std::string> environment(common.begin(), common.end());
  environment.insert(environment.end(), language.environment.begin(), language.environment.end());
  return environment;
}

}  // namespace

Result<void> check_tools(const SessionExecution& execution) {
  const runtimes::Language& language = *execution.language;
  if (!execution.tools || language.start == runtimes::Start::kPython ||
      language.name == kShellWithTools) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              "Programs in " + std::string(language.title) +
                  " cannot call tools; only Python and Bash programs can.");
}

LanguageRun::LanguageRun(const SessionExecution& execution, const SessionExecutorLimits& limits)
    : execution_(execution),
      language_(*execution.language),
      limits_(limits),
      way_(execution.tools || language_.start == runtimes::Start::kPython ? Way::kPython
           : language_.start == runtimes::Start::kWarm                    ? Way::kWarm
                                                                          : Way::kCommand),
      environment_(environment_of(language_)) {}

// A shell script with tools is run by a Python program that keeps the channel.
std::string_view LanguageRun::python_code() const {
  return language_.start == runtimes::Start::kPython ? std::string_view(execution_.code)
                                                     : runtimes::bash_tools_program();
}

SandboxSpec LanguageRun::sandbox_spec() const {
  SandboxSpec spec;
  spec.memory_bytes = limits_.memory_bytes;
  if (way_ == Way::kPython) {
    spec.kind = SandboxKind::kPythonRun;
    spec.python_code = python_code();
    return spec;
  }
  spec.kind = SandboxKind::kCommandRun;
  if (way_ == Way::kWarm) {
    spec.warm_command = runtimes::expand(language_.run, language_, limits_.memory_bytes);
  }
  return spec;
}

Result<std::optional<LanguageRun::Compilation>> LanguageRun::prepare(
    Sandbox& sandbox, const SessionInputs& inputs, std::string_view image_digest,
    CompileCache& cache, const Cancellation& cancellation, RunObserver& observer) {
  std::optional<Compilation> compilation;
  const bool is_compiled = !language_.compile.empty();
  if (way_ == Way::kPython || (way_ == Way::kWarm && !is_compiled)) return compilation;

  std::vector<StagedFile> program;
  std::string key;
  if (is_compiled) {
    key = compile_key(execution_.tenant, image_digest, language_, execution_.code,
                      limits_.memory_bytes, inputs);
    if (auto made = TRY(cache.find(key))) {
      program = std::move(*made);
      compilation = Compilation{{}, true};
    }
  }
  program.push_back({std::string(language_.source_name),
                     TRY(os::make_sealed_memfd("program", execution_.code)), false});
  TRY_VOID(sandbox.stage_program(std::move(program)));
  if (!is_compiled || compilation) return compilation;

  compilation = TRY(compile(sandbox, cancellation, observer));
  // Now, as a program may write to its directory.
  if (!compilation->failed()) TRY_VOID(cache.add(key, sandbox, language_.source_name));
  return compilation;
}

Result<LanguageRun::Compilation> LanguageRun::compile(Sandbox& sandbox,
                                                      const Cancellation& cancellation,
                                                      RunObserver& observer) {
  RunSpec spec;
  spec.program =
      CommandProgram{runtimes::expand(language_.compile, language_, limits_.memory_bytes),
                     environment_, std::string(kDataDirectory)};
  spec.timeout = limits_.compile_timeout;
  spec.cpu_seconds = limits_.cpu_seconds;
  CompilerOutput output;
  Compilation compilation;
  compilation.outcome = TRY(sandbox.run(spec, cancellation, output));
  if (compilation.failed() && !compilation.outcome.cancelled) {
    if (const std::string text = output.text(); !text.empty()) {
      observer.on_output(Stream::kStderr, text);
    }
  }
  return compilation;
}

RunSpec LanguageRun::run_spec() const {
  RunSpec spec;
  spec.stdin_bytes = execution_.stdin_bytes;
  spec.timeout = execution_.timeout;
  spec.cpu_seconds = limits_.cpu_seconds;
  if (way_ == Way::kPython) {
    PythonProgram program;
    program.code = python_code();
    program.arguments = language_.start == runtimes::Start::kPython
                            ? execution_.arguments
                            : std::vector<std::string>{execution_.code};
    program.environment = environment_;
    program.directory = kDataDirectory;
    program.tools = execution_.tools;
    spec.program = std::move(program);
  } else if (way_ == Way::kWarm) {
    spec.program = WarmProgram{
        runtimes::warm_message(language_, execution_.code, execution_.arguments, environment_)};
  } else {
    CommandProgram program;
    program.argv = runtimes::expand(language_.run, language_, limits_.memory_bytes);
    program.argv.insert(program.argv.end(), execution_.arguments.begin(),
                        execution_.arguments.end());
    program.environment = environment_;
    program.directory = kDataDirectory;
    spec.program = std::move(program);
  }
  return spec;
}

}  // namespace cloister::engine
