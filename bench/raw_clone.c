// The least that a sandbox costs: clone with every namespace, some processes, exit, wait.
//
// raw_clone COUNT PROCESSES
// Makes COUNT sets of namespaces, one after the other, each with PROCESSES processes that do nothing,
// and prints a JSON object with the wall clock time and the CPU time of one set in microseconds.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double cpu_us(int who) {
  struct rusage usage;
  getrusage(who, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void be_child(int processes) {
  for (int i = 1; i < processes; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    if (child < 0 || waitpid(child, NULL, 0) != child) _exit(1);
  }
  _exit(0);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: raw_clone COUNT PROCESSES\n");
    return 2;
  }
  const int count = atoi(argv[1]);
  const int processes = atoi(argv[2]);
  const unsigned long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                              CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | SIGCHLD;
  const double begin = now_us();
  for (int i = 0; i < count; ++i) {
    const pid_t child = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0UL);
    if (child < 0) {
      perror("clone");
      return 1;
    }
    if (child == 0) be_child(processes);
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) return 1;
  }
  const double wall = now_us() - begin;
  const double cpu = cpu_us(RUSAGE_SELF) + cpu_us(RUSAGE_CHILDREN);
  printf("{\"wall_us\":%.1f,\"cpu_us\":%.1f}\n", wall / count, cpu / count);
  return 0;
}
