#include "backends/native/warm_pool.h"

#include <algorithm>
#include <utility>

namespace cloister::backends::native {
namespace {

constexpr std::chrono::seconds kQuietTime{30};

}  // namespace

WarmPool::WarmPool(WarmPoolOptions options, Start start, const Logger& log, const Clock& clock)
    : options_(options), start_(std::move(start)), log_(log), clock_(clock) {
  thread_ = std::thread([this] { run(); });
}

WarmPool::~WarmPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<std::unique_ptr<engine::Sandbox>> WarmPool::take(const WarmCommand& command) {
  std::vector<WarmSandbox> dropped;  // Their end takes time, so it is not under the lock.
  WarmSandbox found;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = find_or_add(command, dropped);
    while (!entry.ready.empty() && !found.sandbox) {
      WarmSandbox next = std::move(entry.ready.front());
      entry.ready.pop_front();
      if (next.is_waiting()) {
        found = std::move(next);
      } else {
        dropped.push_back(std::move(next));
      }
    }
    if (!found.sandbox) {
      entry.last_miss = clock_.steady_now();
      if (options_.ready > 0) entry.wanted = std::min(entry.wanted + 1, options_.ready_max);
    }
    entry.failed = false;
    ++entry.asked;
  }
  changed_.notify_one();
  if (found.sandbox) return std::move(found.sandbox);
  return std::move(TRY(start_(command)).sandbox);
}

std::size_t WarmPool::ready() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const Entry& entry : entries_)
    count += entry.ready.size();
  return count;
}

WarmPool::Entry* WarmPool::find(const WarmCommand& command) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.command == command; });
  return found == entries_.end() ? nullptr : &*found;
}

// To the front; the least recently used one has to go when there are too many.
WarmPool::Entry& WarmPool::find_or_add(const WarmCommand& command,
                                       std::vector<WarmSandbox>& dropped) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.command == command; });
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
    return entries_.front();
  }
  while (entries_.size() >= std::max<std::size_t>(1, options_.commands_max)) {
    for (WarmSandbox& one : entries_.back().ready)
      dropped.push_back(std::move(one));
    entries_.pop_back();
  }
  Entry& entry = entries_.emplace_front();
  entry.command = command;
  // The caller's miss raises it to what is to be kept.
  entry.wanted = options_.ready > 0 ? options_.ready - 1 : 0;
  return entry;
}

WarmPool::Entry* WarmPool::first_incomplete() {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [](const Entry& entry) {
    return !entry.failed && entry.ready.size() < entry.wanted;
  });
  return found == entries_.end() ? nullptr : &*found;
}

void WarmPool::shrink(std::vector<WarmSandbox>& dropped) {
  const SteadyTime now = clock_.steady_now();
  for (Entry& entry : entries_) {
    if (entry.wanted <= options_.ready || now - entry.last_miss < kQuietTime) continue;
    entry.wanted = options_.ready;
    while (entry.ready.size() > entry.wanted) {
      dropped.push_back(std::move(entry.ready.back()));
      entry.ready.pop_back();
    }
  }
}

void WarmPool::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    std::vector<WarmSandbox> dropped;
    shrink(dropped);
    if (!dropped.empty()) {
      lock.unlock();
      dropped.clear();
      lock.lock();
      continue;
    }
    const Entry* incomplete = first_incomplete();
    if (incomplete == nullptr) {
      changed_.wait_for(lock, kQuietTime);
      continue;
    }
    const WarmCommand command = incomplete->command;
    const std::uint64_t asked = incomplete->asked;
    lock.unlock();
    auto made = start_(command);
    if (!made) {
      log_.error("a command could not be started ahead", {{"error", made.error().describe()}});
    }
    lock.lock();
    Entry* entry = find(command);  // It may have been given up meanwhile.
    if (entry != nullptr && made) {
      entry->ready.push_back(std::move(*made));
    } else if (entry != nullptr) {
      entry->failed = entry->asked == asked;
    }
    if (made && made->sandbox) {
      lock.unlock();
      made->sandbox.reset();
      lock.lock();
    }
  }
}

}  // namespace cloister::backends::native
