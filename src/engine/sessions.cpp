#include "engine/sessions.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/id.h"
#include "base/scope_exit.h"
#include "base/utf8.h"

namespace cloister::engine {
namespace {

constexpr std::chrono::hours kForgettingInterval{1};
constexpr std::chrono::hours kLongestSweepInterval{1};

tl::unexpected<Error> no_such_session(std::string_view id) {
  return fail(ErrorCode::kNotFound, "Session '" + repair_utf8(id) + "' not found");
}

tl::unexpected<Error> shutting_down() {
  return fail(ErrorCode::kUnavailable, "The server is shutting down.");
}

Microseconds since(const Clock& clock, SteadyTime begin) {
  return std::chrono::duration_cast<Microseconds>(clock.steady_now() - begin);
}

}  // namespace

struct Sessions::Session {
  // Constant once the session is published:
  SessionRecord record;
  SteadyTime deadline{};
  std::unique_ptr<Sandbox> sandbox;

  std::atomic<bool> ended{false};
};

Sessions::Sessions(Backend& backend, FileStore& files, Admission& admission,
                   store::SessionTable& table, ExecutionObserver& observer, const Clock& clock,
                   SessionLimits limits)
    : backend_(backend),
      files_(files),
      admission_(admission),
      table_(table),
      observer_(observer),
      clock_(clock),
      limits_(limits) {}

Sessions::~Sessions() {
  shut_down();
}

Result<void> Sessions::recover() {
  TRY_VOID(table_.mark_all_ended(clock_.wall_now(), "server restarted"));
  return {};
}

void Sessions::shut_down() {
  std::vector<SessionPtr> sessions;
  {
    const std::lock_guard lock(mutex_);
    shutting_down_ = true;
    for (const auto& [id, session] : live_)
      sessions.push_back(session);
  }
  for (const SessionPtr& session : sessions)
    end(session, "server stopped");
}

Result<void> Sessions::reserve() {
  const std::lock_guard lock(mutex_);
  if (shutting_down_) return shutting_down();
  if (live_.size() + reserved_ >= limits_.sessions_max) {
    return fail(ErrorCode::kSaturated, "The maximum of " + std::to_string(limits_.sessions_max) +
                                           " live sessions is reached. Delete a session or retry "
                                           "after one has expired.");
  }
  ++reserved_;
  return {};
}

void Sessions::cancel_reservation() {
  const std::lock_guard lock(mutex_);
  --reserved_;
}

Result<SessionRecord> Sessions::create(const SessionSpec& spec, const Cancellation& cancellation) {
  auto slot = admission_.admit(spec.tenant);
  if (!slot) {
    observer_.on_rejected(kSessionCreateOperation, slot.error().code);
    return fail(std::move(slot).error());
  }
  if (auto reserved = reserve(); !reserved) {
    observer_.on_rejected(kSessionCreateOperation, reserved.error().code);
    return fail(std::move(reserved).error());
  }
  ScopeExit reservation([this] { cancel_reservation(); });
  ExecutionTimings timings;
  timings.queue = slot->waited();
  SessionPtr session = TRY(prepare(spec, cancellation, timings));

  const SessionRecord& record = session->record;
  auto published =
      table_.insert({record.id, record.tenant, record.created_at, record.expires_at, {}, {}});
  if (published) {
    reservation.dismiss();
    published = publish(session);
  }
  RunOutcome outcome;
  outcome.exit_code = 0;
  observer_.on_ended(kSessionCreateOperation, timings, published ? &outcome : nullptr);
  if (!published) return fail(std::move(published).error());
  return record;
}

// Tells the observer of the start, and of the end when it fails after it.
Result<Sessions::SessionPtr> Sessions::prepare(const SessionSpec& spec,
                                               const Cancellation& cancellation,
                                               ExecutionTimings& timings) {
  const SteadyTime begin = clock_.steady_now();
  const ResolvedInputs inputs =
      TRY(resolve_inputs(files_, spec.tenant, spec.files, EntryPoint::kOrdinary));
  auto sandbox = backend_.acquire({SandboxKind::kSession, {}}, cancellation);
  if (!sandbox) {
    observer_.on_rejected(kSessionCreateOperation, sandbox.error().code);
    return fail(std::move(sandbox).error());
  }
  observer_.on_started(kSessionCreateOperation);
  auto staged = to_staged_files(inputs);
  Result<void> done;
  if (!staged) {
    done = fail(std::move(staged).error());
  } else if (!staged->empty()) {
    done = (*sandbox)->stage(std::move(*staged));
  }
  timings.start = since(clock_, begin);
  if (!done) {
    observer_.on_ended(kSessionCreateOperation, timings, nullptr);
    return fail(std::move(done).error());
  }

  auto session = std::make_shared<Session>();
  session->sandbox = std::move(*sandbox);
  session->deadline = clock_.steady_now() + spec.time_to_live;
  session->record.id = spec.id_prefix + random_hex(16);
  session->record.tenant = spec.tenant;
  session->record.created_at = clock_.wall_now();
  session->record.expires_at = session->record.created_at + spec.time_to_live;
  return session;
}

Result<void> Sessions::publish(const SessionPtr& session) {
  bool stopped = false;
  bool is_earlier = false;
  {
    const std::lock_guard lock(mutex_);
    stopped = shutting_down_;
    --reserved_;
    live_.emplace(session->record.id, session);
    is_earlier = session->deadline < next_sweep_;
    if (is_earlier) next_sweep_ = session->deadline;
  }
  if (stopped) {
    end(session, "server stopped");
    return shutting_down();
  }
  if (is_earlier) {
    const std::lock_guard lock(listener_mutex_);
    if (expiry_listener_) expiry_listener_();
  }
  return {};
}

bool Sessions::has_expired(const Session& session) const {
  return clock_.steady_now() >= session.deadline || clock_.wall_now() >= session.record.expires_at;
}

Sessions::SessionPtr Sessions::find(std::string_view tenant, std::string_view session_id) {
  SessionPtr session;
  {
    const std::lock_guard lock(mutex_);
    const auto found = live_.find(session_id);
    if (found == live_.end() || found->second->record.tenant != tenant) return nullptr;
    session = found->second;
  }
  if (has_expired(*session)) {
    end(session, "expired");
    return nullptr;
  }
  if (!session->sandbox->is_alive()) {
    end(session, "sandbox died");
    return nullptr;
  }
  return session;
}

Result<RunOutcome> Sessions::run(std::string_view tenant, std::string_view session_id,
                                 const RunSpec& spec, const Cancellation& cancellation,
                                 RunObserver& observer) {
  auto slot = admission_.admit(tenant);
  if (!slot) {
    observer_.on_rejected(kSessionRunOperation, slot.error().code);
    return fail(std::move(slot).error());
  }
  const SessionPtr session = find(tenant, session_id);
  if (!session) return no_such_session(session_id);

  observer_.on_started(kSessionRunOperation);
  const SteadyTime begin = clock_.steady_now();
  auto outcome = session->sandbox->run(spec, cancellation, observer);
  ExecutionTimings timings;
  timings.queue = slot->waited();
  timings.run = since(clock_, begin);
  observer_.on_ended(kSessionRunOperation, timings, outcome ? &*outcome : nullptr);
  if (session->ended.load()) return no_such_session(session_id);
  if (outcome && outcome->cancelled) {
    return fail(ErrorCode::kCancelled, "The caller hung up before the program had ended.");
  }
  return outcome;
}

Result<void> Sessions::remove(std::string_view tenant, std::string_view session_id) {
  const SessionPtr session = find(tenant, session_id);
  // Two callers may find it; the one that ends it has removed it.
  if (!session || !withdraw(session)) return no_such_session(session_id);
  session->sandbox->terminate();
  return table_.mark_ended(session->record.id, clock_.wall_now(), "deleted");
}

bool Sessions::withdraw(const SessionPtr& session) {
  const std::lock_guard lock(mutex_);
  if (session->ended.exchange(true)) return false;
  live_.erase(session->record.id);
  return true;
}

void Sessions::end(const SessionPtr& session, std::string_view reason) {
  if (!withdraw(session)) return;
  session->sandbox->terminate();
  // Without this the record says that the session lives, until recover(); the session is gone.
  static_cast<void>(table_.mark_ended(session->record.id, clock_.wall_now(), reason));
}

std::size_t Sessions::size() const {
  const std::lock_guard lock(mutex_);
  return live_.size();
}

SteadyTime Sessions::sweep() {
  std::vector<SessionPtr> sessions;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, session] : live_)
      sessions.push_back(session);
  }
  for (const SessionPtr& session : sessions) {
    if (has_expired(*session)) {
      end(session, "expired");
    } else if (!session->sandbox->is_alive()) {
      end(session, "sandbox died");
    }
  }
  forget_old_records();
  const std::lock_guard lock(mutex_);
  next_sweep_ = clock_.steady_now() + kLongestSweepInterval;
  for (const auto& [id, session] : live_)
    next_sweep_ = std::min(next_sweep_, session->deadline);
  return next_sweep_;
}

void Sessions::forget_old_records() {
  {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.steady_now();
    if (now < next_forgetting_) return;
    next_forgetting_ = now + kForgettingInterval;
  }
  // Tidying up: what fails now is tried again in the next round.
  static_cast<void>(table_.remove_ended_before(clock_.wall_now() - limits_.keep_records));
}

void Sessions::set_expiry_listener(std::function<void()> listener) {
  const std::lock_guard lock(listener_mutex_);
  expiry_listener_ = std::move(listener);
}

}  // namespace cloister::engine
