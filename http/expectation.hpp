// "Expect: 100-continue", which RESTinio does not know: the client waits for a word before it sends the body.
#pragma once

#include <http_parser.h>

#include <restinio/all.hpp>

#include "http/client_socket.hpp"

namespace troupe::http {

/// Whether the client waits before it sends the body (RFC 9110, 10.1.1: one of HTTP/1.0 does not).
inline bool expects_continue(const http_parser& parser) {
  if (parser.http_major != 1 || parser.http_minor < 1) return false;
  const auto& head = static_cast<const restinio::impl::http_parser_ctx_t*>(parser.data)->m_header;
  const auto expect = head.opt_value_of(restinio::http_field::expect);
  return expect && restinio::impl::is_equal_caseless(*expect, "100-continue");
}

/// The callbacks of RESTinio's parser, which tell the client's socket of it, too.
inline http_parser_settings noticing_expectations(http_parser_settings callbacks) noexcept {
  callbacks.on_headers_complete = [](http_parser* parser) -> int {
    const int taken = restinio::impl::restinio_headers_complete_cb(parser);
    client_socket::expect_continue(taken == 0 && expects_continue(*parser));
    return taken;
  };
  callbacks.on_message_complete = [](http_parser* parser) -> int {
    // The body came with its head.
    client_socket::expect_continue(false);
    return restinio::impl::restinio_message_complete_cb<restinio::default_http_methods_t>(parser);
  };
  return callbacks;
}

}  // namespace troupe::http
