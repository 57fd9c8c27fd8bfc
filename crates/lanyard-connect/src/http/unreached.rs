//! Why no connection was made. Agents are told no more than that a server cannot be reached; whoever
//! sets it up needs to know what stands in the way.

use std::io;

use lanyard_core::Failure;
use rustls::{CertificateError, Error as TlsError};
use thiserror::Error;

/// Why no connection was made. No text holds more than what is said of the origin itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreached {
    /// Nobody knows the name, or the resolver does not answer.
    #[error("its name is not known")]
    Name,
    /// Every address of the name is private or reserved, and that was not allowed.
    #[error("its address is private or reserved")]
    Forbidden,
    /// Nobody listens there, or no packet comes back.
    #[error("nobody answers at its address")]
    Address,
    /// Not within the time for connecting.
    #[error("no connection within the time limit")]
    TimedOut,
    /// The certificate was made by nobody whom this machine trusts.
    #[error("its certificate was made by nobody whom this machine trusts")]
    Untrusted,
    /// The certificate does not hold: of another name, or of another time.
    #[error("its certificate does not hold: {0}")]
    Certificate(String),
    /// TLS was not agreed for another reason.
    #[error("TLS was not agreed: {0}")]
    Tls(String),
    /// What answers does not speak HTTP.
    #[error("what answers there does not speak HTTP")]
    Http,
}

impl Unreached {
    /// What a failed handshake means. The text of a TLS error speaks of certificates and versions
    /// only.
    pub(super) fn of_handshake(error: &io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
        match tls {
            // The last is an authority of the same name as one that is trusted, with another key.
            Some(TlsError::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            )) => Self::Untrusted,
            // A certificate that signs itself and calls itself an authority.
            Some(TlsError::InvalidCertificate(CertificateError::Other(other)))
                if other.to_string().contains("CaUsedAsEndEntity") =>
            {
                Self::Untrusted
            }
            Some(TlsError::InvalidCertificate(error)) => Self::Certificate(error.to_string()),
            Some(_) | None => Self::Tls(error.to_string()),
        }
    }
}

impl From<Unreached> for Failure {
    fn from(why: Unreached) -> Self {
        match why {
            Unreached::Forbidden => Self::AddressForbidden,
            Unreached::Name
            | Unreached::Address
            | Unreached::TimedOut
            | Unreached::Untrusted
            | Unreached::Certificate(_)
            | Unreached::Tls(_)
            | Unreached::Http => Self::Unreachable,
        }
    }
}
