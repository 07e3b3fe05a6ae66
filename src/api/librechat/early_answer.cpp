#include "api/librechat/early_answer.h"

namespace cloister::api::librechat {

EarlyAnswer::EarlyAnswer(net::Response& response, Milliseconds interval)
    : response_(response), interval_(interval), thread_([this] { run(); }) {}

EarlyAnswer::~EarlyAnswer() {
  stop();
}

void EarlyAnswer::run() {
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, interval_, [this] { return stopping_; })) {
    // A write can take long; stop() waits for it by waiting for the thread.
    lock.unlock();
    Result<void> written;
    if (!begun_) {
      begun_ = true;
      written = response_.begin_stream(200, {{"content-type", "application/json"}});
    }
    if (written) written = response_.write(" ");
    // The client is gone; the run notices by itself.
    if (!written) return;
    lock.lock();
  }
}

void EarlyAnswer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void EarlyAnswer::finish(const Answer& answer,
                         const std::function<std::string(const Answer&)>& late) {
  stop();
  if (!begun_) return send(response_, answer);
  const Result<void> written = response_.write(answer.status == 200 ? answer.body : late(answer));
  if (written) (void)response_.end_stream();
}

}  // namespace cloister::api::librechat
