//! `lanyard audit`: search, export and prove the records.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use http::Method;
use lanyard_admin::verdict_json;
use lanyard_store::audit::{VerifyKey, verify};
use serde_json::Value;

use super::{Operating, segment};
use crate::failure::Failure;
use crate::output;

const VERIFY_EXAMPLES: &str = "Examples:
  lanyard audit verify                                 the running gateway's log
  lanyard audit key > key.pub
  lanyard audit verify --dir copy/audit --key key.pub  a copy, anywhere, without a gateway

Exit 1 when the log does not hold, with every finding.";

/// Search, export and prove the records.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show records, newest first
    Search {
        #[command(flatten)]
        wanted: Wanted,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write every matching record, oldest first
    Export {
        #[command(flatten)]
        wanted: Wanted,
        /// The form: jsonl, the lines of the log themselves
        #[arg(long, value_parser = ["jsonl"], default_value = "jsonl")]
        format: String,
    },
    /// Print the public key that proves the log
    Key,
    /// Prove that nothing was cut, edited, dropped or reordered
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify {
        /// A copy of the audit directory, verified without a gateway
        #[arg(long, value_name = "COPY", requires = "key")]
        dir: Option<PathBuf>,
        /// A file with the public key, or the key itself
        #[arg(long, value_name = "FILE", requires = "dir")]
        key: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Which records.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Of this agent
    #[arg(long)]
    agent: Option<String>,
    /// Of this server
    #[arg(long)]
    server: Option<String>,
    /// Of this tool
    #[arg(long)]
    tool: Option<String>,
    /// Of this kind: call.open, call.denied, change, ...
    #[arg(long)]
    kind: Option<String>,
    /// Decided so
    #[arg(long, value_parser = ["allowed", "denied"])]
    decision: Option<String>,
    /// From this time on: 2026-11-21, 2026-11-21T23:05:41Z, or 7d for seven days ago
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The record with this id
    #[arg(long)]
    id: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Wanted {
    fn query(&self) -> String {
        let limit = self.limit.map(|limit| limit.to_string());
        let pairs = [
            ("agent", &self.agent),
            ("server", &self.server),
            ("tool", &self.tool),
            ("kind", &self.kind),
            ("decision", &self.decision),
            ("since", &self.since),
            ("until", &self.until),
            ("id", &self.id),
            ("limit", &limit),
        ];
        let mut query = String::new();
        for (name, value) in pairs {
            if let Some(value) = value {
                let joint = if query.is_empty() { '?' } else { '&' };
                query.push(joint);
                query.push_str(name);
                query.push('=');
                query.push_str(&segment(value));
            }
        }
        query
    }
}

pub(super) async fn run(command: AuditCommand, operating: &Operating<'_>) -> Result<(), Failure> {
    match command {
        AuditCommand::Search { wanted, json } => {
            let path = format!("/v1/audit/records{}", wanted.query());
            let found = operating.client()?.get(&path).await?;
            if json {
                return Ok(output::json(&found)?);
            }
            let rows: Vec<_> = output::items(&found, "records").iter().map(row).collect();
            let head = ["TIME", "KIND", "WHO", "WHAT", "DECISION", "ENDED", "RECORD"];
            Ok(output::line(&output::table(&head, &rows))?)
        }
        AuditCommand::Export { wanted, format: _ } => {
            let query = match wanted.query() {
                query if query.is_empty() => "?export=true".to_owned(),
                query => format!("{query}&export=true"),
            };
            let path = format!("/v1/audit/records{query}");
            operating.client()?.download(&path, &mut output::bytes).await
        }
        AuditCommand::Key => {
            let key = operating.client()?.get("/v1/audit/key").await?;
            Ok(output::line(&output::text(&key, "key"))?)
        }
        AuditCommand::Verify { dir: Some(dir), key: Some(key), json } => {
            let key = read_key(&key)?;
            judge(&verdict_json(verify(&dir, &key)), json)
        }
        AuditCommand::Verify { dir: _, key: _, json } => {
            let client = operating.client()?;
            let verdict = client.send(Method::POST, "/v1/audit/verify", None).await?;
            judge(&verdict, json)
        }
    }
}

fn row(record: &Value) -> Vec<String> {
    let cell = |key: &str| output::text(record, key);
    let closed = record.get("closed").cloned().unwrap_or_default();
    let first = |keys: &[&str]| {
        keys.iter().map(|key| cell(key)).find(|text| !text.is_empty()).unwrap_or_default()
    };
    let what = match (cell("server"), cell("tool")) {
        (server, tool) if server.is_empty() && tool.is_empty() => {
            format!("{} {}", cell("action"), cell("subject")).trim().to_owned()
        }
        (server, tool) if server.is_empty() => tool,
        (server, tool) => format!("{server}.{tool}"),
    };
    let ended = match (output::text(&closed, "status"), output::text(&closed, "took_micros")) {
        (status, _) if status.is_empty() => String::new(),
        (status, took) => format!("{status} {took} us"),
    };
    vec![
        cell("time"),
        cell("kind"),
        first(&["agent", "actor", "last_peer"]),
        what,
        first(&["denied_code", "reason", "allowed_by"]),
        ended,
        cell("id"),
    ]
}

fn read_key(given: &str) -> Result<VerifyKey, Failure> {
    let text = match std::fs::read_to_string(given) {
        Ok(text) => text,
        Err(_) => given.to_owned(),
    };
    text.trim().parse().map_err(|error| {
        Failure::usage(format!(
            "--key {given}: {error}; it is what `lanyard audit key` prints, or a file with it"
        ))
    })
}

fn judge(verdict: &Value, as_json: bool) -> Result<(), Failure> {
    let holds = verdict.get("holds").and_then(Value::as_bool) == Some(true);
    if as_json {
        output::json(verdict)?;
    } else if holds {
        let cell = |key: &str| output::text(verdict, key);
        output::line(&format!(
            "the log holds: {} records in {} segments, {} to {}",
            cell("records"),
            cell("segments"),
            cell("first_time"),
            cell("last_time"),
        ))?;
        for (key, what) in [
            ("open_calls", "calls are open"),
            ("unsigned", "records after the last checkpoint are chained, but not signed yet"),
            ("torn_bytes", "bytes at the end are no whole record"),
        ] {
            let count = cell(key);
            if count != "0" && !count.is_empty() {
                output::line(&format!("  {count} {what}"))?;
            }
        }
    }
    if holds {
        return Ok(());
    }
    let finding = |it: &Value| {
        let line = match output::text(it, "line") {
            line if line.is_empty() => String::new(),
            line => format!(":{line}"),
        };
        format!("{}{line}: {}", output::text(it, "file"), output::text(it, "problem"))
    };
    let lines = output::items(verdict, "findings").iter().map(finding).collect();
    Err(Failure::definition("the audit log does not hold", lines))
}
