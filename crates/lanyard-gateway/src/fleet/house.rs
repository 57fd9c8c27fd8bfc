//! The gateway as a client of its own: what it says of itself when it lists and probes.

use std::sync::Arc;

use lanyard_connect::mcp::{ClientFacts, Opening, Reply, SessionKey, Unrelated};
use tokio::sync::mpsc;

use super::Member;

/// Some servers list certain tools only to clients that can be asked for more, and what they list
/// here is what agents' clients will find. Nobody is there who could answer, and so it says.
pub(super) const CAPABILITIES: &str =
    r#"{"sampling":{},"elicitation":{},"roots":{"listChanged":true}}"#;

/// Its `clientInfo`.
pub(super) const INFO: &str =
    concat!(r#"{"name":"lanyard","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#);

/// What a request of a server is answered with.
const UNABLE: &str = r#"{"code":-32601,"message":"Method not found"}"#;

/// What it says of itself.
pub(crate) fn facts() -> ClientFacts {
    ClientFacts { capabilities: CAPABILITIES.to_owned(), info: INFO.to_owned() }
}

/// The key of the session that lists and probes.
pub(super) fn key(member: &Member) -> SessionKey {
    let target = &member.target;
    SessionKey {
        tenant: target.tenant.clone(),
        server: target.server.clone(),
        generation: target.generation,
        principal: None,
        credential: 0,
        client: [0; 32],
        owner: None,
    }
}

/// What it is opened with.
pub(super) fn opening(member: &Member, inbox: Option<mpsc::Sender<Unrelated>>) -> Opening {
    Opening {
        target: Arc::clone(&member.target),
        credentials: Arc::clone(&member.credentials),
        client: facts(),
        inbox,
    }
}

/// The answer to a request of a server.
pub(super) fn answer(method: &str) -> Reply {
    match method {
        "ping" => Reply::Result("{}".to_owned()),
        "roots/list" => Reply::Result(r#"{"roots":[]}"#.to_owned()),
        _ => Reply::Error(UNABLE.to_owned()),
    }
}
