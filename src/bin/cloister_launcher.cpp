// The small privileged process that creates sandboxes. Started by `cloister serve`; see
// sandbox/launcher.h for what it does.
#include "sandbox/bootstrap.h"

int main() {
  return cloister::sandbox::run_launcher();
}
