//! TLS towards servers: which authorities are trusted, and the handshake. TLS 1.2 and 1.3.

use std::fmt;
use std::io;
use std::sync::Arc;

use lanyard_core::Origin;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::UpstreamError;

/// The authorities that may vouch for a server.
#[derive(Clone)]
pub struct Roots {
    system: bool,
    given: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// Those of the operating system.
    pub fn system() -> Self {
        Self { system: true, given: Vec::new() }
    }

    /// Only these certificates (DER).
    pub fn only(given: Vec<CertificateDer<'static>>) -> Self {
        Self { system: false, given }
    }

    /// These as well: the certificates of a PEM file (`--upstream-ca`), at least one.
    pub fn and_pem(mut self, pem: &[u8]) -> Result<Self, UpstreamError> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let read = read.map_err(|_| UpstreamError::Pem)?;
        if read.is_empty() {
            return Err(UpstreamError::Pem);
        }
        self.given.extend(read);
        Ok(self)
    }

    /// Whether every given certificate can serve as an authority.
    pub(super) fn validate(&self) -> Result<(), UpstreamError> {
        let mut store = RootCertStore::empty();
        for certificate in &self.given {
            store.add(certificate.clone()).map_err(|_| UpstreamError::Root)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { system, given } = self;
        formatter
            .debug_struct("Roots")
            .field("system", system)
            .field("given", &given.len())
            .finish()
    }
}

/// Makes TLS connections. The authorities are read when the first one is made, because reading the
/// system's takes longer and more memory than starting the whole gateway.
pub(super) struct Tls {
    roots: Roots,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    pub(super) fn new(roots: Roots) -> Self {
        Self { roots, config: OnceCell::new() }
    }

    /// Agrees on TLS with the server whose name the origin gives.
    pub(super) async fn connect(
        &self,
        origin: &Origin,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let config = self.config.get_or_try_init(|| load(self.roots.clone())).await?;
        let name = ServerName::try_from(origin.host().to_owned()).map_err(io::Error::other)?;
        TlsConnector::from(Arc::clone(config)).connect(name, stream).await
    }
}

async fn load(roots: Roots) -> io::Result<Arc<ClientConfig>> {
    tokio::task::spawn_blocking(move || configure(&roots)).await.map_err(io::Error::other)?
}

fn configure(roots: &Roots) -> io::Result<Arc<ClientConfig>> {
    let mut store = RootCertStore::empty();
    if roots.system {
        let found = rustls_native_certs::load_native_certs();
        let (usable, refused) = store.add_parsable_certificates(found.certs);
        let unread = found.errors.len();
        tracing::debug!(usable, refused, unread, "The system's TLS authorities are loaded.");
    }
    for certificate in &roots.given {
        store.add(certificate.clone()).map_err(io::Error::other)?;
    }
    if store.is_empty() {
        tracing::warn!(
            "No TLS authority is installed on this system, so no https server can be trusted."
        );
        return Err(io::Error::new(io::ErrorKind::NotFound, "no TLS authority"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A resumed session would tie connections of different tenants together; connections are kept
    // long enough that a full handshake for a new one costs little.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}
