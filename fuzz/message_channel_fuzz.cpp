// Arbitrary datagrams of a program on its channel; and messages that were sent come back unchanged.
#include <sys/socket.h>

#include <algorithm>
#include <string>

#include "backends/native/message_channel.h"
#include "base/unique_fd.h"
#include "fuzz.h"

using cloister::UniqueFd;
using cloister::backends::native::MessageChannel;
using cloister::fuzz::require;

namespace {

struct Ends {
  UniqueFd first;
  UniqueFd second;
};

Ends make_pair() {
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "there are sockets");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// The first byte of each piece is its length; what the others join to is what comes out.
void receive_pieces(std::string_view text) {
  const Ends ends = make_pair();
  MessageChannel channel(ends.first.get());
  std::string expected;
  while (!text.empty()) {
    const std::size_t length =
        std::min<std::size_t>(static_cast<unsigned char>(text[0]), text.size() - 1);
    const std::string_view piece = text.substr(1, length);
    text.remove_prefix(1 + length);
    require(::send(ends.second.get(), piece.data(), piece.size(), 0) ==
                static_cast<ssize_t>(piece.size()),
            "a datagram is sent");
    const bool has_form = !piece.empty() && (piece[0] == 'C' || piece[0] == 'E');
    switch (channel.receive(false)) {
      case MessageChannel::Received::kMalformed:
        require(!has_form, "what has the right form is taken");
        return;
      case MessageChannel::Received::kNothing:
        require(has_form && piece[0] == 'C', "more is to come");
        expected += piece.substr(1);
        break;
      case MessageChannel::Received::kMessage:
        require(has_form && piece[0] == 'E', "it is the last one");
        require(channel.take_message() == expected + std::string(piece.substr(1)),
                "all parts in their order");
        expected.clear();
        break;
      case MessageChannel::Received::kClosed:
        require(false, "nobody has closed it");
    }
  }
}

// `times` times the text, so that it takes several datagrams.
void send_and_receive(std::string_view text, std::size_t times) {
  const Ends ends = make_pair();
  MessageChannel sender(ends.first.get());
  MessageChannel receiver(ends.second.get());
  std::string message;
  for (std::size_t i = 0; i < times; ++i)
    message += text;
  sender.reply(message);
  for (;;) {
    require(sender.send(), "the other end is open");
    const auto received = receiver.receive(false);
    require(received != MessageChannel::Received::kMalformed, "it has the right form");
    if (received == MessageChannel::Received::kMessage) break;
  }
  require(!sender.has_reply(), "all is sent");
  require(receiver.take_message() == message, "it comes back unchanged");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = cloister::fuzz::as_text(data, size);
  receive_pieces(text);
  send_and_receive(text, size % 7 == 0 ? 200 : 1);
  return 0;
}
