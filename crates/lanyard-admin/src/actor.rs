//! Who changes something: a named operator with a token, or the data directory's owner on the
//! admin socket.

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use lanyard_core::{OperatorName, Peer};
use lanyard_store::Role;
use lanyard_vault::{TokenHash, TokenKind};

use crate::Admin;
use crate::error::ApiError;

/// An authenticated caller of the admin API.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    who: Who,
    role: Role,
    peer: Peer,
}

#[derive(Debug, Clone)]
enum Who {
    Operator(OperatorName),
    /// The owner of the data directory, by its uid on the admin socket.
    Owner(u32),
}

impl Actor {
    /// As records name it.
    pub(crate) fn name(&self) -> String {
        match &self.who {
            Who::Operator(name) => format!("operator:{name}"),
            Who::Owner(uid) => format!("owner:uid:{uid}"),
        }
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    /// Goes on only for an owner: whoever may change the configuration.
    pub(crate) fn may_change(&self) -> Result<(), ApiError> {
        match self.role {
            Role::Owner => Ok(()),
            Role::Approver | Role::Auditor => Err(ApiError::forbidden(
                "this needs an operator with the role owner; see `lanyard operator list`",
            )),
        }
    }

    /// Goes on for every role: each may look.
    pub(crate) fn may_read(&self) -> Result<(), ApiError> {
        match self.role {
            Role::Owner | Role::Approver | Role::Auditor => Ok(()),
        }
    }
}

impl FromRequestParts<Admin> for Actor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, ApiError> {
        let peer = *parts.extensions.get::<Peer>().ok_or_else(ApiError::unauthorized)?;
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return owner(admin, peer);
        };
        let token = value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        match (token, values.next()) {
            (Some(token), None) => operator(admin, peer, token),
            (Some(_), Some(_)) | (None, _) => Err(ApiError::unauthorized()),
        }
    }
}

fn owner(admin: &Admin, peer: Peer) -> Result<Actor, ApiError> {
    match peer {
        Peer::Unix { uid, pid: _ } if uid == admin.shared.parts.owner_uid => {
            Ok(Actor { who: Who::Owner(uid), role: Role::Owner, peer })
        }
        Peer::Unix { .. } | Peer::Tcp(_) => Err(ApiError::unauthorized()),
    }
}

/// Looks the operator up in the database: the admin API is not the path of a call, and so a
/// revoked operator is out at once without a snapshot of operators.
fn operator(admin: &Admin, peer: Peer, token: &str) -> Result<Actor, ApiError> {
    let hash = TokenHash::of(token, TokenKind::Operator).ok_or_else(ApiError::unauthorized)?;
    let operators = admin.shared.parts.store.operators()?;
    operators
        .into_iter()
        .find(|row| row.token_hash == hash && row.revoked_at.is_none())
        .map(|row| Actor { who: Who::Operator(row.name), role: row.role, peer })
        .ok_or_else(ApiError::unauthorized)
}
