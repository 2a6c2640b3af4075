// Request to message, reply to response, for each operation of a resource.
#include "http/resource_api.hpp"

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "actors/errors.hpp"
#include "http/body.hpp"
#include "http/errors.hpp"
#include "http/idempotency.hpp"
#include "http/location.hpp"
#include "http/row_json.hpp"

namespace troupe::http {

namespace {

// Bytes; room for most rows without growing.
constexpr std::size_t typical_row = 256;

template <class Table>
response row_response(int status, const db::row<Table>& row) {
  response out{status, json_media_type, {}, {}};
  out.body.reserve(typical_row);
  append_json(out.body, row);
  return out;
}

template <class Table>
response rows_response(const actors::rows<Table>& rows) {
  response out{200, json_media_type, "[", {}};
  for (const auto& row : rows) {
    if (out.body.size() > 1) out.body += ',';
    append_json(out.body, row);
  }
  out.body += ']';
  return out;
}

template <class Table>
class api {
 public:
  api(const actors::resource_actor<Table>& target, const settings& settings, front_actor::pointer self)
      : target_{target}, settings_{settings}, self_{self} {}

  void create(const exchange_ptr& what) const {
    auto row = read_whole<Table>(what->header("Content-Type"), what->body());
    if (!row) return what->answer(response_for(row.error()));
    change(what, actors::create<Table>{std::move(*row), settings_.request_timeout},
           [](const auto& made) { return row_response(201, made); });
  }

  void list(const exchange_ptr& what) const {
    const auto values = read_query(query_of(what->target()), list_parameters(settings_));
    if (!values) return what->answer(response_for(values.error()));
    ask<actors::rows<Table>>(what, actors::list<Table>{(*values)[0], (*values)[1], settings_.request_timeout},
                             [](const auto& rows) { return rows_response<Table>(rows); });
  }

  void find(const exchange_ptr& what, const std::string& parameter) const {
    const auto key = accept(what, read_key(parameter));
    if (!key) return;
    ask<db::row<Table>>(what, actors::find<Table>{*key, settings_.request_timeout},
                        [](const auto& row) { return row_response(200, row); });
  }

  void replace(const exchange_ptr& what, const std::string& parameter) const {
    auto row = read_whole<Table>(what->header("Content-Type"), what->body());
    const auto key = accept(what, together(read_key(parameter), row));
    if (!key) return;
    row->key() = *key;
    change(what, actors::replace<Table>{std::move(*row), settings_.request_timeout},
           [](const auto& changed) { return row_response(200, changed); });
  }

  void update(const exchange_ptr& what, const std::string& parameter) const {
    auto part = read_partial<Table>(what->header("Content-Type"), what->body());
    const auto key = accept(what, together(read_key(parameter), part));
    if (!key) return;
    part->row.key() = *key;
    change(what, actors::update<Table>{std::move(part->row), part->given, settings_.request_timeout},
           [](const auto& changed) { return row_response(200, changed); });
  }

  void remove(const exchange_ptr& what, const std::string& parameter) const {
    const auto key = accept(what, read_key(parameter));
    if (!key) return;
    change(what, actors::remove<Table>{*key, settings_.request_timeout},
           [](const auto&) { return response{204, {}, {}, {}}; });
  }

 private:
  using key_reading = tl::expected<parsed_integer, rejection>;

  static key_reading read_key(const std::string& parameter) {
    static const auto name = std::string{Table::singular} + "_id";
    return read_path_integer(name, parameter).map_error([](problem&& fault) {
      return rejection{422, {}, {std::move(fault)}};
    });
  }

  // The key, or all that is wrong with it and with the body; a body that cannot be parsed stands alone.
  template <class Body>
  static key_reading together(key_reading key, const tl::expected<Body, rejection>& body) {
    if (body) return key;
    auto refusal = body.error();
    const bool parsed = refusal.status == 422 && refusal.problems.front().type != "json_invalid";
    if (!key && parsed)
      refusal.problems.insert(refusal.problems.begin(), key.error().problems.begin(),
                              key.error().problems.end());
    return tl::unexpected{std::move(refusal)};
  }

  // The key to ask for; answers the request and returns nothing if there can be no such row.
  static std::optional<std::int64_t> accept(const exchange_ptr& what, const key_reading& key) {
    if (key && !key->saturated) return key->value;
    what->answer(key ? response_for(actors::no_such_row<Table>()) : response_for(key.error()));
    return std::nullopt;
  }

  // A change is made once for all requests that carry the same key.
  template <class Message, class Render>
  void change(const exchange_ptr& what, Message&& message, Render render) const {
    const auto key = what->header(idempotency_header);
    if (key.empty())
      return ask<actors::reply_to<Table, Message>>(what, std::forward<Message>(message), render);
    if (auto refused = check_idempotency_key(key)) return what->answer(response_for(*refused));
    ask<actors::once_reply<Table>>(
        what,
        actors::once<Table>{std::string{key}, std::forward<Message>(message), settings_.idempotency_ttl},
        [render](const actors::once_reply<Table>& reply) {
          auto out = reply.row ? render(*reply.row) : response_for(actors::no_such_row<Table>());
          if (reply.replayed) out.headers.emplace_back(idempotency_replayed_header, "true");
          return out;
        });
  }

  template <class Reply, class Message, class Render>
  void ask(const exchange_ptr& what, Message&& message, Render render) const {
    // `what = what` is no constant in a handler, which is moved then, not copied, on its way into CAF.
    self_->request(target_, caf::infinite, std::forward<Message>(message))
        .then([what = what,
               render](const Reply& reply) { contain(*what, [&] { what->answer(render(reply)); }); },
              [what = what](const caf::error& failed) {
                contain(*what, [&] { what->answer(response_for(actors::from_caf(failed), *what)); });
              });
  }

  actors::resource_actor<Table> target_;
  settings settings_;
  front_actor::pointer self_;
};

}  // namespace

template <class Table>
route_source resource_api(const actors::resource_actor<Table>& target, const settings& settings) {
  return [target, settings](router& routes, front_actor::pointer self) {
    const api<Table> it{target, settings, self};
    const auto collection = std::string{"/"} + Table::name + "/";
    const auto element = collection + "{" + Table::singular + "_id}";
    routes.add({"GET", collection, [it](const exchange_ptr& what, const std::string&) { it.list(what); }});
    routes.add({"POST", collection, [it](const exchange_ptr& what, const std::string&) { it.create(what); }});
    routes.add(
        {"GET", element, [it](const exchange_ptr& what, const std::string& key) { it.find(what, key); }});
    routes.add(
        {"PUT", element, [it](const exchange_ptr& what, const std::string& key) { it.replace(what, key); }});
    routes.add(
        {"PATCH", element, [it](const exchange_ptr& what, const std::string& key) { it.update(what, key); }});
    routes.add({"DELETE", element,
                [it](const exchange_ptr& what, const std::string& key) { it.remove(what, key); }});
  };
}

template route_source resource_api<db::item_table>(const actors::item_actor&, const settings&);

}  // namespace troupe::http
