//! Users' own credentials: which secret stands for which user at which server, and where in a
//! request or an environment it belongs.

use lanyard_core::{SecretName, ServerName, TenantName, Timestamp, UserName};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{Change, StoreError, column};

/// A user's own credential for one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCredentialRow {
    /// The tenant.
    pub tenant: TenantName,
    /// The server it is for.
    pub server: ServerName,
    /// Whose it is.
    pub user: UserName,
    /// Where it belongs: `bearer` (the header `Authorization`, with `Bearer ` before the value),
    /// `header:NAME` (in lower case; the value is all of it) or `env:NAME`.
    pub key: String,
    /// The secret that holds it. No definition may name it.
    pub secret: SecretName,
    /// Goes up each time that a value is set: part of the key of the user's sessions.
    pub version: u64,
    /// When it was last set.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "tenant, server, user, key, secret, version, updated_at";

impl UserCredentialRow {
    pub(crate) fn all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM user_credentials ORDER BY tenant, server, user, key");
        let rows =
            connection.prepare(&sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tenant: column::name(row, 0)?,
            server: column::name(row, 1)?,
            user: column::name(row, 2)?,
            key: row.get(3)?,
            secret: column::name(row, 4)?,
            version: column::count(row, 5)?,
            updated_at: column::time(row, 6)?,
        })
    }
}

impl Change<'_> {
    /// One credential.
    pub fn user_credential_get(
        &self,
        tenant: &TenantName,
        server: &ServerName,
        user: &UserName,
        key: &str,
    ) -> Result<Option<UserCredentialRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM user_credentials
             WHERE tenant = ?1 AND server = ?2 AND user = ?3 AND key = ?4"
        );
        let keys = params![tenant.as_str(), server.as_str(), user.as_str(), key];
        Ok(self.connection.query_row(&sql, keys, UserCredentialRow::read).optional()?)
    }

    /// Adds a credential, or replaces it and raises its version; `row.version` is not read. Server
    /// and secret must exist.
    pub fn user_credential_put(&self, row: &UserCredentialRow) -> Result<u64, StoreError> {
        if self.server_get(&row.tenant, &row.server)?.is_none() {
            return Err(StoreError::missing("server", &row.server));
        }
        if self.secret_get(&row.tenant, &row.secret)?.is_none() {
            return Err(StoreError::missing("secret", &row.secret));
        }
        let version = self.user_credential_version_next()?;
        self.connection.execute(
            "INSERT INTO user_credentials (tenant, server, user, key, secret, version, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (tenant, server, user, key) DO UPDATE SET secret = excluded.secret,
                 version = excluded.version, updated_at = excluded.updated_at",
            params![
                row.tenant.as_str(),
                row.server.as_str(),
                row.user.as_str(),
                row.key,
                row.secret.as_str(),
                column::of_count("credential versions", version)?,
                row.updated_at.0,
            ],
        )?;
        Ok(version)
    }

    /// One number for all: a credential that was removed and set again gets no version that an
    /// open session still goes by.
    fn user_credential_version_next(&self) -> Result<u64, StoreError> {
        const NAME: &str = "user_credential_version";
        let last = self.meta(NAME)?.unwrap_or_default();
        let last: u64 = std::str::from_utf8(&last).ok().and_then(|it| it.parse().ok()).unwrap_or(0);
        let next = last.saturating_add(1);
        self.meta_set(NAME, next.to_string().as_bytes())?;
        Ok(next)
    }

    /// Removes a credential. Its secret stays: see [`Change::secret_delete`].
    pub fn user_credential_delete(
        &self,
        tenant: &TenantName,
        server: &ServerName,
        user: &UserName,
        key: &str,
    ) -> Result<(), StoreError> {
        let changed = self.connection.execute(
            "DELETE FROM user_credentials
             WHERE tenant = ?1 AND server = ?2 AND user = ?3 AND key = ?4",
            params![tenant.as_str(), server.as_str(), user.as_str(), key],
        )?;
        if changed == 0 {
            Err(StoreError::missing("credential", format!("{server}/{user} {key}")))
        } else {
            Ok(())
        }
    }
}
