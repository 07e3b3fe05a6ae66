// Runs the image's own Python without any isolation, to compare with: fork, chroot, exec, wait.
//
// bare ROOTFS COUNT CODE
// Runs `python3 -c CODE` COUNT times, one after the other, reads what it prints to the end, and prints
// a JSON array of the wall clock times in microseconds. Needs root for chroot.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void run_child(const char* root, const char* code, int out) {
  static char* environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/",
                                "PYTHONDONTWRITEBYTECODE=1",         "PYTHONUNBUFFERED=1",
                                "MPLCONFIGDIR=/tmp/matplotlib",      NULL};
  static const char* const places[] = {"/usr/local/bin/python3", "/usr/bin/python3"};
  if (chroot(root) != 0 || chdir("/") != 0 || dup2(out, 1) < 0) _exit(126);
  for (size_t i = 0; i < sizeof places / sizeof places[0]; ++i) {
    char* arguments[] = {"python3", "-c", (char*)code, NULL};
    execve(places[i], arguments, environment);
  }
  _exit(127);
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: bare ROOTFS COUNT CODE\n");
    return 2;
  }
  const int count = atoi(argv[2]);
  printf("[");
  for (int i = 0; i < count; ++i) {
    int ends[2];
    const double begin = now_us();
    if (pipe(ends) != 0) return 1;
    fflush(stdout);
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) run_child(argv[1], argv[3], ends[1]);
    close(ends[1]);
    char buffer[4096];
    while (read(ends[0], buffer, sizeof buffer) > 0) {
    }
    close(ends[0]);
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) {
      fprintf(stderr, "python3 in %s ended with status %d\n", argv[1], status);
      return 1;
    }
    printf("%s%.1f", i ? "," : "", now_us() - begin);
  }
  printf("]\n");
  return 0;
}
