//! `lanyard pin`: what servers list that is not what was approved, what differs, and approving it.

use std::io::{self, BufRead as _, IsTerminal as _};

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{Operating, segment};
use crate::admin_client::AdminClient;
use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "Examples:
  lanyard pin list
  lanyard pin diff git git_status
  lanyard pin approve git git_status              shows what differs, and asks
  lanyard pin approve git git_status --digest 3f2a...   what `pin diff` showed, and nothing else

States: reported (other words only; the approved text stays in use), quarantined (neither listed
nor callable until it is approved), gone (no longer listed; approving forgets it). `launch` stands for
how the server is started or reached: a server whose launch is not the pinned one is not used.";

/// Compare what servers list with what was approved, and approve it.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum PinCommand {
    /// Show what is not simply pinned
    List {
        /// Of this server alone
        server: Option<String>,
        /// Show what is pinned, too
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what differs, line by line, and why it matters
    #[command(after_help = EXAMPLES)]
    Diff {
        /// The server
        server: String,
        /// The tool, prompt, resource or template, `instructions` or `launch`; all that differ when
        /// absent
        name: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    Approve(ApproveArgs),
}

/// Approve what a server lists now. It is listed and callable from the next call on.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ApproveArgs {
    /// The server
    server: String,
    /// The tool, prompt, resource or template, `instructions` or `launch`; all that differ when
    /// absent
    name: Option<String>,
    /// The digest that `pin diff` showed; nothing is asked
    #[arg(long, value_name = "DIGEST", requires = "name", conflicts_with = "yes")]
    digest: Option<String>,
    /// Approve what is shown without asking
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(command: PinCommand, operating: &Operating<'_>) -> Result<(), Failure> {
    let client = operating.client()?;
    match command {
        PinCommand::List { server, all, json } => list(&client, server, all, json).await,
        PinCommand::Diff { server, name, json } => {
            let found = pins(&client, &server, name.as_deref()).await?;
            if json {
                return Ok(output::json(&found)?);
            }
            if output::items(&found, "pins").is_empty() {
                output::notice(&format!("everything that {server} lists is what was approved"));
            }
            show(&found)
        }
        PinCommand::Approve(args) => approve(&client, &args).await,
    }
}

async fn list(
    client: &AdminClient,
    server: Option<String>,
    all: bool,
    as_json: bool,
) -> Result<(), Failure> {
    if let Some(server) = &server {
        // Who asks about a server that is not there hears so.
        client.get(&format!("/v1/servers/{}", segment(server))).await?;
    }
    let mut found = client.get(&format!("/v1/pins?all={all}")).await?;
    let rows = found.get_mut("pins").and_then(Value::as_array_mut);
    if let (Some(server), Some(rows)) = (&server, rows) {
        rows.retain(|it| output::text(it, "server") == *server);
    }
    if as_json {
        return Ok(output::json(&found)?);
    }
    let row = |it: &Value| {
        let reasons = output::items(it, "reasons").iter().map(|it| output::text(it, "code"));
        let mut codes: Vec<String> = reasons.collect();
        codes.dedup();
        let mut cells =
            ["server", "kind", "name", "state"].map(|key| output::text(it, key)).to_vec();
        cells.extend([codes.join(","), output::text(it, "changed_at")]);
        cells.push(output::text(it, "approved_by"));
        cells
    };
    let rows: Vec<_> = output::items(&found, "pins").iter().map(row).collect();
    let head = ["SERVER", "KIND", "NAME", "STATE", "WHY", "SINCE", "APPROVED BY"];
    Ok(output::line(&output::table(&head, &rows))?)
}

async fn pins(client: &AdminClient, server: &str, name: Option<&str>) -> Result<Value, Failure> {
    let query = name.map(|name| format!("?name={}", segment(name))).unwrap_or_default();
    client.get(&format!("/v1/pins/{}{query}", segment(server))).await
}

fn show(found: &Value) -> Result<(), Failure> {
    for pin in output::items(found, "pins") {
        let cell = |key: &str| output::text(pin, key);
        let head = format!("{} {} ({})", cell("kind"), cell("name"), cell("state"));
        output::line(&output::bold(&head))?;
        for reason in output::items(pin, "reasons") {
            output::line(&format!("  {}", output::text(reason, "text")))?;
        }
        let diff = pin.get("diff").and_then(Value::as_str).unwrap_or_default();
        for line in diff.lines() {
            output::line(&output::plain(line))?;
        }
        output::line(&format!("digest {}", cell("digest")))?;
    }
    Ok(())
}

async fn approve(client: &AdminClient, args: &ApproveArgs) -> Result<(), Failure> {
    let ApproveArgs { server, name, digest, yes } = args;
    let found = pins(client, server, name.as_deref()).await?;
    let mut waiting: Vec<&Value> = output::items(&found, "pins")
        .iter()
        .filter(|pin| output::text(pin, "state") != "pinned")
        .collect();
    // A tool and a prompt may have one name: the digest says which of them was looked at.
    let is_meant =
        |pin: &&Value| digest.as_ref().is_none_or(|it| output::text(pin, "digest") == *it);
    if waiting.iter().any(is_meant) {
        waiting.retain(is_meant);
    }
    if waiting.is_empty() {
        let what = name.as_deref().map_or_else(
            || format!("everything that {server} lists"),
            |name| format!("`{name}` of {server}"),
        );
        output::notice(&format!("nothing to approve: {what} is what was approved"));
        return Ok(());
    }
    // What was shown is what is approved: by its digest, which a change in between does not have.
    let looked: Vec<Value> = waiting
        .iter()
        .map(|pin| {
            let of = |key: &str| pin.get(key).cloned().unwrap_or_default();
            let digest = digest.as_ref().map_or_else(|| of("digest"), |digest| json!(digest));
            json!({ "kind": of("kind"), "name": of("name"), "digest": digest })
        })
        .collect();
    if digest.is_none() {
        show(&found)?;
        if !yes && !confirmed(server)? {
            return Err(Failure::other("nothing was approved"));
        }
    }
    let path = format!("/v1/pins/{}/approve", segment(server));
    let done = client.send(Method::POST, &path, Some(&json!({ "definitions": looked }))).await?;
    for it in output::items(&done, "approved") {
        let cell = |key: &str| output::text(it, key);
        output::line(&format!("{} {} is {}", cell("kind"), cell("name"), cell("result")))?;
    }
    Ok(())
}

fn confirmed(server: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            "nobody can be asked here: name what was looked at with --digest, or say --yes",
        ));
    }
    output::notice(&format!("approve this of {server}? Type yes to approve it"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
