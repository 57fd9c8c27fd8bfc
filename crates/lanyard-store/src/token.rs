//! Tokens: the revocable credentials of agents, as hashes.

use lanyard_core::{AgentName, TenantName, Timestamp, TokenId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{Change, StoreError, column};

/// A token of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id: safe to show.
    pub id: TokenId,
    /// The agent's tenant.
    pub tenant: TenantName,
    /// The agent.
    pub agent: AgentName,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// The token's first characters, for telling tokens apart.
    pub display_prefix: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its time is over, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl TokenRow {
    pub(crate) fn all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql =
            "SELECT id, tenant, agent, hash, display_prefix, created_at, expires_at, revoked_at
                   FROM tokens ORDER BY id";
        let rows = connection.prepare(sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: column::name(row, 0)?,
            tenant: column::name(row, 1)?,
            agent: column::name(row, 2)?,
            hash: row.get(3)?,
            display_prefix: row.get(4)?,
            created_at: column::time(row, 5)?,
            expires_at: column::time_optional(row, 6)?,
            revoked_at: column::time_optional(row, 7)?,
        })
    }
}

impl Change<'_> {
    /// Adds a token to an agent that is not revoked.
    pub fn token_insert(&self, row: &TokenRow) -> Result<(), StoreError> {
        match self.agent_get(&row.tenant, &row.agent)? {
            Some(agent) if agent.revoked_at.is_none() => {}
            Some(_) | None => return Err(StoreError::missing("agent", &row.agent)),
        }
        let known: Option<i64> = self
            .connection
            .query_row(
                "SELECT 1 FROM tokens WHERE id = ?1 OR hash = ?2",
                params![row.id.as_str(), row.hash],
                |found| found.get(0),
            )
            .optional()?;
        if known.is_some() {
            return Err(StoreError::exists("token", &row.id));
        }
        self.connection.execute(
            "INSERT INTO tokens
                 (id, tenant, agent, hash, display_prefix, created_at, expires_at, revoked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                row.id.as_str(),
                row.tenant.as_str(),
                row.agent.as_str(),
                row.hash,
                row.display_prefix,
                row.created_at.0,
                row.expires_at.map(|time| time.0),
                row.revoked_at.map(|time| time.0),
            ],
        )?;
        Ok(())
    }

    /// Revokes one token. Revoking it again changes nothing and is no error.
    pub fn token_revoke(&self, id: &TokenId, at: Timestamp) -> Result<(), StoreError> {
        let changed = self.connection.execute(
            "UPDATE tokens SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1",
            params![id.as_str(), at.0],
        )?;
        if changed == 0 { Err(StoreError::missing("token", id)) } else { Ok(()) }
    }

    /// Revokes every token of an agent, and says how many still held.
    pub fn tokens_revoke_all(
        &self,
        tenant: &TenantName,
        agent: &AgentName,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        Ok(self.connection.execute(
            "UPDATE tokens SET revoked_at = ?3
             WHERE tenant = ?1 AND agent = ?2 AND revoked_at IS NULL",
            params![tenant.as_str(), agent.as_str(), at.0],
        )?)
    }
}
