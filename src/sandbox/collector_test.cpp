#include "sandbox/collector.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "os/forked_test.h"
#include "os/unix_message.h"
#include "sandbox/protocol.h"

namespace cloister::sandbox {
namespace {

struct Collected {
  std::map<std::string, std::string> files;  // Content by path.
  std::set<std::string> executable;
  std::uint64_t count = 0;
  std::uint32_t left_out = 0;
  int error = 0;
  bool ended = false;
};

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

// One message of the collector; false after the last one.
bool receive(int socket, Collected& result) {
  struct {
    InitReply reply;
    char path[kMaxPath];
  } buffer{};
  os::ReceivedMessage message;
  if (os::receive_message(socket, &buffer, sizeof buffer, message) != 0) return false;
  const UniqueFd file = message.take(0);
  if (message.size < sizeof buffer.reply || buffer.reply.magic != kProtocolMagic) return false;
  if (buffer.reply.kind == InitReplyKind::kEndOfFiles) {
    result.count = buffer.reply.count;
    result.left_out = buffer.reply.left_out;
    result.ended = true;
    return false;
  }
  EXPECT_EQ(buffer.reply.kind, InitReplyKind::kFile);
  EXPECT_TRUE(file.is_open());
  EXPECT_EQ(::fcntl(file.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  const std::string path(buffer.path);
  EXPECT_EQ(message.size, sizeof buffer.reply + path.size() + 1);
  EXPECT_FALSE(result.files.contains(path)) << path << " came twice";
  result.files[path] = read_all(file.get());
  EXPECT_EQ(buffer.reply.area, Area::kProgram) << "the one that was asked for";
  if (buffer.reply.flags == static_cast<std::uint32_t>(FileFlag::kExecutable)) {
    result.executable.insert(path);
  } else {
    EXPECT_EQ(buffer.reply.flags, 0U);
  }
  EXPECT_EQ(buffer.reply.size, result.files[path].size()) << path;
  return true;
}

class CollectorTest : public testing::Test {
 protected:
  void put(const std::string& path, const std::string& content) const {
    std::filesystem::create_directories(std::filesystem::path(top_ / path).parent_path());
    std::ofstream(top_ / path) << content;
  }

  Collected collect() const {
    Collected result;
    auto pair = os::make_seqpacket_pair();
    const UniqueFd workspace(::open(top_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::thread sender([&] {
      result.error = collect_files(workspace.get(), Area::kProgram, pair->first.get());
      pair->first.reset();
    });
    while (receive(pair->second.get(), result)) {
    }
    sender.join();
    return result;
  }

  os::TemporaryDirectory top_;
};

TEST_F(CollectorTest, AnEmptyWorkspaceHasNoFiles) {
  const Collected result = collect();
  EXPECT_TRUE(result.ended);
  EXPECT_EQ(result.error, 0);
  EXPECT_EQ(result.count, 0U);
  EXPECT_EQ(result.left_out, 0U);
}

TEST_F(CollectorTest, FindsEveryRegularFile) {
  put("plain", "1");
  put(".hidden", "2");
  put("empty", "");
  put("directory/below", "3");
  put("directory/.hidden/deep", "4");
  std::filesystem::create_directory(top_ / "empty directory");
  ASSERT_EQ(::link((top_ / "plain").c_str(), (top_ / "directory/link").c_str()), 0);
  const Collected result = collect();
  const std::map<std::string, std::string> expected{
      {"plain", "1"},           {".hidden", "2"},        {"empty", ""},
      {"directory/below", "3"}, {"directory/link", "1"}, {"directory/.hidden/deep", "4"},
  };
  EXPECT_EQ(result.files, expected);
  EXPECT_EQ(result.count, expected.size());
  EXPECT_EQ(result.left_out, 0U);
}

TEST_F(CollectorTest, NamesAreBytes) {
  put("new\nline", "1");
  put("not \xff\xfe text", "2");
  put("\xc3\xa4/\x01\x7f", "3");
  const Collected result = collect();
  const std::map<std::string, std::string> expected{
      {"new\nline", "1"}, {"not \xff\xfe text", "2"}, {"\xc3\xa4/\x01\x7f", "3"}};
  EXPECT_EQ(result.files, expected);
}

TEST_F(CollectorTest, TheOwnersRightToExecuteIsReported) {
  for (const auto& [name, mode] : std::map<std::string, mode_t>{
           {"none", 0644}, {"owner", 0744}, {"all", 0755}, {"others", 0655}}) {
    put(name, "x");
    ASSERT_EQ(::chmod((top_ / name).c_str(), mode), 0);
  }
  const Collected result = collect();
  EXPECT_EQ(result.files.size(), 4U);
  EXPECT_EQ(result.executable, (std::set<std::string>{"owner", "all"}));
}

TEST_F(CollectorTest, ReadsAFileWithoutPermissionsAsRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root reads what it has no permission for";
  put("secret", "x");
  ASSERT_EQ(::chmod((top_ / "secret").c_str(), 0), 0);
  EXPECT_EQ(collect().files.size(), 1U);
}

TEST_F(CollectorTest, LinksPipesAndSocketsDoNotExist) {
  put("real", "x");
  std::filesystem::create_directory(top_ / "directory");
  put("directory/inside", "y");
  ASSERT_EQ(::symlink("real", (top_ / "to file").c_str()), 0);
  ASSERT_EQ(::symlink("directory", (top_ / "to directory").c_str()), 0);
  ASSERT_EQ(::symlink("/etc/passwd", (top_ / "out").c_str()), 0);
  ASSERT_EQ(::symlink("/", (top_ / "directory/root").c_str()), 0);
  ASSERT_EQ(::symlink("nowhere", (top_ / "dangling").c_str()), 0);
  ASSERT_EQ(::mkfifo((top_ / "pipe").c_str(), 0644), 0);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (top_ / "socket").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const Collected result = collect();
  const std::map<std::string, std::string> expected{{"real", "x"}, {"directory/inside", "y"}};
  EXPECT_EQ(result.files, expected);
  EXPECT_EQ(result.left_out, 0U) << "what is no file is not left out either";
}

// Directories d/d/d/..., `depth` of them, made from the inside so that no path gets too long.
UniqueFd make_nested(const std::string& top, const std::string& name, std::size_t depth) {
  UniqueFd directory(::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (std::size_t i = 0; i < depth; ++i) {
    EXPECT_EQ(::mkdirat(directory.get(), name.c_str(), 0755), 0);
    directory.reset(::openat(directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  return directory;
}

void put_at(int directory, const char* name) {
  const UniqueFd file(::openat(directory, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  ASSERT_TRUE(file.is_open());
}

TEST_F(CollectorTest, DeepFilesAreLeftOutAndCounted) {
  const UniqueFd last = make_nested(top_.path(), "d", kMaxWorkspaceDepth - 1);
  put_at(last.get(), "last");
  ASSERT_EQ(::mkdirat(last.get(), "d", 0755), 0);
  const UniqueFd beyond(::openat(last.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  put_at(beyond.get(), "one");
  put_at(beyond.get(), "two");
  put("shallow", "x");
  const Collected result = collect();
  EXPECT_EQ(result.files.size(), 2U);
  EXPECT_TRUE(result.files.contains("shallow"));
  EXPECT_EQ(result.left_out, 2U);
}

TEST_F(CollectorTest, LongPathsAreLeftOutAndCounted) {
  const std::string name(250, 'n');
  // 16 parts of 251 bytes are 4016: a name of 79 and its NUL still fit.
  const UniqueFd last = make_nested(top_.path(), name, 16);
  put_at(last.get(), std::string(79, 'f').c_str());
  put_at(last.get(), std::string(80, 'g').c_str());
  put("shallow", "x");
  const Collected result = collect();
  EXPECT_EQ(result.files.size(), 2U);
  EXPECT_EQ(result.left_out, 1U);
  std::size_t longest = 0;
  for (const auto& [path, content] : result.files)
    longest = std::max(longest, path.size());
  EXPECT_EQ(longest, kMaxPath - 1);
}

TEST_F(CollectorTest, ManyFilesAllCome) {
  for (int i = 0; i < 1000; ++i)
    put("many/" + std::to_string(i), std::to_string(i));
  const Collected result = collect();
  EXPECT_EQ(result.count, 1000U);
  ASSERT_EQ(result.files.size(), 1000U);
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(result.files.at("many/" + std::to_string(i)), std::to_string(i));
}

TEST_F(CollectorTest, AServerThatIsGoneEndsIt) {
  put("file", "x");
  auto pair = os::make_seqpacket_pair();
  ASSERT_TRUE(pair.has_value());
  pair->second.reset();
  const UniqueFd workspace(::open(top_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(collect_files(workspace.get(), Area::kProgram, pair->first.get()), EPIPE);
}

TEST_F(CollectorTest, CanBeCalledAgain) {
  put("file", "x");
  EXPECT_EQ(collect().count, 1U);
  auto pair = os::make_seqpacket_pair();
  ASSERT_TRUE(pair.has_value());
  const UniqueFd workspace(::open(top_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int round = 0; round < 2; ++round) {
    ASSERT_EQ(collect_files(workspace.get(), Area::kProgram, pair->first.get()), 0);
    Collected result;
    while (receive(pair->second.get(), result)) {
    }
    EXPECT_EQ(result.count, 1U) << "round " << round;
  }
}

}  // namespace
}  // namespace cloister::sandbox
