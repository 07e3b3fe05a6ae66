// Runs programs of the host to their end: argument vectors, no shell, no inherited descriptors.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace cloister::images {

using LineSink = std::function<void(std::string_view line)>;
using ByteSink = std::function<void(std::string_view bytes)>;

struct ChildOutput {
  LineSink on_line;  // Standard error, line by line; may be null.
  // Standard output of the last program; null: handled as standard error.
  ByteSink on_stdout;
};

// Starts the programs with each one's standard output connected to the next one's standard input,
// and waits for all. argv[0] is looked up in PATH; standard input of the first is empty; locale C.
// kUnavailable when a program is missing or fails; the message holds its last line of output.
Result<void> run_pipeline(const std::vector<std::vector<std::string>>& programs,
                          const ChildOutput& output);

Result<void> run_program(const std::vector<std::string>& argv, const ChildOutput& output);

// Returns what the program wrote to standard output; kTooLarge beyond 16 MiB.
Result<std::string> capture_program(const std::vector<std::string>& argv, const LineSink& on_line);

}  // namespace cloister::images
