//! What MCP servers list: tools, prompts, resources and templates, each as it was approved and as
//! it was last seen.

use lanyard_core::{ServerName, TenantName, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use crate::{Change, Store, StoreError, column};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident: $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// The word for it, in rows and in answers.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Reads the word.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words! {
    /// What is listed. The order is that of the words.
    DefinitionKind:
    /// A prompt; its name is its name.
    Prompt = "prompt",
    /// A resource; its name is its URI.
    Resource = "resource",
    /// What the server says of itself; its name is [`DefinitionRow::OF_ITSELF`].
    Server = "server",
    /// A template of resources; its name is its URI template.
    Template = "template",
    /// A tool; its name is its name.
    Tool = "tool",
}

words! {
    /// How what was seen stands to what was approved.
    DefinitionState:
    /// It is what was approved.
    Pinned = "pinned",
    /// It differs in wording alone: what was approved is still listed, and may be used.
    Reported = "reported",
    /// It differs in more, or was never approved: neither listed nor usable.
    Quarantined = "quarantined",
    /// The server no longer lists it.
    Gone = "gone",
}

/// Why a definition is not simply pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionReason {
    /// In one word, for programs: `schema-wider`, `new`, ...
    pub code: String,
    /// In a sentence, for people.
    pub text: String,
}

/// One thing that a server lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionRow {
    /// The server's tenant.
    pub tenant: TenantName,
    /// The server.
    pub server: ServerName,
    /// What it is.
    pub kind: DefinitionKind,
    /// Its name, unique among the server's things of that kind.
    pub name: String,
    /// Where it stands in the server's list.
    pub position: u64,
    /// The raw object that was approved; `None` for what never was.
    pub pinned: Option<String>,
    /// The raw object that was seen last where it differs from the approved one.
    pub seen: Option<String>,
    /// How the two stand to each other.
    pub state: DefinitionState,
    /// Why it is not simply pinned.
    pub reasons: Vec<DefinitionReason>,
    /// When the state came to be.
    pub changed_at: Timestamp,
    /// When it was approved, if by a person.
    pub approved_at: Option<Timestamp>,
    /// By whom, as records name it.
    pub approved_by: Option<String>,
}

impl DefinitionRow {
    /// The name of what a server says of itself.
    pub const OF_ITSELF: &'static str = "instructions";
}

const COLUMNS: &str = "tenant, server, kind, name, position, pinned, seen, state, reasons,
    changed_at, approved_at, approved_by";

impl DefinitionRow {
    pub(crate) fn all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        // Sorted here: the database would carry the texts through its sorter.
        let sql = format!("SELECT {COLUMNS} FROM definitions");
        let mut rows: Vec<Self> =
            connection.prepare(&sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        rows.sort_by(|left, right| left.key().cmp(&right.key()));
        Ok(rows)
    }

    fn key(&self) -> (&TenantName, &ServerName, &str, u64, &str) {
        (&self.tenant, &self.server, self.kind.as_str(), self.position, &self.name)
    }

    fn of(
        connection: &Connection,
        tenant: &TenantName,
        server: &ServerName,
    ) -> Result<Vec<Self>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM definitions WHERE tenant = ?1 AND server = ?2
             ORDER BY kind, position, name"
        );
        let keys = params![tenant.as_str(), server.as_str()];
        let rows =
            connection.prepare(&sql)?.query_map(keys, Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let reasons = row.get_ref(8)?.as_str()?;
        Ok(Self {
            tenant: column::name(row, 0)?,
            server: column::name(row, 1)?,
            kind: column::word(row, 2, DefinitionKind::parse)?,
            name: row.get(3)?,
            position: column::count(row, 4)?,
            pinned: row.get(5)?,
            seen: row.get(6)?,
            state: column::word(row, 7, DefinitionState::parse)?,
            reasons: serde_json::from_str(reasons)
                .map_err(|error| column::unreadable(8, Type::Text, Box::new(error)))?,
            changed_at: column::time(row, 9)?,
            approved_at: column::time_optional(row, 10)?,
            approved_by: row.get(11)?,
        })
    }
}

impl Store {
    /// What a server lists, by kind and in its own order.
    pub fn definitions_of(
        &self,
        tenant: &TenantName,
        server: &ServerName,
    ) -> Result<Vec<DefinitionRow>, StoreError> {
        DefinitionRow::of(&self.connection(), tenant, server)
    }
}

impl Change<'_> {
    /// What a server lists, by kind and in its own order.
    pub fn definitions_of(
        &self,
        tenant: &TenantName,
        server: &ServerName,
    ) -> Result<Vec<DefinitionRow>, StoreError> {
        DefinitionRow::of(self.connection, tenant, server)
    }

    /// What of a kind a tenant's servers list with approval, each name with its server.
    pub fn pinned_names(
        &self,
        tenant: &TenantName,
        kind: DefinitionKind,
    ) -> Result<Vec<(ServerName, String)>, StoreError> {
        let sql = "SELECT server, name FROM definitions
                   WHERE tenant = ?1 AND kind = ?2 AND pinned IS NOT NULL
                   ORDER BY server, name";
        let read = |row: &Row<'_>| Ok((column::name(row, 0)?, row.get(1)?));
        let mut statement = self.connection.prepare(sql)?;
        let names = statement.query_map(params![tenant.as_str(), kind.as_str()], read)?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Adds a definition or replaces it. Its server must exist.
    pub fn definition_put(&self, row: &DefinitionRow) -> Result<(), StoreError> {
        if self.server_get(&row.tenant, &row.server)?.is_none() {
            return Err(StoreError::missing("server", &row.server));
        }
        let reasons = serde_json::to_string(&row.reasons)
            .map_err(|error| column::unreadable(8, Type::Text, Box::new(error)))?;
        self.connection
            .prepare_cached(
                "INSERT INTO definitions (tenant, server, kind, name, position, pinned, seen, state,
                     reasons, changed_at, approved_at, approved_by)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                 ON CONFLICT (tenant, server, kind, name) DO UPDATE SET
                     position = excluded.position, pinned = excluded.pinned,
                     seen = excluded.seen, state = excluded.state, reasons = excluded.reasons,
                     changed_at = excluded.changed_at, approved_at = excluded.approved_at,
                     approved_by = excluded.approved_by",
            )?
            .execute(params![
                row.tenant.as_str(),
                row.server.as_str(),
                row.kind.as_str(),
                row.name,
                column::of_count("definitions", row.position)?,
                row.pinned,
                row.seen,
                row.state.as_str(),
                reasons,
                row.changed_at.0,
                row.approved_at.map(|time| time.0),
                row.approved_by,
            ])?;
        Ok(())
    }

    /// Forgets one definition.
    pub fn definition_delete(
        &self,
        tenant: &TenantName,
        server: &ServerName,
        kind: DefinitionKind,
        name: &str,
    ) -> Result<(), StoreError> {
        let changed = self.connection.execute(
            "DELETE FROM definitions WHERE tenant = ?1 AND server = ?2 AND kind = ?3 AND name = ?4",
            params![tenant.as_str(), server.as_str(), kind.as_str(), name],
        )?;
        if changed == 0 { Err(StoreError::missing(kind.as_str(), name)) } else { Ok(()) }
    }

    /// Forgets everything that a server listed, and says how much it was.
    pub fn definitions_delete(
        &self,
        tenant: &TenantName,
        server: &ServerName,
    ) -> Result<usize, StoreError> {
        Ok(self.connection.execute(
            "DELETE FROM definitions WHERE tenant = ?1 AND server = ?2",
            params![tenant.as_str(), server.as_str()],
        )?)
    }
}
