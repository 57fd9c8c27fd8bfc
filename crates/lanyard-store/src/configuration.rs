//! All rows as they were at one moment: what a snapshot is compiled from.

use rusqlite::Connection;

use crate::{
    AgentRow, GrantRow, OperatorRow, SecretRow, SecretVersionRow, ServerRow, SessionEndedRow,
    StoreError, TokenRow, meta,
};

/// All rows as they were at one moment, revoked and expired ones included. Each list is in the
/// order of its key.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Goes up by one with every change.
    pub version: u64,
    /// The agents.
    pub agents: Vec<AgentRow>,
    /// The agents' tokens.
    pub tokens: Vec<TokenRow>,
    /// The operators.
    pub operators: Vec<OperatorRow>,
    /// The servers.
    pub servers: Vec<ServerRow>,
    /// The secrets, set or not.
    pub secrets: Vec<SecretRow>,
    /// Every sealed version that is kept.
    pub secret_versions: Vec<SecretVersionRow>,
    /// The grants.
    pub grants: Vec<GrantRow>,
    /// Sessions that ended before their time.
    pub sessions_ended: Vec<SessionEndedRow>,
}

impl Configuration {
    pub(crate) fn read(connection: &Connection) -> Result<Self, StoreError> {
        Ok(Self {
            version: meta::configuration_version(connection)?,
            agents: AgentRow::all(connection)?,
            tokens: TokenRow::all(connection)?,
            operators: OperatorRow::all(connection)?,
            servers: ServerRow::all(connection)?,
            secrets: SecretRow::all(connection)?,
            secret_versions: SecretVersionRow::all(connection)?,
            grants: GrantRow::all(connection)?,
            sessions_ended: SessionEndedRow::all(connection)?,
        })
    }
}
