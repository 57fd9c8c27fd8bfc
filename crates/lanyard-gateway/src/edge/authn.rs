//! Who is it? A token, or on a Unix socket the peer's user id.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use lanyard_core::{Caller, Denial, Peer, Principal, Timestamp, UserName};
use lanyard_vault::{TokenHash, TokenKind};

use crate::snapshot::{Identity, Snapshot};

/// How a caller was recognised. Kept by streams and running calls, which ask again whether it
/// still holds when the configuration changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum IdentityKey {
    /// By the hash of its token.
    Token([u8; 32]),
    /// By the user id of the peer process.
    Uid(u32),
}

impl IdentityKey {
    /// Reads how a request wants to be recognised. A token that is sent counts, whoever sent it;
    /// a user id stands for an agent only where no token is sent.
    pub(crate) fn of_request(headers: &HeaderMap, peer: Peer) -> Result<Self, Denial> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next(), peer) {
            (None, _, Peer::Unix { uid, pid: _ }) => Ok(Self::Uid(uid)),
            (None, _, Peer::Tcp(_)) => Err(Denial::TokenMissing),
            (Some(value), None, _) => {
                let token = value.to_str().ok().and_then(bearer).ok_or(Denial::TokenUnknown)?;
                TokenHash::of(token, TokenKind::Agent).map(Self::Token).ok_or(Denial::TokenUnknown)
            }
            (Some(_), Some(_), _) => Err(Denial::TokenUnknown),
        }
    }

    /// Whom this stands for in a configuration.
    pub(crate) fn identify<'a>(
        &self,
        snapshot: &'a Snapshot,
        now: Timestamp,
    ) -> Result<&'a Arc<Identity>, Denial> {
        match self {
            Self::Token(hash) => snapshot.by_token(hash, now),
            Self::Uid(uid) => snapshot.by_uid(*uid, now),
        }
    }
}

/// The caller that an identity is, for records and for keys of pools and sessions. Whom it calls for,
/// it says itself.
pub(crate) fn caller(identity: &Identity, peer: Peer, user: Option<UserName>) -> Caller {
    Caller {
        principal: Principal {
            tenant: identity.agent.tenant.clone(),
            agent: identity.agent.name.clone(),
            user,
        },
        token: identity.token.clone(),
        peer,
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
