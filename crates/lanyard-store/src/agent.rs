//! Agents: identities that call tools.

use std::collections::BTreeSet;

use lanyard_core::{AgentName, Tags, TeamName, TenantName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{Change, StoreError, column};

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// Its tenant.
    pub tenant: TenantName,
    /// Its name, unique in the tenant.
    pub name: AgentName,
    /// The uid that stands for it on a Unix socket.
    pub uid: Option<u32>,
    /// How many tools it is shown before it has to search; as the gateway has it when absent.
    pub search_above: Option<u64>,
    /// The teams it is in.
    pub teams: BTreeSet<TeamName>,
    /// What operators say of it, for policies.
    pub tags: Tags,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// Goes up with every revocation: what was begun under an older epoch ends.
    pub epoch: u64,
}

const COLUMNS: &str = "tenant, name, uid, created_at, revoked_at, epoch, search_above, teams, tags";

impl AgentRow {
    pub(crate) fn all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM agents ORDER BY tenant, name");
        let rows =
            connection.prepare(&sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tenant: column::name(row, 0)?,
            name: column::name(row, 1)?,
            uid: row.get(2)?,
            created_at: column::time(row, 3)?,
            revoked_at: column::time_optional(row, 4)?,
            epoch: column::count(row, 5)?,
            search_above: column::count_optional(row, 6)?,
            teams: column::names(row, 7)?,
            tags: column::map(row, 8)?,
        })
    }
}

impl Change<'_> {
    /// Adds an agent. The name of a revoked agent may be used again: the new one has the next
    /// epoch (so that `row.epoch` counts only for a new name), and neither the grants nor the
    /// tokens of the old one.
    pub fn agent_insert(&self, row: &AgentRow) -> Result<(), StoreError> {
        let before = self.agent_get(&row.tenant, &row.name)?;
        let epoch = match &before {
            Some(before) if before.revoked_at.is_none() => {
                return Err(StoreError::exists("agent", &row.name));
            }
            Some(before) => before.epoch.saturating_add(1),
            None => row.epoch,
        };
        self.uid_is_free(&row.tenant, &row.name, row.uid)?;
        self.grants_delete_for_agent(&row.tenant, &row.name)?;
        self.connection.execute(
            "INSERT INTO agents (tenant, name, uid, created_at, revoked_at, epoch, search_above,
                 teams, tags)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (tenant, name) DO UPDATE SET uid = excluded.uid,
                 created_at = excluded.created_at, revoked_at = excluded.revoked_at,
                 epoch = excluded.epoch, search_above = excluded.search_above,
                 teams = excluded.teams, tags = excluded.tags",
            params![
                row.tenant.as_str(),
                row.name.as_str(),
                row.uid,
                row.created_at.0,
                row.revoked_at.map(|time| time.0),
                column::of_count("epochs", epoch)?,
                row.search_above.map(|it| column::of_count("tools", it)).transpose()?,
                of_teams(&row.teams),
                column::of_map(&row.tags),
            ],
        )?;
        Ok(())
    }

    /// An agent, revoked or not.
    pub fn agent_get(
        &self,
        tenant: &TenantName,
        name: &AgentName,
    ) -> Result<Option<AgentRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM agents WHERE tenant = ?1 AND name = ?2");
        let keys = params![tenant.as_str(), name.as_str()];
        Ok(self.connection.query_row(&sql, keys, AgentRow::read).optional()?)
    }

    /// Revokes an agent and all its tokens, raises its epoch, and frees its uid.
    pub fn agent_revoke(
        &self,
        tenant: &TenantName,
        name: &AgentName,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let changed = self.connection.execute(
            "UPDATE agents SET revoked_at = ?3, epoch = epoch + 1
             WHERE tenant = ?1 AND name = ?2 AND revoked_at IS NULL",
            params![tenant.as_str(), name.as_str(), at.0],
        )?;
        if changed == 0 {
            return Err(StoreError::missing("agent", name));
        }
        self.tokens_revoke_all(tenant, name, at)?;
        Ok(())
    }

    /// Sets how many tools an agent is shown before it has to search, or takes that back.
    pub fn agent_set_search_above(
        &self,
        tenant: &TenantName,
        name: &AgentName,
        search_above: Option<u64>,
    ) -> Result<(), StoreError> {
        let search_above = search_above.map(|it| column::of_count("tools", it)).transpose()?;
        let changed = self.connection.execute(
            "UPDATE agents SET search_above = ?3
             WHERE tenant = ?1 AND name = ?2 AND revoked_at IS NULL",
            params![tenant.as_str(), name.as_str(), search_above],
        )?;
        if changed == 0 { Err(StoreError::missing("agent", name)) } else { Ok(()) }
    }

    /// Sets which teams an agent is in, and its tags.
    pub fn agent_set_marks(
        &self,
        tenant: &TenantName,
        name: &AgentName,
        (teams, tags): (&BTreeSet<TeamName>, &Tags),
    ) -> Result<(), StoreError> {
        let changed = self.connection.execute(
            "UPDATE agents SET teams = ?3, tags = ?4
             WHERE tenant = ?1 AND name = ?2 AND revoked_at IS NULL",
            params![tenant.as_str(), name.as_str(), of_teams(teams), column::of_map(tags)],
        )?;
        if changed == 0 { Err(StoreError::missing("agent", name)) } else { Ok(()) }
    }

    /// Lets a uid stand for an agent, or no uid.
    pub fn agent_set_uid(
        &self,
        tenant: &TenantName,
        name: &AgentName,
        uid: Option<u32>,
    ) -> Result<(), StoreError> {
        self.uid_is_free(tenant, name, uid)?;
        let changed = self.connection.execute(
            "UPDATE agents SET uid = ?3, epoch = epoch + 1
             WHERE tenant = ?1 AND name = ?2 AND revoked_at IS NULL",
            params![tenant.as_str(), name.as_str(), uid],
        )?;
        if changed == 0 { Err(StoreError::missing("agent", name)) } else { Ok(()) }
    }

    /// A uid stands for one agent of the whole data directory, whatever the tenant: the kernel
    /// tells a uid and no tenant.
    fn uid_is_free(
        &self,
        tenant: &TenantName,
        name: &AgentName,
        uid: Option<u32>,
    ) -> Result<(), StoreError> {
        let Some(uid) = uid else { return Ok(()) };
        let holder: Option<String> = self
            .connection
            .query_row(
                "SELECT name FROM agents
                 WHERE uid = ?1 AND revoked_at IS NULL AND (tenant <> ?2 OR name <> ?3)",
                params![uid, tenant.as_str(), name.as_str()],
                |row| row.get(0),
            )
            .optional()?;
        match holder {
            Some(agent) => Err(StoreError::UidTaken { uid, agent }),
            None => Ok(()),
        }
    }
}

fn of_teams(teams: &BTreeSet<TeamName>) -> String {
    let teams: Vec<String> = teams.iter().map(ToString::to_string).collect();
    column::of_list(&teams)
}
