// How one program of one language is run in a sandbox: which sandbox, the compiler before it, and
// what is started. What a language needs is said by runtimes/language.h. Used by one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backend.h"
#include "engine/compile_cache.h"
#include "engine/session_executor.h"
#include "engine/session_inputs.h"

namespace cloister::engine {

// kInvalidArgument when a program of this language cannot have tools and has some.
Result<void> check_tools(const SessionExecution& execution);

class LanguageRun {
 public:
  // Nothing is owned; all must outlive this object.
  LanguageRun(const SessionExecution& execution, const SessionExecutorLimits& limits);

  SandboxSpec sandbox_spec() const;

  // How the compiler ended.
  struct Compilation {
    RunOutcome outcome;
    bool is_cached = false;  // It did not run: `outcome` is empty.
    bool failed() const { return !is_cached && outcome.exit_code != 0; }
  };
  // Puts the program's text, and what a compiler makes of it, into the sandbox, where the language
  // wants that. Nothing when there is no compiler. The output of one that fails goes to `observer`
  // as stderr; that of one that succeeds is nobody's.
  Result<std::optional<Compilation>> prepare(Sandbox& sandbox, const SessionInputs& inputs,
                                             std::string_view image_digest, CompileCache& cache,
                                             const Cancellation& cancellation,
                                             RunObserver& observer);

  // What is to be run then.
  RunSpec run_spec() const;

 private:
  enum class Way { kPython, kWarm, kCommand };

  Result<Compilation> compile(Sandbox& sandbox, const Cancellation& cancellation,
                              RunObserver& observer);
  std::string_view python_code() const;

  const SessionExecution& execution_;
  const runtimes::Language& language_;
  const SessionExecutorLimits& limits_;
  const Way way_;
  const std::vector<std::string> environment_;
};

}  // namespace cloister::engine
