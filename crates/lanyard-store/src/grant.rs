//! Grants: which agent may use which tools of which server, until when.

use lanyard_core::{AgentName, ServerName, TenantName, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::{Change, StoreError, column};

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRow {
    /// The tenant of both.
    pub tenant: TenantName,
    /// The agent.
    pub agent: AgentName,
    /// The server.
    pub server: ServerName,
    /// The tools allowed, or `*` alone.
    pub allow: Vec<String>,
    /// The tools denied nevertheless, or `*` alone.
    pub deny: Vec<String>,
    /// The users it may call for, or `*` alone; `None` where it calls for itself only.
    pub users: Option<Vec<String>>,
    /// When its time is over, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was put.
    pub created_at: Timestamp,
}

impl GrantRow {
    pub(crate) fn all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql = "SELECT tenant, agent, server, allow, deny, expires_at, created_at, users
                   FROM grants ORDER BY tenant, agent, server";
        let rows = connection.prepare(sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tenant: column::name(row, 0)?,
            agent: column::name(row, 1)?,
            server: column::name(row, 2)?,
            allow: column::list(row, 3)?,
            deny: column::list(row, 4)?,
            expires_at: column::time_optional(row, 5)?,
            created_at: column::time(row, 6)?,
            users: column::list_optional(row, 7)?,
        })
    }
}

impl Change<'_> {
    /// Adds the grant of an agent on a server, or replaces it. Both must exist.
    pub fn grant_put(&self, row: &GrantRow) -> Result<(), StoreError> {
        match self.agent_get(&row.tenant, &row.agent)? {
            Some(agent) if agent.revoked_at.is_none() => {}
            Some(_) | None => return Err(StoreError::missing("agent", &row.agent)),
        }
        if self.server_get(&row.tenant, &row.server)?.is_none() {
            return Err(StoreError::missing("server", &row.server));
        }
        self.connection.execute(
            "INSERT INTO grants (tenant, agent, server, allow, deny, expires_at, created_at,
                 users)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (tenant, agent, server) DO UPDATE SET allow = excluded.allow,
                 deny = excluded.deny, expires_at = excluded.expires_at,
                 created_at = excluded.created_at, users = excluded.users",
            params![
                row.tenant.as_str(),
                row.agent.as_str(),
                row.server.as_str(),
                column::of_list(&row.allow),
                column::of_list(&row.deny),
                row.expires_at.map(|time| time.0),
                row.created_at.0,
                row.users.as_deref().map(column::of_list),
            ],
        )?;
        Ok(())
    }

    /// Removes the grant of an agent on a server.
    pub fn grant_delete(
        &self,
        tenant: &TenantName,
        agent: &AgentName,
        server: &ServerName,
    ) -> Result<(), StoreError> {
        let changed = self.connection.execute(
            "DELETE FROM grants WHERE tenant = ?1 AND agent = ?2 AND server = ?3",
            params![tenant.as_str(), agent.as_str(), server.as_str()],
        )?;
        if changed == 0 {
            Err(StoreError::missing("grant", format!("{agent}/{server}")))
        } else {
            Ok(())
        }
    }

    /// Removes every grant of an agent, and says how many there were.
    pub fn grants_delete_for_agent(
        &self,
        tenant: &TenantName,
        agent: &AgentName,
    ) -> Result<usize, StoreError> {
        Ok(self.connection.execute(
            "DELETE FROM grants WHERE tenant = ?1 AND agent = ?2",
            params![tenant.as_str(), agent.as_str()],
        )?)
    }
}
