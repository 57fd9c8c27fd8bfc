//! The tables, and the steps from each older format to the newest.

use rusqlite::Connection;

use crate::StoreError;

/// One step per format: the step at index `n` leads from format `n` to `n + 1`. A step that was
/// once released never changes; a new format is a new step.
const STEPS: &[&str] = &[FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_4, FORMAT_5, FORMAT_6];

/// Times are microseconds since 1970. Lists are JSON arrays of strings. A `hash` is a SHA-256 of
/// a token, `sealed` the vault's envelope: no column holds a credential.
pub(crate) const FORMAT_1: &str = "
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('configuration_version', CAST('0' AS BLOB));

CREATE TABLE agents (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    uid INTEGER,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX agents_uid ON agents (uid) WHERE revoked_at IS NULL AND uid IS NOT NULL;

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    display_prefix TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    FOREIGN KEY (tenant, agent) REFERENCES agents (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_agent ON tokens (tenant, agent);

CREATE TABLE operators (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN ('owner', 'approver', 'auditor')),
    token_id TEXT NOT NULL UNIQUE,
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    display_prefix TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE servers (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    file_name TEXT NOT NULL,
    options TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    verified INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    origins TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE secret_versions (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER,
    PRIMARY KEY (tenant, name, version),
    FOREIGN KEY (tenant, name) REFERENCES secrets (tenant, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    server TEXT NOT NULL,
    allow TEXT NOT NULL,
    deny TEXT NOT NULL,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, agent, server),
    FOREIGN KEY (tenant, agent) REFERENCES agents (tenant, name),
    FOREIGN KEY (tenant, server) REFERENCES servers (tenant, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_server ON grants (tenant, server);

CREATE TABLE sessions_ended (
    id_hash BLOB PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
) STRICT;
";

/// MCP servers: what they list, tenants, users. `reasons` is a JSON array of `{code, text}`,
/// `facts` a JSON object; `pinned` and `seen` are objects as a server wrote them.
const FORMAT_2: &str = "
CREATE TABLE tenants (
    name TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO tenants (name, created_at) VALUES ('default', 0);

CREATE TABLE definitions (
    tenant TEXT NOT NULL,
    server TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('tool', 'prompt', 'resource', 'template', 'server')),
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    pinned TEXT,
    seen TEXT,
    state TEXT NOT NULL CHECK (state IN ('pinned', 'reported', 'quarantined', 'gone')),
    reasons TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    approved_at INTEGER,
    approved_by TEXT,
    PRIMARY KEY (tenant, server, kind, name),
    FOREIGN KEY (tenant, server) REFERENCES servers (tenant, name) ON DELETE CASCADE
) STRICT;

CREATE TABLE server_facts (
    tenant TEXT NOT NULL,
    server TEXT NOT NULL,
    generation INTEGER NOT NULL,
    facts TEXT NOT NULL,
    launch_pin TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, server),
    FOREIGN KEY (tenant, server) REFERENCES servers (tenant, name) ON DELETE CASCADE
) STRICT;

CREATE TABLE user_credentials (
    tenant TEXT NOT NULL,
    server TEXT NOT NULL,
    user TEXT NOT NULL,
    key TEXT NOT NULL,
    secret TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, server, user, key),
    FOREIGN KEY (tenant, server) REFERENCES servers (tenant, name) ON DELETE CASCADE,
    FOREIGN KEY (tenant, secret) REFERENCES secrets (tenant, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX user_credentials_secret ON user_credentials (tenant, secret);

ALTER TABLE grants ADD COLUMN users TEXT;
";

/// How many tools an agent is shown before it has to search.
const FORMAT_3: &str = "
ALTER TABLE agents ADD COLUMN search_above INTEGER;
";

/// Decisions on arguments: calls that wait for a human. `rules` is a JSON array of texts, `arguments`
/// what an approver is shown of them, sealed, until it is decided.
const FORMAT_4: &str = "
CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    user TEXT,
    server TEXT NOT NULL,
    tool TEXT NOT NULL,
    arguments_digest TEXT NOT NULL,
    pin TEXT NOT NULL,
    policy INTEGER NOT NULL,
    rules TEXT NOT NULL,
    reason TEXT NOT NULL,
    binding TEXT NOT NULL,
    arguments BLOB,
    ttl_ms INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'allowed', 'denied', 'used', 'expired')),
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    decided_why TEXT,
    used_at INTEGER,
    used_by TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX approvals_live ON approvals (tenant, binding)
    WHERE state IN ('pending', 'allowed');
CREATE INDEX approvals_binding ON approvals (tenant, binding);
CREATE INDEX approvals_agent ON approvals (tenant, agent, state);

ALTER TABLE agents ADD COLUMN teams TEXT NOT NULL DEFAULT '[]';
ALTER TABLE agents ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';

CREATE TABLE policies (
    tenant TEXT NOT NULL,
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    file_name TEXT NOT NULL,
    zone TEXT NOT NULL,
    shadow INTEGER NOT NULL,
    applied_at INTEGER NOT NULL,
    applied_by TEXT NOT NULL,
    PRIMARY KEY (tenant, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE limits (
    tenant TEXT NOT NULL,
    agent TEXT,
    server TEXT,
    tool TEXT CHECK (tool IS NULL OR server IS NOT NULL),
    rate TEXT,
    burst INTEGER,
    concurrency INTEGER,
    calls_per_day INTEGER,
    cost_per_day INTEGER,
    updated_at INTEGER NOT NULL,
    FOREIGN KEY (tenant, agent) REFERENCES agents (tenant, name) ON DELETE CASCADE,
    FOREIGN KEY (tenant, server) REFERENCES servers (tenant, name) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX limits_calls
    ON limits (tenant, ifnull(agent, ''), ifnull(server, ''), ifnull(tool, ''));
CREATE INDEX limits_agent ON limits (tenant, agent);
CREATE INDEX limits_server ON limits (tenant, server);
";

/// Whether records hold the arguments that a tenant's policies read. Keys of subjects, wrapped, under
/// which arguments and answers of calls are sealed in the audit log.
const FORMAT_5: &str = "
ALTER TABLE tenants ADD COLUMN records_arguments INTEGER NOT NULL DEFAULT 0;

CREATE TABLE subject_keys (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    wrapped BLOB CHECK (wrapped IS NOT NULL OR erased_at IS NOT NULL),
    created_at INTEGER NOT NULL,
    erased_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX subject_keys_in_use ON subject_keys (tenant, subject) WHERE erased_at IS NULL;
";

/// What servers were imported from; `options` is a JSON object. Links by which a secret gets a value.
const FORMAT_6: &str = "
CREATE TABLE server_imports (
    tenant TEXT NOT NULL,
    server TEXT NOT NULL,
    format TEXT NOT NULL,
    place TEXT NOT NULL,
    options TEXT NOT NULL,
    definition TEXT NOT NULL,
    imported_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, server),
    FOREIGN KEY (tenant, server) REFERENCES servers (tenant, name) ON DELETE CASCADE
) STRICT;

CREATE TABLE intakes (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    secret TEXT NOT NULL,
    origins TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    FOREIGN KEY (tenant, secret) REFERENCES secrets (tenant, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX intakes_secret ON intakes (tenant, secret);
";

/// The newest format.
pub(crate) fn newest() -> u32 {
    u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
}

/// Brings the database to the newest format, one transaction a step, and refuses a newer one.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > newest() {
        return Err(StoreError::SchemaNewer { found, known: newest() });
    }
    for (format, step) in (1_u32..).zip(STEPS) {
        if format > found {
            let transaction = connection.transaction()?;
            transaction.execute_batch(step)?;
            transaction.pragma_update(None, "user_version", format)?;
            transaction.commit()?;
        }
    }
    Ok(())
}
