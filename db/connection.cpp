// Drives libpq's non-blocking calls; every return value is checked and every failure ends in fail().
#include "db/connection.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "db/driver_text.hpp"
#include "db/sqlstate.hpp"

namespace troupe::db {

namespace {

constexpr int binary = 1;
// "duplicate_prepared_statement": a pooler handed over a session that already has it.
constexpr std::string_view already_prepared = "42P05";
constexpr std::string_view undefined_table = "42P01";

std::string field(const PGresult* rows, int code) {
  const char* text = PQresultErrorField(rows, code);
  return text != nullptr ? text : "";
}

void ignore_notice(void*, const char*) {}

}  // namespace

connection::connection(const conninfo& where, std::span<const statement* const> statements,
                       std::chrono::milliseconds statement_timeout)
    : link_{nullptr, PQfinish},
      statements_{statements},
      statement_timeout_{statement_timeout},
      key_password_{where.value("sslpassword")} {
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : where.keywords()) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  link_.reset(PQconnectStartParams(keywords.data(), values.data(), 0));
  if (!link_) {
    fail(errc::unavailable, "Out of memory for a connection to PostgreSQL.");
    return;
  }
  PQsetNoticeProcessor(link_.get(), ignore_notice, nullptr);
  // Only so the text tells the SQLSTATE of a refused connection.
  PQsetErrorVerbosity(link_.get(), PQERRORS_VERBOSE);
  if (PQstatus(link_.get()) == CONNECTION_BAD) fail_to_connect();
}

int connection::socket() const noexcept { return link_ ? PQsocket(link_.get()) : -1; }

bool connection::wants_read() const noexcept {
  if (state_ == phase::failed) return false;
  return state_ != phase::connecting || polling_ == PGRES_POLLING_READING;
}

bool connection::wants_write() const noexcept {
  if (state_ == phase::failed) return false;
  return state_ == phase::connecting ? polling_ == PGRES_POLLING_WRITING : unflushed_;
}

void connection::advance() {
  if (state_ == phase::connecting) poll_connect();
  if (state_ == phase::preparing || state_ == phase::ready) read_results();
}

void connection::poll_connect() {
  polling_ = PQconnectPoll(link_.get());
  if (polling_ == PGRES_POLLING_FAILED) return fail_to_connect();
  if (polling_ == PGRES_POLLING_OK) begin_setup(statement_timeout_);
}

void connection::fail_to_connect() { fail(why_not_connected(PQerrorMessage(link_.get())), server_message()); }

void connection::begin_setup(std::chrono::milliseconds statement_timeout) {
  if (PQsetnonblocking(link_.get(), 1) != 0 || PQenterPipelineMode(link_.get()) != 1)
    return fail(errc::unavailable, server_message());
  state_ = phase::preparing;
  PQsetErrorVerbosity(link_.get(), PQERRORS_DEFAULT);
  // A generic plan is made once a connection; a custom one would be made anew at each execution. But one
  // that was made while the table was small would read all of it for ever: have it use the index.
  const auto timeout = std::to_string(statement_timeout.count());
  const std::array<const char*, 1> values{timeout.c_str()};
  sent(PQsendQueryParams(link_.get(),
                         "SELECT set_config('plan_cache_mode', 'force_generic_plan', false), "
                         "set_config('enable_seqscan', 'off', false), "
                         "set_config('statement_timeout', $1, false)",
                         1, nullptr, values.data(), nullptr, nullptr, binary) == 1,
       purpose::setup);
  for (const auto* each : statements_) {
    if (state_ == phase::failed) return;
    sent(PQsendPrepare(link_.get(), each->name.c_str(), each->sql.c_str(),
                       static_cast<int>(each->parameter_types.size()), each->parameter_types.data()) == 1,
         purpose::prepare);
  }
}

void connection::execute(const statement& what, const parameters& with) {
  if (state_ != phase::ready) return;
  // An empty transaction keeps its place in the order.
  if (std::find(missing_.begin(), missing_.end(), &what) != missing_.end())
    return sent(true, purpose::unsupported);
  const auto values = with.values();
  const std::vector<int> formats(values.size(), binary);
  sent(PQsendQueryPrepared(link_.get(), what.name.c_str(), with.count(), values.data(), with.lengths(),
                           formats.data(), binary) == 1,
       purpose::query);
}

void connection::execute(const std::string& sql) {
  if (state_ != phase::ready) return;
  sent(PQsendQueryParams(link_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, binary) == 1,
       purpose::query);
}

void connection::sent(bool accepted, purpose why) {
  // One Sync a statement: between two of them one error would undo the earlier statements too.
  if (!accepted || PQpipelineSync(link_.get()) != 1) return fail(errc::connection_lost, server_message());
  pending_.push_back(why);
  flush();
}

void connection::flush() {
  const int left = PQflush(link_.get());
  if (left < 0) {
    // Read first: what the server said before it closed stands in the receive buffer.
    unflushed_ = false;
    return;
  }
  unflushed_ = left == 1;
}

void connection::read_results() {
  const bool alive = PQconsumeInput(link_.get()) == 1;
  flush();
  int delimiters = 0;
  while (!pending_.empty() && PQisBusy(link_.get()) == 0) {
    PGresult* raw = PQgetResult(link_.get());
    if (raw != nullptr) {
      delimiters = 0;
      if (!take(raw)) return;
    } else if (++delimiters > 1) {
      // One null ends a statement's results; two in a row mean that there is nothing more to come.
      break;
    }
  }
  if (!alive || PQstatus(link_.get()) == CONNECTION_BAD) fail(errc::connection_lost, server_message());
}

bool connection::take(PGresult* raw) {
  result rows{raw};
  switch (PQresultStatus(raw)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
      if (current_) current_ = std::move(rows);
      return true;
    case PGRES_PIPELINE_SYNC:
      // Only now the transaction has ended: a commit can fail after its rows were sent.
      finish_current();
      return state_ != phase::failed;
    case PGRES_PIPELINE_ABORTED: return true;
    default: break;
  }
  const auto sqlstate = field(raw, PG_DIAG_SQLSTATE);
  if (pending_.front() == purpose::prepare && (sqlstate == already_prepared || may_be_missing(sqlstate)))
    return true;
  auto message = field(raw, PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = one_line(PQresultErrorMessage(raw));
  message = without_secrets(std::move(message));
  if (ends_session(sqlstate)) {
    if (refuses_statement(sqlstate) && pending_.front() == purpose::query) {
      pending_.pop_front();
      done_.emplace_back(tl::unexpected{error{errc::connection_lost, message}});
    }
    fail(errc::connection_lost, message);
    return false;
  }
  current_ = tl::unexpected{error{code_of(sqlstate), message}};
  return true;
}

// The statement that is being prepared is optional and its table does not exist.
bool connection::may_be_missing(std::string_view sqlstate) {
  const auto* which = statements_[prepared_];
  if (!which->optional || sqlstate != undefined_table) return false;
  missing_.push_back(which);
  return true;
}

void connection::finish_current() {
  const auto why = pending_.front();
  pending_.pop_front();
  if (why == purpose::prepare) ++prepared_;
  auto finished = std::exchange(current_, outcome{result{}});
  if (why == purpose::query) {
    done_.push_back(std::move(finished));
  } else if (why == purpose::unsupported) {
    done_.emplace_back(tl::unexpected{
        error{errc::not_supported, "The database lacks the table that this needs: see troupe migrate."}});
  } else if (!finished) {
    fail(finished.error().code, finished.error().message);
  } else if (pending_.empty()) {
    state_ = phase::ready;
  }
}

std::optional<outcome> connection::next_outcome() {
  if (done_.empty()) return std::nullopt;
  auto out = std::move(done_.front());
  done_.pop_front();
  return out;
}

void connection::fail(errc code, std::string message) {
  // The first failure is the cause, the later ones its consequences.
  if (state_ == phase::failed) return;
  state_ = phase::failed;
  failure_ = {code, std::move(message)};
}

std::string connection::server_message() const {
  auto message = without_secrets(one_line(without_location(PQerrorMessage(link_.get()))));
  return message.empty() ? "The connection to PostgreSQL was closed." : message;
}

// Nobody quotes passwords on purpose; but a message quotes what it does not understand.
std::string connection::without_secrets(std::string text) const {
  // The password in use, also if it came from PGPASSWORD, a password file or a service file.
  return hide(hide(std::move(text), PQpass(link_.get())), key_password_);
}

}  // namespace troupe::db
