//! Whether a log holds: the running gateway's, or a copy, also against a checkpoint that was kept
//! elsewhere.

use std::path::{Path, PathBuf};

use http::Method;
use lanyard_admin::verdict_json;
use lanyard_store::audit::{VerifyKey, verify_against};
use serde_json::{Value, json};

use super::super::Operating;
use crate::failure::Failure;
use crate::output;

/// The verdict on the log in a directory, or on the running gateway's.
pub(super) async fn of(
    operating: &Operating<'_>,
    dir: Option<PathBuf>,
    key: Option<String>,
    against: Option<PathBuf>,
) -> Result<Value, Failure> {
    let against = against.as_deref().map(read_note).transpose()?;
    if let (Some(dir), Some(key)) = (dir, key) {
        let key = read_key(&key)?;
        return Ok(verdict_json(verify_against(&dir, &key, against.as_deref())));
    }
    let body = json!({ "against": against });
    operating.client()?.send(Method::POST, "/v1/audit/verify", Some(&body)).await
}

/// What a tombstone stands for, in words.
pub(super) fn removed(stone: &Value) -> String {
    let range = |key: &str| output::text(stone, key).replace(',', " to ");
    format!(
        "records {} ({} to {}), segments {}",
        range("records"),
        output::text(stone, "from"),
        output::text(stone, "until"),
        range("segments"),
    )
}

fn read_note(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!(
            "--against {}: {error}; it is a file with what `lanyard audit witness` printed",
            path.display()
        ))
    })
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

/// Says whether the log holds, and fails when it does not.
pub(super) fn judge(verdict: &Value, as_json: bool) -> Result<(), Failure> {
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
        for stone in output::items(verdict, "removed") {
            let (time, by) = (output::text(stone, "time"), output::text(stone, "by"));
            output::line(&format!("  {by} removed {} at {time}", removed(stone)))?;
        }
        let since = cell("grew_since");
        if !since.is_empty() {
            let text =
                format!("it only grew since the checkpoint that was kept, at record {since}");
            output::line(&text)?;
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
