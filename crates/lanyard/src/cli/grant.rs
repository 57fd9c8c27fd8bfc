//! `lanyard grant`, `grants`, `revoke` and `who-can`: which agent may call which tool.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{Operating, segment, span_seconds};
use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "Examples:
  lanyard grant alice billing --allow get_invoice,list_invoices
  lanyard grant alice billing --allow '*' --deny refund --ttl 7d
  lanyard grant helpdesk mail --allow '*' --users ann,bea
      helpdesk may call it for ann and bea too, with their own credentials where they have some

A grant takes the place of the agent's earlier one for that server. What --deny names stays denied.";

/// Let an agent call tools of a server.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GrantArgs {
    /// The agent
    agent: String,
    /// The server
    server: String,
    /// Tools it may call, comma-separated, or '*' for all
    #[arg(long, value_name = "TOOLS", value_delimiter = ',', required = true)]
    allow: Vec<String>,
    /// Tools it may not call, whatever --allow says
    #[arg(long, value_name = "TOOLS", value_delimiter = ',')]
    deny: Vec<String>,
    /// Users that it may call for, comma-separated, or '*' for all [default: none but itself]
    #[arg(long, value_name = "USERS", value_delimiter = ',')]
    users: Option<Vec<String>>,
    /// How long the grant holds: 90d, 12h, 15m, 30s [default: until revoked]
    #[arg(long, value_name = "SPAN", value_parser = span_seconds)]
    ttl: Option<u64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Show grants.
#[derive(Debug, Args)]
pub(crate) struct GrantsArgs {
    /// Of this agent alone
    agent: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Take grants back, now. (`lanyard agent revoke` ends the agent as a whole.)
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The agent
    agent: String,
    /// The server; every server where none is named
    server: Option<String>,
}

/// Show which agents may call a tool.
#[derive(Debug, Args)]
pub(crate) struct WhoCanArgs {
    /// SERVER.TOOL
    tool: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn grant(args: GrantArgs, operating: &Operating<'_>) -> Result<(), Failure> {
    let path = format!("/v1/grants/{}/{}", segment(&args.agent), segment(&args.server));
    let body = json!({
        "allow": args.allow, "deny": args.deny, "users": args.users, "ttl_seconds": args.ttl,
    });
    let made = operating.client()?.send(Method::PUT, &path, Some(&body)).await?;
    if args.json {
        return Ok(output::json(&made)?);
    }
    let deny = match output::text(&made, "deny") {
        deny if deny.is_empty() => String::new(),
        deny => format!(", except {deny}"),
    };
    let until = match output::text(&made, "expires_at") {
        until if until.is_empty() => String::new(),
        until => format!(", until {until}"),
    };
    let users = match output::text(&made, "users").as_str() {
        "" => String::new(),
        "*" => ", for any user".to_owned(),
        users => format!(", for {users}"),
    };
    let allow = output::text(&made, "allow");
    Ok(output::line(&format!(
        "{} may call {} of {}{deny}{users}{until}",
        args.agent,
        if allow == "*" { "every tool" } else { &allow },
        args.server
    ))?)
}

pub(super) async fn grants(args: GrantsArgs, operating: &Operating<'_>) -> Result<(), Failure> {
    let mut listed = operating.client()?.get("/v1/grants").await?;
    if let (Some(agent), Some(grants)) =
        (&args.agent, listed.get_mut("grants").and_then(Value::as_array_mut))
    {
        grants.retain(|grant| output::text(grant, "agent") == *agent);
    }
    if args.json {
        return Ok(output::json(&listed)?);
    }
    let row = |it: &Value| {
        ["agent", "server", "allow", "deny", "users", "expires_at"]
            .map(|key| output::text(it, key))
            .to_vec()
    };
    let rows: Vec<_> = output::items(&listed, "grants").iter().map(row).collect();
    let head = ["AGENT", "SERVER", "ALLOW", "DENY", "USERS", "EXPIRES"];
    Ok(output::line(&output::table(&head, &rows))?)
}

pub(super) async fn revoke(args: RevokeArgs, operating: &Operating<'_>) -> Result<(), Failure> {
    let client = operating.client()?;
    let RevokeArgs { agent, server } = args;
    let (path, said) = match server {
        Some(server) => (
            format!("/v1/grants/{}/{}", segment(&agent), segment(&server)),
            format!("{agent} may no longer call {server}"),
        ),
        None => (
            format!("/v1/grants/{}", segment(&agent)),
            format!(
                "{agent} may no longer call anything; its token is known still (see `lanyard agent revoke`)"
            ),
        ),
    };
    client.send(Method::DELETE, &path, None).await?;
    Ok(output::line(&said)?)
}

pub(super) async fn who_can(args: WhoCanArgs, operating: &Operating<'_>) -> Result<(), Failure> {
    let Some((server, tool)) = args.tool.split_once('.') else {
        return Err(Failure::usage("name the tool as SERVER.TOOL"));
    };
    let path = format!("/v1/who-can/{}/{}", segment(server), segment(tool));
    let found = operating.client()?.get(&path).await?;
    if args.json {
        return Ok(output::json(&found)?);
    }
    let agents = output::items(&found, "agents");
    if agents.is_empty() {
        output::notice(&format!("no agent may call {}", args.tool));
    }
    for agent in agents {
        output::line(agent.as_str().unwrap_or_default())?;
    }
    Ok(())
}
