// The program `cloister`.
#include <signal.h>

#include "cli/cli.h"

int main(int argc, char** argv) {
  // A peer that is gone is an error of the write, not the end of the process.
  ::signal(SIGPIPE, SIG_IGN);
  return cloister::cli::run(argc, argv, CLOISTER_VERSION);
}
