//! Who changes something: a named operator with a token, or the data directory's owner on the
//! admin socket.

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use lanyard_core::{OperatorName, Peer, TenantName};
use lanyard_store::{OperatorRow, Role};
use lanyard_vault::{TokenHash, TokenKind};

use crate::change::By;
use crate::error::ApiError;
use crate::{Admin, tenant};

/// An authenticated caller of the admin API.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    who: Who,
    role: Role,
    peer: Peer,
}

/// An actor who may look. A route that takes one was asked by somebody with a role that reads.
#[derive(Debug, Clone)]
pub(crate) struct Reader(Actor);

/// An actor who may change the configuration. Every change takes one, so that a route which
/// forgets to ask does not compile.
#[derive(Debug, Clone)]
pub(crate) struct Owner(Actor);

/// A named operator who may say yes or no to a call. The uid of the data directory's owner names
/// nobody, so that no process of theirs, an agent's for instance, approves anything by it.
#[derive(Debug, Clone)]
pub(crate) struct Approver {
    actor: Actor,
    name: OperatorName,
}

/// An actor who may open what is kept of calls: an owner or an auditor. Who only approves is shown
/// what is to be approved, and nothing else.
#[derive(Debug, Clone)]
pub(crate) struct Opener(Actor);

#[derive(Debug, Clone)]
enum Who {
    Operator(OperatorName),
    /// The owner of the data directory, by its uid on the admin socket.
    Owner(u32),
}

impl Actor {
    /// An operator who is signed in to the console.
    pub(crate) fn operator(name: OperatorName, role: Role, peer: Peer) -> Self {
        Self { who: Who::Operator(name), role, peer }
    }

    /// As records name it.
    pub(crate) fn by(&self) -> By {
        let name = match &self.who {
            Who::Operator(name) => by_operator(name),
            Who::Owner(uid) => format!("owner:uid:{uid}"),
        };
        By { name, peer: Some(self.peer.to_string()) }
    }
}

/// As records name an operator.
pub(crate) fn by_operator(name: &OperatorName) -> String {
    format!("operator:{name}")
}

impl Reader {
    pub(crate) fn actor(&self) -> &Actor {
        &self.0
    }

    /// The same caller as one who may change things, where what is asked turns out to be a change.
    pub(crate) fn owner(&self) -> Result<Owner, ApiError> {
        Owner::of(self.0.clone())
    }
}

impl Owner {
    pub(crate) fn actor(&self) -> &Actor {
        &self.0
    }

    /// The same caller as one who looks.
    pub(crate) fn reader(&self) -> Reader {
        Reader(self.0.clone())
    }

    fn of(actor: Actor) -> Result<Self, ApiError> {
        match actor.role {
            Role::Owner => Ok(Self(actor)),
            Role::Approver | Role::Auditor => Err(ApiError::forbidden(
                "this needs an operator with the role owner; see `lanyard operator list`",
            )),
        }
    }
}

impl Opener {
    pub(crate) fn actor(&self) -> &Actor {
        &self.0
    }

    fn of(actor: Actor) -> Result<Self, ApiError> {
        match actor.role {
            Role::Owner | Role::Auditor => Ok(Self(actor)),
            Role::Approver => Err(ApiError::forbidden(
                "this needs an operator with the role owner or auditor; see `lanyard operator list`",
            )),
        }
    }
}

impl Approver {
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    pub(crate) fn name(&self) -> &OperatorName {
        &self.name
    }

    /// The actor as one who decides, by name and role.
    pub(crate) fn of(actor: Actor) -> Result<Self, ApiError> {
        let Who::Operator(name) = &actor.who else {
            return Err(ApiError::forbidden(
                "an approval needs a named operator, and who owns the admin socket is not named: \
                 set LANYARD_ADMIN_TOKEN; `lanyard operator add NAME --role approver` prints one",
            ));
        };
        match actor.role {
            Role::Owner | Role::Approver => Ok(Self { name: name.clone(), actor }),
            Role::Auditor => Err(ApiError::forbidden(
                "this needs an operator with the role owner or approver; see `lanyard operator list`",
            )),
        }
    }
}

impl FromRequestParts<Admin> for Opener {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, ApiError> {
        Self::of(authenticate(parts, admin).await?)
    }
}

impl FromRequestParts<Admin> for Approver {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, ApiError> {
        Self::of(authenticate(parts, admin).await?)
    }
}

impl FromRequestParts<Admin> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, ApiError> {
        let actor = authenticate(parts, admin).await?;
        match actor.role {
            Role::Owner | Role::Approver | Role::Auditor => Ok(Self(actor)),
        }
    }
}

impl FromRequestParts<Admin> for Owner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, ApiError> {
        Self::of(authenticate(parts, admin).await?)
    }
}

/// Who asks. Only somebody known is told whether there is the tenant that is asked about.
async fn authenticate(parts: &Parts, admin: &Admin) -> Result<Actor, ApiError> {
    let actor = identify(parts, admin).await?;
    if admin.shared.tenant != TenantName::default_tenant() {
        admin.blocking(tenant::must_exist).await?;
    }
    Ok(actor)
}

/// A token that was shown decides, whoever shows it: a wrong one over the admin socket is refused
/// and does not fall back to the uid.
async fn identify(parts: &Parts, admin: &Admin) -> Result<Actor, ApiError> {
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
        (Some(token), None) => operator(admin, peer, token).await,
        (Some(_), Some(_)) | (None, _) => Err(ApiError::unauthorized()),
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

async fn operator(admin: &Admin, peer: Peer, token: &str) -> Result<Actor, ApiError> {
    let row = operator_of(admin, token).await?;
    Ok(Actor::operator(row.name, row.role, peer))
}

/// Looks the operator of a token up in the database: the admin API is not the path of a call, and so
/// a revoked operator is out at once without a snapshot of operators. The look-up may wait for a
/// change that is being made, so it waits where waiting hurts no call.
pub(crate) async fn operator_of(admin: &Admin, token: &str) -> Result<OperatorRow, ApiError> {
    let hash = TokenHash::of(token, TokenKind::Operator).ok_or_else(ApiError::no_operator)?;
    let operators = admin.blocking(|shared| Ok(shared.parts.store.operators()?)).await?;
    operators
        .into_iter()
        .find(|row| row.token_hash == hash && row.revoked_at.is_none())
        .ok_or_else(ApiError::no_operator)
}
