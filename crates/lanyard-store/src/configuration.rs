//! All rows as they were at one moment: what a snapshot is compiled from.

use lanyard_core::{ServerName, TenantName};
use rusqlite::Connection;

use crate::{
    AgentRow, DefinitionRow, FactsRow, GrantRow, LimitRow, OperatorRow, PolicyRow, SecretRow,
    SecretVersionRow, ServerRow, SessionEndedRow, StoreError, TenantRow, TokenRow,
    UserCredentialRow, meta,
};

/// All rows as they were at one moment, revoked and expired ones included. Each list is in the
/// order of its key.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Goes up by one with every change.
    pub version: u64,
    /// The tenants.
    pub tenants: Vec<TenantRow>,
    /// The agents.
    pub agents: Vec<AgentRow>,
    /// The agents' tokens.
    pub tokens: Vec<TokenRow>,
    /// The operators.
    pub operators: Vec<OperatorRow>,
    /// The servers.
    pub servers: Vec<ServerRow>,
    /// What MCP servers list; those of one server by kind and in its own order.
    pub definitions: Vec<DefinitionRow>,
    /// What MCP servers said of themselves.
    pub facts: Vec<FactsRow>,
    /// The secrets, set or not.
    pub secrets: Vec<SecretRow>,
    /// Every sealed version that is kept.
    pub secret_versions: Vec<SecretVersionRow>,
    /// The grants.
    pub grants: Vec<GrantRow>,
    /// The policies in force, one row a tenant that has any.
    pub policies: Vec<PolicyRow>,
    /// Limits on calls.
    pub limits: Vec<LimitRow>,
    /// Users' own credentials.
    pub user_credentials: Vec<UserCredentialRow>,
    /// Sessions that ended before their time.
    pub sessions_ended: Vec<SessionEndedRow>,
}

impl Configuration {
    pub(crate) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let definitions = DefinitionRow::all(connection)?;
        Ok(Self { definitions, ..Self::read_without_definitions(connection)? })
    }

    /// The same without what MCP servers list, which is most of it by far.
    pub(crate) fn read_without_definitions(connection: &Connection) -> Result<Self, StoreError> {
        Ok(Self {
            version: meta::configuration_version(connection)?,
            tenants: TenantRow::all(connection)?,
            agents: AgentRow::all(connection)?,
            tokens: TokenRow::all(connection)?,
            operators: OperatorRow::all(connection)?,
            servers: ServerRow::all(connection)?,
            definitions: Vec::new(),
            facts: FactsRow::all(connection)?,
            secrets: SecretRow::all(connection)?,
            secret_versions: SecretVersionRow::all(connection)?,
            grants: GrantRow::all(connection)?,
            policies: PolicyRow::in_force(connection)?,
            limits: LimitRow::all(connection)?,
            user_credentials: UserCredentialRow::all(connection)?,
            sessions_ended: SessionEndedRow::all(connection)?,
        })
    }

    /// What a server lists, by kind and in its own order.
    pub fn definitions_of(&self, tenant: &TenantName, server: &ServerName) -> &[DefinitionRow] {
        let key = (tenant, server);
        let from = self.definitions.partition_point(|row| (&row.tenant, &row.server) < key);
        let rest = self.definitions.get(from..).unwrap_or_default();
        let count = rest.partition_point(|row| (&row.tenant, &row.server) == key);
        rest.get(..count).unwrap_or_default()
    }

    /// What a server said of itself, if it was ever listed.
    pub fn facts_of(&self, tenant: &TenantName, server: &ServerName) -> Option<&FactsRow> {
        let key = (tenant, server);
        let place = self.facts.binary_search_by(|row| (&row.tenant, &row.server).cmp(&key)).ok()?;
        self.facts.get(place)
    }

    /// The same without what belongs to other tenants. Operators belong to none.
    #[must_use]
    pub fn of_tenant(mut self, tenant: &TenantName) -> Self {
        self.agents.retain(|row| row.tenant == *tenant);
        self.tokens.retain(|row| row.tenant == *tenant);
        self.servers.retain(|row| row.tenant == *tenant);
        self.definitions.retain(|row| row.tenant == *tenant);
        self.facts.retain(|row| row.tenant == *tenant);
        self.secrets.retain(|row| row.tenant == *tenant);
        self.secret_versions.retain(|row| row.tenant == *tenant);
        self.grants.retain(|row| row.tenant == *tenant);
        self.policies.retain(|row| row.tenant == *tenant);
        self.limits.retain(|row| row.tenant == *tenant);
        self.user_credentials.retain(|row| row.tenant == *tenant);
        self
    }
}
