//! What the definitions of servers were imported from, so that they can be imported again: what a
//! person edited since is the difference from what is kept here.

use lanyard_core::{ServerName, TenantName, Timestamp};
use rusqlite::{OptionalExtension as _, Row, params};

use crate::{Change, Store, StoreError, column};

/// What a server's definition was imported from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRow {
    /// The server's tenant.
    pub tenant: TenantName,
    /// The server.
    pub server: ServerName,
    /// What kind of description it was: `openapi`, `postman`.
    pub format: String,
    /// The file or URL.
    pub place: String,
    /// What was chosen of it, as a JSON object of whoever imported it.
    pub options: String,
    /// The definition as it was imported: YAML without a credential.
    pub definition: String,
    /// When that was.
    pub imported_at: Timestamp,
}

const COLUMNS: &str = "tenant, server, format, place, options, definition, imported_at";

impl ImportRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tenant: column::name(row, 0)?,
            server: column::name(row, 1)?,
            format: row.get(2)?,
            place: row.get(3)?,
            options: row.get(4)?,
            definition: row.get(5)?,
            imported_at: column::time(row, 6)?,
        })
    }
}

impl Store {
    /// What a server was imported from, if it was. Definitions can be large, and no call needs
    /// them: so they are no part of the configuration.
    pub fn import_of(
        &self,
        tenant: &TenantName,
        server: &ServerName,
    ) -> Result<Option<ImportRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM server_imports WHERE tenant = ?1 AND server = ?2");
        let keys = params![tenant.as_str(), server.as_str()];
        Ok(self.connection().query_row(&sql, keys, ImportRow::read).optional()?)
    }
}

impl Change<'_> {
    /// Forgets what a server was imported from.
    pub fn import_delete(
        &self,
        tenant: &TenantName,
        server: &ServerName,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM server_imports WHERE tenant = ?1 AND server = ?2";
        self.connection.execute(sql, params![tenant.as_str(), server.as_str()])?;
        Ok(())
    }

    /// Notes what a server was imported from. The server must exist.
    pub fn import_put(&self, row: &ImportRow) -> Result<(), StoreError> {
        if self.server_get(&row.tenant, &row.server)?.is_none() {
            return Err(StoreError::missing("server", &row.server));
        }
        let sql = format!(
            "INSERT INTO server_imports ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (tenant, server) DO UPDATE SET format = excluded.format,
                 place = excluded.place, options = excluded.options,
                 definition = excluded.definition, imported_at = excluded.imported_at"
        );
        self.connection.execute(
            &sql,
            params![
                row.tenant.as_str(),
                row.server.as_str(),
                row.format,
                row.place,
                row.options,
                row.definition,
                row.imported_at.0,
            ],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::ServerRow;
    use crate::change::tests::record;

    #[test]
    fn an_import_is_kept_as_long_as_its_server() {
        let home = TempDir::new().unwrap();
        let store = Store::open(&home.path().join("data")).unwrap();
        let tenant = TenantName::default_tenant();
        let server = ServerName::parse("shop").unwrap();
        let row = |definition: &str| ImportRow {
            tenant: tenant.clone(),
            server: server.clone(),
            format: "openapi".to_owned(),
            place: "shop.json".to_owned(),
            options: "{}".to_owned(),
            definition: definition.to_owned(),
            imported_at: Timestamp(7),
        };
        let missing = store.change(record("1"), |change| change.import_put(&row("a")));
        assert!(missing.is_err());
        for definition in ["a", "b"] {
            let put = |change: &Change<'_>| {
                change.server_put(&ServerRow {
                    tenant: tenant.clone(),
                    name: server.clone(),
                    kind: "rest".to_owned(),
                    source: definition.to_owned(),
                    file_name: "shop.json".to_owned(),
                    options: "{}".to_owned(),
                    enabled: true,
                    verified: false,
                    version: 0,
                    created_at: Timestamp(7),
                    updated_at: Timestamp(7),
                })?;
                change.import_put(&row(definition))
            };
            store.change(record(definition), put).unwrap();
            assert_eq!(store.import_of(&tenant, &server).unwrap(), Some(row(definition)));
        }
        store.change(record("forgotten"), |change| change.import_delete(&tenant, &server)).unwrap();
        assert_eq!(store.import_of(&tenant, &server).unwrap(), None);
        store.change(record("again"), |change| change.import_put(&row("c"))).unwrap();
        store.change(record("gone"), |change| change.server_delete(&tenant, &server)).unwrap();
        assert_eq!(store.import_of(&tenant, &server).unwrap(), None);
    }
}
