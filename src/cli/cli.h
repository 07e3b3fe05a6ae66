// The program `cloister`: commands for serving, looking and managing images.
#pragma once

#include <string>

namespace cloister::cli {

// Runs one command line to its end. Returns the exit code: 0 done, 1 it failed, 2 wrong use.
int run(int argc, const char* const* argv, const std::string& version);

}  // namespace cloister::cli
