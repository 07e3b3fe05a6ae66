// A load client: many keep-alive connections, one thread each, plain sockets.
//
// load HOST PORT CLIENTS REQUESTS PATH BODY_FILE EXPECTED
// Sends REQUESTS requests in all (the next free client takes the next one) and prints one JSON
// object: the wall clock time, the failures, the requests of each client, and every latency in
// microseconds. A request fails when its status is not 200 or its answer does not contain EXPECTED.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Target {
  sockaddr_in address{};
  std::string request;
  std::string expected;
};

struct ClientResult {
  std::vector<double> latencies_us;
  int failures = 0;
};

class Connection {
 public:
  explicit Connection(const sockaddr_in& address) : address_(address) {}
  ~Connection() { close_it(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool open_it() {
    if (fd_ >= 0) return true;
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return false;
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) == 0) {
      return true;
    }
    close_it();
    return false;
  }

  // True for status 200 with the expected text in the body.
  bool exchange(const Target& target) {
    if (!open_it() || !send_all(target.request) || !read_answer()) {
      close_it();
      return false;
    }
    return status_ == 200 && body_.find(target.expected) != std::string::npos;
  }

 private:
  void close_it() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    buffer_.clear();
  }

  bool send_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  bool read_more() {
    char piece[65536];
    const ssize_t got = ::recv(fd_, piece, sizeof piece, 0);
    if (got <= 0) return false;
    buffer_.append(piece, static_cast<std::size_t>(got));
    return true;
  }

  bool read_answer() {
    std::size_t end = std::string::npos;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) return false;
    }
    status_ = std::atoi(buffer_.c_str() + std::strlen("HTTP/1.1 "));
    const std::size_t length = content_length(std::string_view(buffer_).substr(0, end));
    while (buffer_.size() < end + 4 + length) {
      if (!read_more()) return false;
    }
    body_ = buffer_.substr(end + 4, length);
    buffer_.erase(0, end + 4 + length);
    return true;
  }

  static std::size_t content_length(std::string_view head) {
    constexpr std::string_view kName = "content-length:";
    for (std::size_t i = 0; i + kName.size() < head.size(); ++i) {
      if (::strncasecmp(head.data() + i, kName.data(), kName.size()) == 0) {
        return std::strtoul(head.data() + i + kName.size(), nullptr, 10);
      }
    }
    return 0;
  }

  sockaddr_in address_;
  int fd_ = -1;
  int status_ = 0;
  std::string buffer_;
  std::string body_;
};

// Lets all clients begin at the same moment, connected.
class StartLine {
 public:
  explicit StartLine(int count) : missing_(count) {}
  void wait() {
    std::unique_lock lock(mutex_);
    if (--missing_ == 0) {
      begin_ = Clock::now();
      all_here_.notify_all();
    }
    all_here_.wait(lock, [&] { return missing_ == 0; });
  }
  Clock::time_point begin() const { return begin_; }

 private:
  std::mutex mutex_;
  std::condition_variable all_here_;
  int missing_;
  Clock::time_point begin_;
};

void run_client(const Target& target, StartLine& line, std::atomic<int>& left,
                ClientResult& result) {
  Connection connection(target.address);
  connection.open_it();
  line.wait();
  while (left.fetch_sub(1) > 0) {
    const auto begin = Clock::now();
    const bool good = connection.exchange(target);
    const std::chrono::duration<double, std::micro> took = Clock::now() - begin;
    if (good) {
      result.latencies_us.push_back(took.count());
    } else {
      ++result.failures;
    }
  }
}

void print(const std::vector<ClientResult>& results, double wall_s) {
  int failures = 0;
  std::printf("{\"wall_s\":%.6f,\"per_client\":[", wall_s);
  for (std::size_t i = 0; i < results.size(); ++i) {
    failures += results[i].failures;
    std::printf("%s%zu", i ? "," : "", results[i].latencies_us.size());
  }
  std::printf("],\"failures\":%d,\"latencies_us\":[", failures);
  bool first = true;
  for (const ClientResult& result : results) {
    for (const double latency : result.latencies_us) {
      std::printf("%s%.1f", first ? "" : ",", latency);
      first = false;
    }
  }
  std::printf("]}\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    std::fprintf(stderr, "usage: load HOST PORT CLIENTS REQUESTS PATH BODY_FILE EXPECTED\n");
    return 2;
  }
  Target target;
  target.address.sin_family = AF_INET;
  target.address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[2])));
  if (::inet_pton(AF_INET, argv[1], &target.address.sin_addr) != 1) return 2;
  std::ifstream file(argv[6], std::ios::binary);
  const std::string body{std::istreambuf_iterator<char>(file), {}};
  target.request =
      "POST " + std::string(argv[5]) +
      " HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  target.expected = argv[7];

  const int clients = std::atoi(argv[3]);
  std::atomic<int> left{std::atoi(argv[4])};
  std::vector<ClientResult> results(static_cast<std::size_t>(clients));
  StartLine line(clients);
  std::vector<std::thread> threads;
  for (ClientResult& result : results) {
    threads.emplace_back([&] { run_client(target, line, left, result); });
  }
  for (std::thread& thread : threads)
    thread.join();
  const std::chrono::duration<double> wall = Clock::now() - line.begin();
  print(results, wall.count());
  return 0;
}
