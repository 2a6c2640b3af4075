// Sets OpenSSL up so that two nodes know each other.
#include "actors/node_socket.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <stdexcept>
#include <string>

namespace troupe::actors {

namespace {

void require(const asio::error_code& failed, const std::string& option, const std::string& file) {
  if (failed) throw std::runtime_error{option + "=" + file + ": " + failed.message()};
}

}  // namespace

tls_context make_tls(const tls_settings& settings) {
  if (!settings.is_on()) return nullptr;
  auto out = std::make_shared<asio::ssl::context>(asio::ssl::context::tls);
  asio::error_code failed;
  out->use_certificate_chain_file(settings.certificate, failed);
  require(failed, "node.tls.certificate", settings.certificate);
  out->use_private_key_file(settings.key, asio::ssl::context::pem, failed);
  require(failed, "node.tls.key", settings.key);
  auto* const native = out->native_handle();
  // One of another kind is not noticed before.
  if (SSL_CTX_check_private_key(native) != 1)
    throw std::runtime_error{"node.tls.key=" + settings.key + ": not the key of node.tls.certificate"};
  out->load_verify_file(settings.authority, failed);
  require(failed, "node.tls.authority", settings.authority);
  out->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);

  SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
  // Each connection is checked in full, whatever was checked before.
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(native, 0);
  auto* const check = SSL_CTX_get0_param(native);
  for (const auto& name : settings.peers) X509_VERIFY_PARAM_add1_host(check, name.c_str(), name.size());
  return out;
}

}  // namespace troupe::actors
