//! `lanyard approve`: calls that wait for a human's yes.

use clap::{Args, Subcommand};
use http::Method;
use lanyard_mcp::text::visible;
use serde_json::{Value, json};

use super::{Operating, segment};
use crate::admin_client::AdminClient;
use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "Examples:
  lanyard approve list                         what waits
  lanyard approve show 01M80AHDFZG98Z5JQD00000007
  export LANYARD_ADMIN_TOKEN=lyd_o_...         printed by: lanyard operator add NAME --role approver
  lanyard approve allow 01M80AHDFZG98Z5JQD00000007 --reason 'invoice 7, agreed with Maria'
  lanyard approve deny 01M80AHDFZG98Z5JQD00000007 --reason 'not before Monday'

To decide takes the token of a named operator, with the role owner or approver, who is neither the
agent nor the user of the call. A yes is for this one call: the same agent, user, tool, arguments,
definition and policy, once, until it expires. The agent is told the reason of a no.";

/// Say yes or no to calls that a policy holds back.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum ApproveCommand {
    /// Show what waits
    #[command(after_help = EXAMPLES)]
    List {
        /// Show another state: allowed, denied, used, expired, void, or all
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one call: who, what, with which arguments, and which rule asks
    #[command(after_help = EXAMPLES)]
    Show {
        /// The approval's id
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say yes
    #[command(after_help = EXAMPLES)]
    Allow(DecideArgs),
    /// Say no
    #[command(after_help = EXAMPLES)]
    Deny(DecideArgs),
}

/// Which, and why.
#[derive(Debug, Args)]
pub(crate) struct DecideArgs {
    /// The approval's id
    id: String,
    /// Why; it is recorded, and the agent is told the reason of a no
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

pub(super) async fn run(command: ApproveCommand, operating: &Operating<'_>) -> Result<(), Failure> {
    let client = operating.client()?;
    match command {
        ApproveCommand::List { state, json } => list(&client, state.as_deref(), json).await,
        ApproveCommand::Show { id, json } => {
            let found = client.get(&format!("/v1/approvals/{}", segment(&id))).await?;
            if json { Ok(output::json(&found)?) } else { show(&found) }
        }
        ApproveCommand::Allow(args) => decide(&client, &args, "allow").await,
        ApproveCommand::Deny(args) => decide(&client, &args, "deny").await,
    }
}

async fn list(client: &AdminClient, state: Option<&str>, as_json: bool) -> Result<(), Failure> {
    let query = state.map(|state| format!("?state={}", segment(state))).unwrap_or_default();
    let found = client.get(&format!("/v1/approvals{query}")).await?;
    if as_json {
        return Ok(output::json(&found)?);
    }
    let row = |it: &Value| {
        let cell = |key: &str| output::text(it, key);
        let tool = format!("{}.{}", cell("server"), cell("tool"));
        let void = cell("void_reason");
        vec![
            cell("id"),
            cell("state"),
            cell("agent"),
            cell("user"),
            tool,
            if void.is_empty() { cell("reason") } else { void },
            cell("expires_at"),
        ]
    };
    let rows: Vec<_> = output::items(&found, "approvals").iter().map(row).collect();
    let head = ["ID", "STATE", "AGENT", "USER", "TOOL", "WHY", "UNTIL"];
    Ok(output::line(&output::table(&head, &rows))?)
}

fn show(found: &Value) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for (title, key) in [
        ("approval", "id"),
        ("state", "state"),
        ("because", "void_reason"),
        ("agent", "agent"),
        ("user", "user"),
        ("server", "server"),
        ("tool", "tool"),
        ("why", "reason"),
        ("rules", "rules"),
        ("policy version", "policy_version"),
        ("asked", "asked_at"),
        ("until", "expires_at"),
        ("decided by", "decided_by"),
        ("decided", "decided_at"),
        ("reason", "decided_reason"),
        ("used by record", "used_by"),
    ] {
        let cell = output::text(found, key);
        if !cell.is_empty() {
            lines.push(format!("{title:<15} {cell}"));
        }
    }
    if let Some(arguments) = found.get("arguments") {
        lines.push("arguments".to_owned());
        let text = serde_json::to_string_pretty(arguments).unwrap_or_default();
        // What the agent wrote may try to look like something else.
        lines.extend(text.lines().map(|line| format!("  {}", visible(line))));
    }
    lines.iter().try_for_each(|line| output::line(&output::plain(line)))?;
    Ok(())
}

async fn decide(client: &AdminClient, args: &DecideArgs, what: &str) -> Result<(), Failure> {
    let path = format!("/v1/approvals/{}/{what}", segment(&args.id));
    let body = match &args.reason {
        Some(reason) => json!({ "reason": reason }),
        None => json!({}),
    };
    let done = client.send(Method::POST, &path, Some(&body)).await?;
    let cell = |key: &str| output::text(&done, key);
    let subject = format!("{}.{} of agent {}", cell("server"), cell("tool"), cell("agent"));
    output::line(&format!("{} {subject}, until {}", cell("state"), cell("expires_at")))?;
    Ok(())
}
