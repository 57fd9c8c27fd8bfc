//! `lanyard audit`: search, export and prove the records.

mod export;
mod payload;
mod report;
mod verdict;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use http::Method;
use lanyard_admin::SearchQuery;
use serde_json::{Value, json};

use super::{Operating, segment};
use crate::failure::Failure;
use crate::output;

const VERIFY_EXAMPLES: &str = "Examples:
  lanyard audit verify                                 the running gateway's log
  lanyard audit key > key.pub
  lanyard audit verify --dir copy/audit --key key.pub  a copy, anywhere, without a gateway
  lanyard audit witness > 2026-11-22.note              keep this elsewhere
  lanyard audit verify --against 2026-11-22.note       the log only grew since

Exit 1 when the log does not hold, with every finding.";

const EXPORT_EXAMPLES: &str = "Examples:
  lanyard audit export --since 30d > records.jsonl
  lanyard audit export --format csv --decision denied --out denied.csv
  lanyard audit export --format ocsf --since 2026-11-01 --until 2026-12-01 --out november.ocsf.jsonl
  lanyard audit export --dir copy/audit --format ocsf  a copy, without a gateway

jsonl: the lines of the log themselves. csv: a table, a call in one row; no cell is a formula.
ocsf: OCSF 1.5.0, class API Activity (6003), a call in one event.";

const WITNESS_EXAMPLES: &str = "Examples:
  lanyard audit witness | ssh elsewhere 'cat >> lanyard.notes'
  lanyard audit witness > today.note; lanyard audit verify --against today.note

A signed note (C2SP) that says how far the log goes and what its last record is. Whoever keeps one
where the log's machine cannot write can prove later that nothing was rolled back.";

const REPORT_EXAMPLES: &str = "Examples:
  lanyard audit report --since 30d --out evidence
  lanyard audit report --since 2026-10-01 --until 2026-11-01 --out october
  lanyard --tenant acme audit report --since 30d --out acme

Writes report.html (one page, no script, prints well) and report.json: who could do what, who did
what, changes, approvals, revocations, and the proof of the log with key and checkpoint.";

const PRUNE_EXAMPLES: &str = "Examples:
  lanyard audit prune --keep 365d --dry-run            what would go
  lanyard audit prune --keep 365d
  lanyard audit prune --before 2026-01-01

Whole segment files go whose records are all older, the oldest first; the one that is written stays.
A signed tombstone stands in their place, so that `verify` still holds and says what was removed.
Removing is recorded. Export what you must keep before.";

const PAYLOADS_EXAMPLES: &str = "Examples:
  lanyard server set billing payloads=on               from now on, of this server
  lanyard audit payloads --since 7d
  lanyard audit payloads --subject user:ann --json
  lanyard audit payload 01M80AEE16G98Z5JQD00000000     opens one; that is recorded

Records hold no arguments and no answers. Where a server is set so, they are kept beside the records,
sealed under a key of whom the call is about: the user that it is for, else the agent.";

const ERASE_EXAMPLES: &str = "Examples:
  lanyard audit erase user:ann                         asks first
  lanyard --tenant acme audit erase agent:alice --yes

The subject's key is destroyed, in every byte of the database's files, before this answers: nobody can
read what is kept of its calls, and `lanyard audit verify` still holds. A later call gets a new key.
Backups of the database that were made earlier still hold the key: destroy them, or the master key
they were sealed with.";

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
    #[command(after_help = EXPORT_EXAMPLES)]
    Export {
        #[command(flatten)]
        wanted: Wanted,
        /// The form: jsonl (the lines of the log themselves), csv, or ocsf
        #[arg(long, value_parser = ["jsonl", "csv", "ocsf"], default_value = "jsonl")]
        format: String,
        /// A file to write, for its owner alone; standard output otherwise
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// A copy of the audit directory, read without a gateway
        #[arg(long, value_name = "COPY")]
        dir: Option<PathBuf>,
    },
    /// Print the public key that proves the log
    Key,
    /// Print the newest checkpoint, to be kept elsewhere
    #[command(after_help = WITNESS_EXAMPLES)]
    Witness,
    /// Prove that nothing was cut, edited, dropped or reordered
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify {
        /// A copy of the audit directory, verified without a gateway
        #[arg(long, value_name = "COPY", requires = "key")]
        dir: Option<PathBuf>,
        /// A file with the public key, or the key itself
        #[arg(long, value_name = "FILE", requires = "dir")]
        key: Option<String>,
        /// A checkpoint that was kept elsewhere: also prove that the log only grew since
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write what an auditor asks for about a period, as a page and as JSON
    #[command(after_help = REPORT_EXAMPLES)]
    Report {
        /// From this time on: 2026-11-01, 2026-11-01T00:00:00Z, or 30d for thirty days ago
        #[arg(long, value_name = "TIME")]
        since: String,
        /// Until this time; now otherwise
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// The directory to write into
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// List what is kept of calls' arguments and answers
    #[command(after_help = PAYLOADS_EXAMPLES)]
    Payloads(payload::Listed),
    /// Print what is kept of a call's arguments and answer, as JSON
    #[command(after_help = PAYLOADS_EXAMPLES)]
    Payload {
        /// The call's record
        call: String,
    },
    /// Destroy the key of a subject: what is kept of its calls can no longer be read
    #[command(after_help = ERASE_EXAMPLES)]
    Erase(payload::Erased),
    /// Remove old records, and leave a signed tombstone in their place
    #[command(after_help = PRUNE_EXAMPLES)]
    Prune {
        /// Records older than this time: 2026-01-01, 2026-01-01T12:00:00Z
        #[arg(
            long,
            value_name = "DATE",
            required_unless_present = "keep",
            conflicts_with = "keep"
        )]
        before: Option<String>,
        /// Records older than this span: 90d, 365d
        #[arg(long, value_name = "SPAN")]
        keep: Option<String>,
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which records.
#[derive(Debug, Clone, Args)]
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

impl From<Wanted> for SearchQuery {
    fn from(wanted: Wanted) -> Self {
        let Wanted { agent, server, tool, kind, decision, since, until, id, limit } = wanted;
        let tenant = None;
        Self { tenant, agent, server, tool, kind, decision, since, until, id, limit, export: true }
    }
}

impl Wanted {
    /// The same for a gateway. With `--tenant` it is about that tenant's records alone.
    fn query(&self, operating: &Operating<'_>) -> String {
        let limit = self.limit.map(|limit| limit.to_string());
        let pairs = [
            ("tenant", &operating.tenant),
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
            let path = format!("/v1/audit/records{}", wanted.query(operating));
            let found = operating.client()?.get(&path).await?;
            if json {
                return Ok(output::json(&found)?);
            }
            let rows: Vec<_> = output::items(&found, "records").iter().map(row).collect();
            let head = ["TIME", "KIND", "WHO", "WHAT", "DECISION", "ENDED", "RECORD"];
            Ok(output::line(&output::table(&head, &rows))?)
        }
        AuditCommand::Export { wanted, format, out, dir } => {
            let export = export::Export { wanted, format, out, dir };
            Box::pin(export.run(operating)).await
        }
        AuditCommand::Key => {
            let key = operating.client()?.get("/v1/audit/key").await?;
            Ok(output::line(&output::text(&key, "key"))?)
        }
        AuditCommand::Witness => {
            let told = operating.client()?.get("/v1/audit/checkpoint").await?;
            let note = told.get("checkpoint").and_then(Value::as_str).unwrap_or_default();
            Ok(output::bytes(note.as_bytes())?)
        }
        AuditCommand::Verify { dir, key, against, json } => {
            let verdict = verdict::of(operating, dir, key, against).await?;
            verdict::judge(&verdict, json)
        }
        AuditCommand::Report { since, until, out } => {
            Box::pin(report::Report { since, until, out }.run(operating)).await
        }
        AuditCommand::Payloads(listed) => payload::list(listed, operating).await,
        AuditCommand::Payload { call } => payload::show(&call, operating).await,
        AuditCommand::Erase(erased) => payload::erase(erased, operating).await,
        AuditCommand::Prune { before, keep, dry_run } => {
            let before = before.or(keep).unwrap_or_default();
            let body = json!({ "before": before, "dry_run": dry_run });
            let client = operating.client()?;
            let told = client.send(Method::POST, "/v1/audit/prune", Some(&body)).await?;
            pruned(&told)
        }
    }
}

fn pruned(told: &Value) -> Result<(), Failure> {
    let stone = |key: &str| told.get(key).filter(|it| it.is_object());
    let text = match (stone("removed"), stone("would_remove")) {
        (Some(stone), _) => format!("removed {}", verdict::removed(stone)),
        (None, Some(stone)) => format!("would remove {}", verdict::removed(stone)),
        (None, None) => "no segment is that old; nothing was removed".to_owned(),
    };
    Ok(output::line(&text)?)
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
