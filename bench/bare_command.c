// Runs a command of an image without any isolation, to compare with: fork, chroot, exec, wait.
//
// bare_command ROOTFS DIRECTORY COUNT PROGRAM [ARGUMENT...]
// Runs the program, by its path in the image, COUNT times, one after the other, in DIRECTORY, reads what
// it prints to the end, and prints a JSON array of the wall clock times in microseconds. Needs root for
// chroot.
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

static void run_child(const char* root, const char* directory, char** command, int out) {
  static char* environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8",
                                "GOCACHE=/tmp/go", "GOTELEMETRY=off", NULL};
  if (chroot(root) != 0 || chdir(directory) != 0 || dup2(out, 1) < 0) _exit(126);
  execve(command[0], command, environment);
  _exit(127);
}

int main(int argc, char** argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: bare_command ROOTFS DIRECTORY COUNT PROGRAM [ARGUMENT...]\n");
    return 2;
  }
  const int count = atoi(argv[3]);
  printf("[");
  for (int i = 0; i < count; ++i) {
    int ends[2];
    const double begin = now_us();
    if (pipe(ends) != 0) return 1;
    fflush(stdout);
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
      close(ends[0]);
      run_child(argv[1], argv[2], argv + 4, ends[1]);
    }
    close(ends[1]);
    char buffer[4096];
    while (read(ends[0], buffer, sizeof buffer) > 0) {
    }
    close(ends[0]);
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) {
      fprintf(stderr, "%s in %s ended with status %d\n", argv[4], argv[1], status);
      return 1;
    }
    printf("%s%.1f", i ? "," : "", now_us() - begin);
  }
  printf("]\n");
  return 0;
}
