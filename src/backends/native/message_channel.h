// The server's end of a program's channel: messages out of datagrams, and answers into them.
//
// A message is one or more datagrams of a SOCK_SEQPACKET socket. The first byte of each is 'C' when
// more follow and 'E' in the last; up to 65535 bytes of the message come behind it. The program is
// hostile: what has another form, or is longer than kMaxMessageBytes, is reported and never kept.
// Descriptors that it sends along are dropped by the kernel. Nothing here blocks. For one thread.
#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace cloister::backends::native {

class MessageChannel {
 public:
  static constexpr std::size_t kMaxMessageBytes = std::size_t{8} << 20U;
  static constexpr std::size_t kMaxPartBytes = 65535;

  enum class Received {
    kNothing,    // Not yet a whole message.
    kMessage,    // take_message() has it.
    kClosed,     // The program has closed its end.
    kMalformed,  // Or too long.
  };

  // `socket` is not owned.
  explicit MessageChannel(int socket) : socket_(socket) {}

  int socket() const { return socket_; }

  // Takes one datagram. `is_hung_up`: poll has said that the other end is closed.
  Received receive(bool is_hung_up);
  std::string take_message();

  // Queues an answer; only when the one before is sent.
  void reply(std::string answer);
  bool has_reply() const { return has_reply_; }
  // Sends what goes without waiting. False when the program has closed its end.
  bool send();

 private:
  const int socket_;
  std::string message_;
  std::string reply_;
  std::size_t sent_ = 0;
  bool has_reply_ = false;
};

}  // namespace cloister::backends::native
