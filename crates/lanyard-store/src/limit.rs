//! Limits on calls: whose calls one counts, and how many it lets through.

use lanyard_core::{AgentName, ServerName, TenantName, Timestamp, ToolName};
use rusqlite::{Connection, Row, params};

use crate::{Change, StoreError, column};

/// A limit on calls. What is absent of agent, server and tool is any; what is absent of the others
/// is not limited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRow {
    /// The tenant.
    pub tenant: TenantName,
    /// Calls of this agent.
    pub agent: Option<AgentName>,
    /// Calls to this server.
    pub server: Option<ServerName>,
    /// Calls of this tool of the server.
    pub tool: Option<ToolName>,
    /// Calls in a span of time: `10/s`, `600/m`, `1000/h`.
    pub rate: Option<String>,
    /// How many of them at once.
    pub burst: Option<u64>,
    /// Calls at a time.
    pub concurrency: Option<u64>,
    /// Calls in a day.
    pub calls_per_day: Option<u64>,
    /// Cost in a day.
    pub cost_per_day: Option<u64>,
    /// When it was set.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "tenant, agent, server, tool, rate, burst, concurrency, calls_per_day,
    cost_per_day, updated_at";

/// A limit by whose calls it counts.
const WHERE: &str = "tenant = ?1 AND agent IS ?2 AND server IS ?3 AND tool IS ?4";

impl LimitRow {
    pub(crate) fn all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        // Absent comes first: the wider limit before the narrower.
        let sql = format!("SELECT {COLUMNS} FROM limits ORDER BY tenant, agent, server, tool");
        let rows =
            connection.prepare(&sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tenant: column::name(row, 0)?,
            agent: column::name_optional(row, 1)?,
            server: column::name_optional(row, 2)?,
            tool: column::name_optional(row, 3)?,
            rate: row.get(4)?,
            burst: column::count_optional(row, 5)?,
            concurrency: column::count_optional(row, 6)?,
            calls_per_day: column::count_optional(row, 7)?,
            cost_per_day: column::count_optional(row, 8)?,
            updated_at: column::time(row, 9)?,
        })
    }
}

impl Change<'_> {
    /// Sets a limit in the place of an earlier one on the same calls. Agent and server must exist.
    pub fn limit_put(&self, row: &LimitRow) -> Result<(), StoreError> {
        if let Some(agent) = &row.agent
            && self.agent_get(&row.tenant, agent)?.is_none_or(|it| it.revoked_at.is_some())
        {
            return Err(StoreError::missing("agent", agent));
        }
        if let Some(server) = &row.server
            && self.server_get(&row.tenant, server)?.is_none()
        {
            return Err(StoreError::missing("server", server));
        }
        self.limit_remove(row)?;
        let count = |number: Option<u64>| {
            number.map(|number| column::of_count("calls", number)).transpose()
        };
        self.connection.execute(
            &format!(
                "INSERT INTO limits ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
            ),
            params![
                row.tenant.as_str(),
                row.agent.as_ref().map(AgentName::as_str),
                row.server.as_ref().map(ServerName::as_str),
                row.tool.as_ref().map(ToolName::as_str),
                row.rate,
                count(row.burst)?,
                count(row.concurrency)?,
                count(row.calls_per_day)?,
                count(row.cost_per_day)?,
                row.updated_at.0,
            ],
        )?;
        Ok(())
    }

    /// Removes the limit on the calls that this row names; the rest of it is not read. `false`
    /// where there is none.
    pub fn limit_remove(&self, row: &LimitRow) -> Result<bool, StoreError> {
        let changed = self.connection.execute(
            &format!("DELETE FROM limits WHERE {WHERE}"),
            params![
                row.tenant.as_str(),
                row.agent.as_ref().map(AgentName::as_str),
                row.server.as_ref().map(ServerName::as_str),
                row.tool.as_ref().map(ToolName::as_str),
            ],
        )?;
        Ok(changed > 0)
    }
}
