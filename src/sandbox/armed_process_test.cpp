// enter_image_root, mount_sandbox and arm_process together, in namespaces as the launcher makes
// them, over an image of empty directories: what an armed process is, and what it cannot do.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <sstream>
#include <vector>

#include "os/landlock.h"
#include "os/namespaces_test.h"
#include "sandbox/arm.h"
#include "sandbox/image_root.h"
#include "sandbox/sandbox_mounts.h"

namespace cloister::sandbox {
namespace {

// Filled by the armed process in memory that it shares with the test. Errors are errno values, 0
// for what worked and should not have.
struct Findings {
  Step failed_step = Step::kNone;
  int failed_error = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  int groups = -1;
  char directory[64] = {};
  char status[8192] = {};
  rlim_t processes = 0;
  rlim_t open_files = 0;
  rlim_t core = ~rlim_t{0};
  int mount = 0;
  int unshare_user = 0;
  int trace = 0;
  int clone3 = 0;
  int set_user = 0;
  int write_root = 0;
  int write_image = 0;
  int write_proc = 0;
  int write_guest = 0;
  int device = 0;
  int in_workspace = -1;
  int in_data = -1;
  int in_sandbox = -1;
  int in_program = -1;
  int in_tmp = -1;
  int in_shm = -1;
  int null_device = -1;
  std::int64_t masked_bytes = -1;  // Read from /proc/cmdline, which is masked.
};

int error_of(long result) {
  return result < 0 ? errno : 0;
}

int create_error(const char* path, int flags = O_CREAT | O_EXCL) {
  const int fd = ::open(path, flags | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  const int error = error_of(::write(fd, "x", 1));
  ::close(fd);
  return error;
}

std::int64_t read_into(const char* path, char* buffer, std::size_t capacity) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  const std::int64_t count = ::read(fd, buffer, capacity);
  ::close(fd);
  return count;
}

rlim_t limit_of(__rlimit_resource resource) {
  rlimit limit{};
  return ::getrlimit(resource, &limit) == 0 ? limit.rlim_cur : ~rlim_t{0};
}

void look_around(Findings& findings) {
  findings.uid = ::geteuid();
  findings.gid = ::getegid();
  findings.groups = ::getgroups(0, nullptr);
  static_cast<void>(!::getcwd(findings.directory, sizeof findings.directory));
  read_into("/proc/self/status", findings.status, sizeof findings.status - 1);
  findings.processes = limit_of(RLIMIT_NPROC);
  findings.open_files = limit_of(RLIMIT_NOFILE);
  findings.core = limit_of(RLIMIT_CORE);
  findings.mount = error_of(::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr));
  findings.unshare_user = error_of(::unshare(CLONE_NEWUSER));
  findings.trace = error_of(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  const pid_t clone = os::clone3(arguments);
  if (clone == 0) ::_exit(0);
  findings.clone3 = error_of(clone);
  findings.set_user = error_of(::syscall(SYS_setresuid, 0, 0, 0));
  findings.write_root = create_error("/new");
  findings.write_image = create_error("/etc/new");
  findings.write_guest = create_error("/cloister/new");
  findings.write_proc = create_error("/proc/self/oom_score_adj", 0);
  findings.device = error_of(::mknod("/workspace/device", S_IFCHR | 0666, 0x103));
  findings.in_workspace = create_error("new");
  findings.in_data = create_error("/mnt/data/by the second name");
  findings.in_sandbox = create_error("/sandbox/by the third name");
  findings.in_program = create_error("/program/new");
  findings.in_tmp = create_error("/tmp/new");
  findings.in_shm = create_error("/dev/shm/new");
  findings.null_device = create_error("/dev/null", 0);
  std::array<char, 64> buffer{};
  findings.masked_bytes = read_into("/proc/cmdline", buffer.data(), buffer.size());
}

int record(Findings& findings, const ArmFailure& failure) {
  findings.failed_step = failure.step;
  findings.failed_error = failure.error;
  return failure.step == Step::kNone ? 0 : 1;
}

class ArmedProcess : public testing::Test {
 protected:
  void SetUp() override {
    const std::string reason = os::why_no_user_namespaces();
    if (!reason.empty()) GTEST_SKIP() << reason;
    for (const char* name : {"dev", "proc", "tmp", "workspace", "mnt", "mnt/data", "sandbox",
                             "program", "cloister", "etc"}) {
      ASSERT_EQ(::mkdir((image_ / name).c_str(), 0755), 0);
    }
    ASSERT_EQ(::chmod(image_.path().c_str(), 0755), 0);
    void* memory = ::mmap(nullptr, sizeof(Findings), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    findings_ = new (memory) Findings;
  }

  void TearDown() override {
    if (findings_ != nullptr) ::munmap(findings_, sizeof(Findings));
  }

  // The launcher's namespaces, in these the sandbox's, in these `body`. The exit status of body.
  int run(const std::function<int()>& body) {
    const bool is_root = ::geteuid() == 0;
    const auto map_launcher = [&](int proc, pid_t pid) {
      if (!is_root) return os::map_as_root(proc, pid);
      const std::array<os::IdRange, 1> range{{{0, 0x70000000, 65536}}};
      return os::write_id_maps(proc, pid, range, false);
    };
    const auto map_sandbox = [&](int proc, pid_t pid) {
      const std::array<os::IdRange, 2> both{{{0, 0, 1}, {kSandboxUid, 1000, 1}}};
      const std::array<os::IdRange, 1> single{{{kSandboxUid, 0, 1}}};
      return is_root ? os::write_id_maps(proc, pid, both, false)
                     : os::write_id_maps(proc, pid, single, true);
    };
    const auto become_root = [&] {
      return !is_root ||
             (::syscall(SYS_setgroups, 0, nullptr) == 0 && ::syscall(SYS_setresgid, 0, 0, 0) == 0 &&
              ::syscall(SYS_setresuid, 0, 0, 0) == 0);
    };
    // The working directory moves into the clone's mounts, a descriptor would not.
    const UniqueFd before(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (::chdir(image_.path().c_str()) != 0) return 100;
    constexpr std::uint64_t kAll =
        CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    const int outer = os::run_in_namespaces(kAll, map_launcher, [&] {
      if (!become_root()) return 101;
      ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
      if (record(*findings_, enter_image_root(guest_files_)) != 0) return 102;
      const MountPlan plan = plan_mounts();
      const int inner = os::run_in_namespaces(kAll, map_sandbox, [&] {
        if (!become_root()) return 103;
        if (record(*findings_, mount_sandbox(plan, limits_)) != 0) return 104;
        return body();
      });
      return inner < 0 ? 105 : inner;
    });
    return ::fchdir(before.get()) == 0 ? outer : 107;
  }

  int run_armed(const std::function<int()>& body) {
    return run([&] {
      if (record(*findings_, arm_process(limits_, os::landlock_abi())) != 0) return 106;
      return body();
    });
  }

  std::string failure() const {
    return std::string(step_name(static_cast<std::uint32_t>(findings_->failed_step))) + ": " +
           std::strerror(findings_->failed_error);
  }

  std::string field(const std::string& name) const {
    std::istringstream lines(findings_->status);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name + ":"))
        return line.substr(line.find_first_not_of(" \t", name.size() + 1));
    }
    return "missing";
  }

  os::TemporaryDirectory image_;
  std::vector<GuestFile> guest_files_ = {{"top", "1"}, {"a/b/first", "22"}, {"a/b/second", ""}};
  SandboxLimits limits_;
  Findings* findings_ = nullptr;
};

TEST_F(ArmedProcess, HasNoPrivilegeAndCannotGetAny) {
  limits_.processes = 33;
  limits_.open_files = 99;
  ASSERT_EQ(run_armed([&] {
              look_around(*findings_);
              return 0;
            }),
            0)
      << failure();
  EXPECT_EQ(findings_->uid, kSandboxUid);
  EXPECT_EQ(findings_->gid, kSandboxUid);
  if (::geteuid() == 0) {
    // An ordinary user may not drop the groups that the kernel shows as unmapped.
    EXPECT_EQ(findings_->groups, 0);
  }
  EXPECT_STREQ(findings_->directory, "/workspace");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_EQ(field(set), "0000000000000000") << set;
  EXPECT_EQ(field("NoNewPrivs"), "1");
  EXPECT_EQ(field("Seccomp"), "2");
  EXPECT_EQ(findings_->processes, 33U);
  EXPECT_EQ(findings_->open_files, 99U);
  EXPECT_LE(findings_->core, 1U);
  EXPECT_EQ(findings_->mount, EPERM);
  EXPECT_EQ(findings_->unshare_user, EPERM);
  EXPECT_EQ(findings_->trace, EPERM);
  EXPECT_EQ(findings_->clone3, ENOSYS);
  // Of an ordinary user's sandbox there is no root to become.
  EXPECT_EQ(findings_->set_user, ::geteuid() == 0 ? EPERM : EINVAL);
  EXPECT_EQ(findings_->device, EPERM);
}

TEST_F(ArmedProcess, WritesInItsOwnDirectoriesOnly) {
  ASSERT_EQ(run_armed([&] {
              look_around(*findings_);
              return 0;
            }),
            0)
      << failure();
  EXPECT_EQ(findings_->in_workspace, 0);
  EXPECT_EQ(findings_->in_data, 0);
  EXPECT_EQ(findings_->in_sandbox, 0);
  EXPECT_EQ(findings_->in_program, 0);
  EXPECT_EQ(findings_->in_tmp, 0);
  EXPECT_EQ(findings_->in_shm, 0);
  EXPECT_EQ(findings_->null_device, 0);
  for (const int error : {findings_->write_root, findings_->write_image, findings_->write_proc,
                          findings_->write_guest})
    EXPECT_TRUE(error == EACCES || error == EROFS) << error;
  EXPECT_EQ(findings_->masked_bytes, 0) << "/proc/cmdline is the host's";
}

TEST_F(ArmedProcess, TheHostIsNotReachable) {
  const std::string marker = image_ / "etc/marker";
  const int fd = ::open(marker.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  ASSERT_GE(fd, 0);
  ::close(fd);
  EXPECT_EQ(run_armed([&] {
              if (::access("/etc/marker", R_OK) != 0) return 1;  // The image's.
              if (::access(marker.c_str(), F_OK) == 0) return 2;
              if (::access("/usr", F_OK) == 0) return 3;
              // Up from the root there is nothing.
              if (::chdir("/") != 0 || ::chdir("../../..") != 0) return 4;
              return ::access("etc/marker", R_OK) == 0 ? 0 : 5;
            }),
            0)
      << failure();
}

TEST_F(ArmedProcess, TheWorkspaceHasItsSize) {
  limits_.workspace_bytes = 1 << 20;
  limits_.workspace_inodes = 16;
  EXPECT_EQ(run_armed([&] {
              const std::string megabytes(2 << 20, 'x');
              const int fd = ::open("large", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
              ssize_t count = ::write(fd, megabytes.data(), megabytes.size());
              if (count != 1 << 20) return 1;
              count = ::write(fd, "x", 1);
              if (count != -1 || errno != ENOSPC) return 2;
              int error = 0;
              for (int i = 0; i < 32 && error == 0; ++i)
                error = error_of(::mkdir(std::to_string(i).c_str(), 0755));
              return error == ENOSPC ? 0 : 3;
            }),
            0)
      << failure();
}

TEST_F(ArmedProcess, TheWorkspaceHasThreeNames) {
  EXPECT_EQ(run_armed([&] {
              if (create_error("/workspace/file") != 0) return 1;
              struct stat first{};
              if (::stat("/workspace/file", &first) != 0) return 2;
              for (const char* name : {"/mnt/data/file", "/sandbox/file"}) {
                struct stat other{};
                if (::stat(name, &other) != 0 || other.st_ino != first.st_ino) return 3;
                if (other.st_dev != first.st_dev) return 4;
              }
              if (::unlink("/sandbox/file") != 0) return 5;
              return ::access("/mnt/data/file", F_OK) == 0 ? 6 : 0;
            }),
            0)
      << failure();
}

TEST_F(ArmedProcess, NoDeviceOrSetUserIdWorksInAnyPlaceThatIsWritable) {
  EXPECT_EQ(run_armed([&] {
              for (const char* name : {"/workspace", "/mnt/data", "/sandbox", "/program"}) {
                struct statvfs status{};
                if (::statvfs(name, &status) != 0) return 1;
                if ((status.f_flag & ST_NOSUID) == 0 || (status.f_flag & ST_NODEV) == 0) return 2;
              }
              return 0;
            }),
            0)
      << failure();
}

TEST_F(ArmedProcess, TheProgramDirectoryHasItsSize) {
  limits_.program_bytes = 1 << 20;
  EXPECT_EQ(run_armed([&] {
              const std::string megabytes(2 << 20, 'x');
              const int fd = ::open("/program/large", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
              if (::write(fd, megabytes.data(), megabytes.size()) != 1 << 20) return 1;
              return ::write(fd, "x", 1) == -1 && errno == ENOSPC ? 0 : 2;
            }),
            0)
      << failure();
}

TEST_F(ArmedProcess, TheGuestFilesAreThereToBeRead) {
  const mode_t before = ::umask(077);
  const int result = run_armed([&] {
    std::array<char, 8> bytes{};
    if (read_into("/cloister/top", bytes.data(), bytes.size()) != 1 || bytes[0] != '1') return 1;
    if (read_into("/cloister/a/b/first", bytes.data(), bytes.size()) != 2) return 2;
    if (read_into("/cloister/a/b/second", bytes.data(), bytes.size()) != 0) return 3;
    if (::chmod("/cloister/top", 0777) == 0 || ::unlink("/cloister/top") == 0) return 4;
    return ::rename("/cloister/a", "/cloister/b") == 0 ? 5 : 0;
  });
  ::umask(before);
  EXPECT_EQ(result, 0) << failure();
}

TEST_F(ArmedProcess, AnImageWithoutAMountPointIsNamedSo) {
  ASSERT_EQ(::rmdir((image_ / "program").c_str()), 0);
  EXPECT_EQ(run([] { return 0; }), 102);
  EXPECT_EQ(findings_->failed_step, Step::kImageMountPoints);
  EXPECT_EQ(findings_->failed_error, ENOENT);
  EXPECT_NE(failure().find("cloister image build"), std::string::npos);
}

TEST_F(ArmedProcess, CannotBeArmedOutsideOfASandbox) {
  EXPECT_EQ(run([&] {
              // Without the workspace's mount there is a directory, but not the right to a user.
              if (::syscall(SYS_capset, nullptr, nullptr) == 0) return 1;
              if (::umount2("/workspace", MNT_DETACH) != 0 || ::chroot("/tmp") != 0) return 2;
              const ArmFailure failure = arm_process(limits_, 0);
              return failure.step == Step::kWorkingDirectory && failure.error == ENOENT ? 0 : 3;
            }),
            0)
      << failure();
}

// In a child: takes pipes of its own, with a channel or without; then 0, or where it is wrong.
int take_and_look(bool with_channel, bool is_inherited) {
  auto in = os::make_pipe();
  auto out = os::make_pipe();
  auto error = os::make_pipe();
  auto kept = os::make_pipe();
  auto channel = os::make_pipe();
  if (!in || !out || !error || !kept || !channel) return 1;
  const auto above = [](int fd) { return ::fcntl(fd, F_DUPFD_CLOEXEC, 20); };
  const int reader = above(out->read_end.get());
  const ArmFailure failure = take_streams(
      above(in->read_end.get()), above(out->write_end.get()), above(error->write_end.get()),
      {with_channel ? above(channel->read_end.get()) : -1, is_inherited},
      above(kept->write_end.get()));
  if (failure.step != Step::kNone) return 2;
  if (::fcntl(kKeptFd, F_GETFD) != FD_CLOEXEC) return 3;
  for (const int fd : {0, 1, 2}) {
    if (::fcntl(fd, F_GETFD) != 0) return 4;
  }
  const int expected = !with_channel ? -1 : is_inherited ? 0 : FD_CLOEXEC;
  if (::fcntl(kChannelFd, F_GETFD) != expected) return 5;
  for (int fd = kKeptFd + 1; fd < 64; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) return 6;
  }
  return ::fcntl(reader, F_GETFD) < 0 && errno == EBADF ? 0 : 7;
}

TEST(TakeStreams, TheGivenOnesAndNothingElseStaysOpen) {
  EXPECT_EQ(os::run_in_child([] { return take_and_look(false, false); }), 0);
}

TEST(TakeStreams, AChannelIsInheritedOrNot) {
  EXPECT_EQ(os::run_in_child([] { return take_and_look(true, false); }), 0);
  EXPECT_EQ(os::run_in_child([] { return take_and_look(true, true); }), 0);
}

}  // namespace
}  // namespace cloister::sandbox
