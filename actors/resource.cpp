// What each request to a resource asks of the database, and how the rows become its reply.
#include "actors/resource.hpp"

#include <memory>
#include <tl/expected.hpp>
#include <utility>

#include "actors/errors.hpp"
#include "db/codec.hpp"
#include "db/statements.hpp"

namespace troupe::actors {

namespace {

/// The reply made of a statement's rows, or why there is none.
template <class Reply>
using reading = tl::expected<Reply, db::error>;

template <class Table>
reading<db::row<Table>> one_row(const db::result& from) {
  if (from.size() == 0) return tl::unexpected{no_such_row<Table>()};
  return db::decode_row<Table>(from, 0);
}

template <class Table>
reading<rows<Table>> all_rows(const db::result& from) {
  rows<Table> out;
  out.reserve(static_cast<std::size_t>(from.size()));
  for (int i = 0; i < from.size(); ++i) {
    auto row = db::decode_row<Table>(from, i);
    if (!row) return tl::unexpected{std::move(row.error())};
    out.push_back(std::move(*row));
  }
  return out;
}

template <class Table>
reading<std::int64_t> removed_key(const db::result& from) {
  if (from.size() == 0) return tl::unexpected{no_such_row<Table>()};
  std::int64_t key = 0;
  if (!db::decode(from.get(), 0, 0, key))
    return tl::unexpected{db::error{db::errc::schema_mismatch, "The key of the table is not an integer."}};
  return key;
}

}  // namespace

template <class Table>
typename resource_actor<Table>::behavior_type resource(typename resource_actor<Table>::pointer self,
                                                       const pool_actor& database) {
  // Has a statement executed and answers the current request with what `read` makes of its rows.
  const auto ask = [self, database]<class Reply>(db::operation what, db::parameters with, time_budget within,
                                                 reading<Reply> (*read)(const db::result&)) {
    auto answer = self->template make_response_promise<Reply>();
    auto query_to_send = std::make_shared<const query>(
        query{&db::statement_for<Table>(what), std::move(with), self->clock().now() + within});
    self->request(database, caf::infinite, query_ptr{std::move(query_to_send)})
        .then(
            [answer, read](const db::result& from) mutable {
              auto reply = read(from);
              if (reply)
                answer.deliver(std::move(*reply));
              else
                answer.deliver(to_caf(reply.error()));
            },
            [answer](caf::error& failed) mutable { answer.deliver(std::move(failed)); });
    return answer;
  };

  using db::operation;
  return {
      [ask](const find<Table>& m) {
        return ask(operation::find, db::find_parameters<Table>(m.key), m.within, one_row<Table>);
      },
      [ask](const list<Table>& m) {
        return ask(operation::list, db::list_parameters<Table>(m.skip, m.limit), m.within, all_rows<Table>);
      },
      [ask](const create<Table>& m) {
        return ask(operation::insert, db::insert_parameters(m.row), m.within, one_row<Table>);
      },
      [ask](const replace<Table>& m) {
        return ask(operation::replace, db::replace_parameters(m.row), m.within, one_row<Table>);
      },
      [ask](const update<Table>& m) {
        // Nothing to change: a plain read, which leaves no dead row version behind.
        if (m.given == 0)
          return ask(operation::find, db::find_parameters<Table>(m.row.key()), m.within, one_row<Table>);
        return ask(operation::update, db::update_parameters(m.row, m.given), m.within, one_row<Table>);
      },
      [ask](const remove<Table>& m) {
        return ask(operation::remove, db::remove_parameters<Table>(m.key), m.within, removed_key<Table>);
      },
  };
}

template item_actor::behavior_type resource<db::item_table>(item_actor::pointer, const pool_actor&);

}  // namespace troupe::actors
