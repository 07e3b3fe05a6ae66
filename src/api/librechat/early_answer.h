// Keeps the connection of a slow answer open: white space, which JSON allows before a value, goes
// out ahead of it.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "api/common/answer.h"
#include "base/clock.h"
#include "net/http.h"

namespace cloister::api::librechat {

// From its construction until finish() the response belongs to it. When that takes longer than
// `interval`, status 200 is sent with a space, and one more space each further interval. One thread
// constructs and finishes it; another one, which it owns, writes the spaces.
class EarlyAnswer {
 public:
  // `response` is not owned.
  EarlyAnswer(net::Response& response, Milliseconds interval);
  ~EarlyAnswer();
  EarlyAnswer(const EarlyAnswer&) = delete;
  EarlyAnswer& operator=(const EarlyAnswer&) = delete;

  // Sends the answer, to be called once. Once the status has gone out as 200, an answer with
  // another one becomes what `late` makes of it: JSON that says so in itself.
  void finish(const Answer& answer, const std::function<std::string(const Answer&)>& late);

 private:
  void run();
  void stop();

  net::Response& response_;
  const Milliseconds interval_;

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;  // Guarded by mutex_.
  bool begun_ = false;     // Written by the thread; read when that has ended.

  std::thread thread_;
};

}  // namespace cloister::api::librechat
