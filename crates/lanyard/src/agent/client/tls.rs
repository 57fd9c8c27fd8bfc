//! TLS towards an endpoint: the system's trusted certificates, nothing else.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName as TlsName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Agrees on TLS with the host that the endpoint names.
pub(super) async fn connect(host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, String> {
    let name = TlsName::try_from(host.to_owned()).map_err(|problem| problem.to_string())?;
    let connector = TlsConnector::from(Arc::new(config()?));
    connector.connect(name, stream).await.map_err(|problem| format!("TLS: {problem}"))
}

fn config() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    // Some systems carry certificates that cannot be read; those that can be are enough.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err("TLS: no trusted certificates on this system (set SSL_CERT_FILE)".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|problem| format!("TLS: {problem}"))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
