#include "sandbox/process_tree.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <atomic>
#include <functional>
#include <new>
#include <thread>
#include <vector>

#include "os/forked_test.h"
#include "os/unix_message.h"

namespace cloister::sandbox {
namespace {

// A word that all processes of a test share.
class SharedCount {
 public:
  SharedCount()
      : memory_(::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
        count_(new(memory_) std::atomic<int>(0)) {}
  ~SharedCount() { ::munmap(memory_, sizeof(std::atomic<int>)); }
  SharedCount(const SharedCount&) = delete;
  SharedCount& operator=(const SharedCount&) = delete;
  std::atomic<int>& operator*() { return *count_; }

 private:
  void* memory_;
  std::atomic<int>* count_;
};

// Tells that the process is there, then stays until it is killed. An end of the test's own kill is
// a safety net: nothing of a failing test is left behind.
[[noreturn]] void stay(int ready) {
  ::alarm(60);
  static_cast<void>(!::write(ready, "r", 1));
  for (;;)
    ::pause();
}

bool wait_for(int ready, int processes) {
  char byte = 0;
  for (int i = 0; i < processes; ++i) {
    if (::read(ready, &byte, 1) != 1) return false;
  }
  return true;
}

// In a child that is a subreaper: `start` starts processes, of which `expected` write a byte to the
// pipe that it gets; then all of them are killed. 0 when none is left.
int kill_what_starts(int expected, const std::function<void(int ready)>& start) {
  return os::run_in_child([&] {
    ::alarm(60);
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return 1;
    auto ready = os::make_pipe();
    auto alive = os::make_pipe();
    if (!ready || !alive) return 2;
    start(ready->write_end.get());
    if (!wait_for(ready->read_end.get(), expected)) return 3;
    kill_descendants();
    // Every process had a copy of this end; the pipe ends with the last of them.
    alive->write_end.reset();
    pollfd watched{alive->read_end.get(), POLLIN, 0};
    if (::poll(&watched, 1, 0) != 1 || (watched.revents & POLLHUP) == 0) return 4;
    return ::waitpid(-1, nullptr, WNOHANG | __WALL) < 0 && errno == ECHILD ? 0 : 5;
  });
}

TEST(KillDescendants, ReturnsAtOnceWithoutAny) {
  EXPECT_EQ(kill_what_starts(0, [](int) {}), 0);
}

TEST(KillDescendants, FindsChildren) {
  EXPECT_EQ(kill_what_starts(20,
                             [](int ready) {
                               for (int i = 0; i < 20; ++i) {
                                 if (::fork() == 0) stay(ready);
                               }
                             }),
            0);
}

TEST(KillDescendants, ReapsThoseThatHaveEndedAlready) {
  EXPECT_EQ(kill_what_starts(1,
                             [](int ready) {
                               for (int i = 0; i < 5; ++i) {
                                 if (::fork() == 0) ::_exit(0);
                               }
                               if (::fork() == 0) stay(ready);
                             }),
            0);
}

TEST(KillDescendants, FindsGrandchildrenWhoseParentIsGone) {
  EXPECT_EQ(kill_what_starts(1,
                             [](int ready) {
                               if (::fork() != 0) return;
                               if (::fork() == 0) stay(ready);
                               ::_exit(0);
                             }),
            0);
}

TEST(KillDescendants, FindsADeepLineOfProcesses) {
  EXPECT_EQ(kill_what_starts(30,
                             [](int ready) {
                               for (int depth = 0; depth < 30; ++depth) {
                                 if (::fork() != 0) {
                                   if (depth == 0) return;
                                   stay(ready);
                                 }
                               }
                               stay(ready);
                             }),
            0);
}

TEST(KillDescendants, FindsSessionsAndDaemons) {
  EXPECT_EQ(kill_what_starts(2,
                             [](int ready) {
                               if (::fork() != 0) return;
                               ::setsid();
                               if (::fork() == 0) {
                                 ::setsid();
                                 for (int signal = 1; signal < NSIG; ++signal)
                                   ::signal(signal, SIG_IGN);
                                 stay(ready);
                               }
                               stay(ready);
                             }),
            0);
}

TEST(KillDescendants, FindsStoppedProcesses) {
  EXPECT_EQ(kill_what_starts(1,
                             [](int ready) {
                               if (::fork() != 0) return;
                               static_cast<void>(!::write(ready, "r", 1));
                               ::raise(SIGSTOP);
                               ::_exit(0);
                             }),
            0);
}

TEST(KillDescendants, FindsTheChildrenOfManyThreads) {
  EXPECT_EQ(kill_what_starts(16,
                             [](int ready) {
                               if (::fork() != 0) return;
                               std::vector<std::thread> threads;
                               for (int i = 0; i < 16; ++i) {
                                 threads.emplace_back([ready] {
                                   if (::fork() == 0) stay(ready);
                                   for (;;)
                                     ::pause();
                                 });
                               }
                               for (;;)
                                 ::pause();
                             }),
            0);
}

TEST(KillDescendants, OutrunsAForkBomb) {
  SharedCount started;
  constexpr int kMost = 400;
  EXPECT_EQ(kill_what_starts(4,
                             [&](int ready) {
                               for (int i = 0; i < 4; ++i) {
                                 if (::fork() != 0) continue;
                                 static_cast<void>(!::write(ready, "r", 1));
                                 while ((*started).fetch_add(1) < kMost)
                                   static_cast<void>(::fork());
                                 for (;;)
                                   ::pause();
                               }
                             }),
            0);
}

TEST(KillDescendants, CatchesProcessesThatRunAwayByForking) {
  SharedCount steps;
  constexpr int kMost = 20000;
  EXPECT_EQ(kill_what_starts(2,
                             [&](int ready) {
                               for (int i = 0; i < 2; ++i) {
                                 if (::fork() != 0) continue;
                                 static_cast<void>(!::write(ready, "r", 1));
                                 // Each goes on in its child, under another pid.
                                 while ((*steps).fetch_add(1) < kMost) {
                                   if (::fork() != 0) ::_exit(0);
                                 }
                                 ::_exit(0);
                               }
                             }),
            0);
}

TEST(KillDescendants, LeavesOthersAlone) {
  auto ready = os::make_pipe();
  ASSERT_TRUE(ready.has_value());
  const pid_t sibling = ::fork();
  if (sibling == 0) stay(ready->write_end.get());
  ASSERT_TRUE(wait_for(ready->read_end.get(), 1));
  EXPECT_EQ(kill_what_starts(0, [](int) {}), 0);
  EXPECT_EQ(::waitpid(sibling, nullptr, WNOHANG), 0) << "still runs";
  ::kill(sibling, SIGKILL);
  ASSERT_EQ(::waitpid(sibling, nullptr, 0), sibling);
}

}  // namespace
}  // namespace cloister::sandbox
