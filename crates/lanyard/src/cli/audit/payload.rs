//! `lanyard audit payloads`, `payload` and `erase`: what is kept of calls' arguments and answers.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::super::{Operating, segment};
use crate::failure::Failure;
use crate::output;

/// Which payloads are listed.
#[derive(Debug, Clone, Args)]
pub(crate) struct Listed {
    /// About this subject: user:NAME, or agent:NAME for calls that are for no user
    #[arg(long)]
    subject: Option<String>,
    /// From this time on: 2026-11-21, 2026-11-21T23:05:41Z, or 7d for seven days ago
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// At most so many calls
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Whose key is destroyed.
#[derive(Debug, Clone, Args)]
pub(crate) struct Erased {
    /// user:NAME, or agent:NAME for calls that are for no user
    subject: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) async fn list(listed: Listed, operating: &Operating<'_>) -> Result<(), Failure> {
    let Listed { subject, since, until, limit, json } = listed;
    let limit = limit.map(|limit| limit.to_string());
    let given = [("subject", subject), ("since", since), ("until", until), ("limit", limit)];
    let pairs = given
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", segment(&value?))))
        .collect::<Vec<_>>();
    let path = format!("/v1/audit/payloads?{}", pairs.join("&"));
    let found = operating.client()?.get(&path).await?;
    if json {
        return Ok(output::json(&found)?);
    }
    let rows: Vec<_> = output::items(&found, "payloads").iter().map(row).collect();
    let head = ["TIME", "CALL", "SUBJECT", "ARGUMENTS", "ANSWER", "STATE"];
    Ok(output::line(&output::table(&head, &rows))?)
}

fn row(call: &Value) -> Vec<String> {
    let cell = |key: &str| output::text(call, key);
    let size = |key: &str| {
        let part = call.get(key)?;
        let (bytes, kept) = (output::text(part, "bytes"), output::text(part, "kept_bytes"));
        let lost = output::text(part, "lost");
        Some(match () {
            () if !lost.is_empty() => format!("{bytes} bytes, lost: {lost}"),
            () if bytes == kept => format!("{bytes} bytes"),
            () => format!("{bytes} bytes, cut at {kept}"),
        })
    };
    let answer = size("result").or_else(|| Some(format!("error, {}", size("error")?)));
    vec![
        cell("time"),
        cell("call"),
        cell("subject"),
        size("arguments").unwrap_or_default(),
        answer.unwrap_or_else(|| "none".to_owned()),
        cell("state"),
    ]
}

pub(super) async fn show(call: &str, operating: &Operating<'_>) -> Result<(), Failure> {
    let path = format!("/v1/audit/payloads/{}", segment(call));
    Ok(output::json(&operating.client()?.get(&path).await?)?)
}

pub(super) async fn erase(erased: Erased, operating: &Operating<'_>) -> Result<(), Failure> {
    let Erased { subject, yes } = erased;
    let client = operating.client()?;
    let ask = |dry_run: bool| json!({ "subject": subject, "dry_run": dry_run });
    if !yes {
        let told = client.send(Method::POST, "/v1/audit/erase", Some(&ask(true))).await?;
        confirm(&subject, &told)?;
    }
    let told = client.send(Method::POST, "/v1/audit/erase", Some(&ask(false))).await?;
    Ok(output::line(&format!(
        "erased the key of {subject}: {} can no longer be read",
        counted(&told)
    ))?)
}

fn counted(told: &Value) -> String {
    let (payloads, calls) = (output::text(told, "payloads"), output::text(told, "calls"));
    format!("{payloads} payloads of {calls} calls")
}

/// Asks on the terminal. Where there is none, nobody can answer.
fn confirm(subject: &str, told: &Value) -> Result<(), Failure> {
    let stdin = std::io::stdin();
    let what = counted(told);
    if !stdin.is_terminal() {
        return Err(Failure::usage(format!(
            "{what} could never be read again, by nobody; say --yes to erase the key of {subject}"
        )));
    }
    output::notice(&format!("{what} can never be read again, by nobody, after this."));
    output::notice(&format!("Type {subject} to erase its key:"));
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    if line.trim() == subject {
        return Ok(());
    }
    Err(Failure::usage("nothing was erased"))
}
