// The languages: the only place of the server that knows how one is compiled and run.
//
// Plain data. A program's text is put into /program (engine::kProgramDirectory) as `source_name`;
// compiler and program start in the workspace. Thread safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cloister::runtimes {

// How a program is started.
enum class Start {
  kPython,   // By the backend: forked from an interpreter that is loaded already.
  kWarm,     // By a process that was started ahead, `run`, which reads warm_message() from fd 3.
  kCommand,  // By `run`, after `compile` when there is one.
};

struct Language {
  std::string_view name;                       // "cpp": in the API, in logs, metrics and manifests.
  std::string_view title;                      // "C++"
  std::vector<std::string_view> aliases = {};  // In lower case, beside the name.
  Start start = Start::kCommand;
  std::string_view source_name;  // "main.cpp"
  // What an image must have for it, absolute paths; the first is what tells the version.
  std::vector<std::string_view> programs;
  std::vector<std::string_view> version_command;
  std::string_view packages;  // Debian packages that bring it, for the message that it is missing.
  // Argument vectors; {source} and {memory_mb} are replaced wherever they occur: the path of the
  // text, and three quarters of the sandbox's memory, for limits on a heap. The program's own
  // arguments are appended to `run`. A compiler leaves in /program all that `run` needs.
  std::vector<std::string_view> compile = {};
  std::vector<std::string_view> run;
  std::vector<std::string_view> environment = {};  // "NAME=value", for both.
  // Files of the workspace with these endings can change what a compiler makes of the text.
  std::vector<std::string_view> include_endings = {};
};

// All of them, in the order of the documents.
std::span<const Language> languages();

// By name or alias, in any letter case; null when there is none.
const Language* find_language(std::string_view name);

// An argument vector with its words replaced. `memory_bytes`: the sandbox's limit, not 0.
std::vector<std::string> expand(std::span<const std::string_view> words, const Language& language,
                                std::uint64_t memory_bytes);

// What every program of a data session finds in its environment, beside the sandbox's own: a home
// in /tmp, and the guest's hooks that save shown plots into the workspace.
std::span<const std::string_view> session_environment();

// For a kWarm language: the text, its arguments and environment as the started process reads them.
std::string warm_message(const Language& language, std::string_view code,
                         std::span<const std::string> arguments,
                         std::span<const std::string> environment);

// The Python program that runs a shell script with tools; the script is its only argument.
std::string_view bash_tools_program();

}  // namespace cloister::runtimes
