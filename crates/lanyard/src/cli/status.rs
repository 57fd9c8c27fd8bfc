//! `lanyard limits` and `lanyard doctor`.

use clap::Args;
use lanyard_admin::limits_json;
use lanyard_core::Limits;
use serde_json::json;

use super::Operating;
use crate::failure::Failure;
use crate::output;

/// Show every limit with its unit and what happens past it.
#[derive(Debug, Args)]
pub(crate) struct LimitsArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Say what is reachable, what is weak, and what is unused.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn limits(args: &LimitsArgs) -> Result<(), Failure> {
    let limits = Limits::standard();
    if args.json {
        return Ok(output::json(&limits_json(&limits))?);
    }
    let cells: Vec<Vec<String>> = limits
        .rows()
        .iter()
        .map(|row| {
            vec![
                row.name.to_owned(),
                row.value.to_string(),
                row.unit.as_str().to_owned(),
                row.meaning.to_owned(),
            ]
        })
        .collect();
    Ok(output::line(&output::table(&["LIMIT", "VALUE", "UNIT", "MEANING"], &cells))?)
}

/// What holds for every Lanyard on every machine, so that nobody believes otherwise.
const STANDING: &[&str] = &[
    "processes of the data directory's owner can read everything of it: run agents as other users, or in containers",
    "what an allowed tool answers reaches the agent as it is, except for the server's own credential, which is masked",
];

pub(super) async fn doctor(args: &DoctorArgs, operating: &Operating<'_>) -> Result<(), Failure> {
    let mut status = operating.client()?.get("/v1/status").await?;
    if args.json {
        if let Some(status) = status.as_object_mut() {
            status.insert("standing".to_owned(), json!(STANDING));
        }
        return Ok(output::json(&status)?);
    }
    let about = status.get("about").cloned().unwrap_or_default();
    output::line(&output::bold("Reachable"))?;
    for (key, who) in [
        ("listen", "agents with a token"),
        ("agent_socket", "agents on this machine, by token or uid"),
        ("admin_listen", "operators with a token"),
        ("admin_socket", "the data directory's owner"),
    ] {
        output::line(&format!("  {:<44} {who}", output::text(&about, key)))?;
    }
    let count = |key: &str| output::text(&status, key);
    output::line(&output::bold("Configured"))?;
    output::line(&format!(
        "  {} servers, {} secrets, {} agents, {} grants; configuration {}",
        count("servers"),
        count("secrets"),
        count("agents"),
        count("grants"),
        count("configuration"),
    ))?;
    let audit = status.get("audit").cloned().unwrap_or_default();
    output::line(&format!(
        "  {} audit records on disk; records are taken: {}",
        output::text(&audit, "records"),
        output::text(&audit, "takes_records"),
    ))?;
    output::line(&output::bold("Found"))?;
    let findings = output::items(&status, "findings");
    if findings.is_empty() {
        output::line("  nothing weak or unused")?;
    }
    for finding in findings {
        output::line(&format!("  - {}", finding.as_str().unwrap_or_default()))?;
    }
    output::line(&output::bold("To know"))?;
    for standing in STANDING {
        output::line(&format!("  - {standing}"))?;
    }
    Ok(())
}
