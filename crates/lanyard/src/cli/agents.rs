//! `lanyard agent`: identities that call, and their tokens.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::{Operating, segment, span_seconds};
use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "Examples:
  lanyard agent add alice                 prints the token, this once; good for 90 days
  lanyard agent add ci --ttl 12h --json   {\"name\",\"token\",\"expires_at\"}
  lanyard agent add worker --uid 1005     processes of uid 1005 need no token on the agents' socket
  lanyard agent set alice --search-above 100      /mcp lists her up to 100 tools at once
  lanyard agent set alice --search-above default  as many as for everybody (40)";

/// Add, list, rotate and revoke agents.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Add an agent and print its token, once
    #[command(after_help = EXAMPLES)]
    Add {
        /// The agent's name
        name: String,
        /// How long the token is good: 90d, 12h, 15m, 30s
        #[arg(long, value_name = "SPAN", value_parser = span_seconds)]
        ttl: Option<u64>,
        /// A user id that stands for the agent on the agents' socket
        #[arg(long)]
        uid: Option<u32>,
        /// The most tools that `/mcp` lists at once; past it the others are found by searching
        #[arg(long, value_name = "TOOLS")]
        search_above: Option<u64>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Change what an agent is shown
    #[command(after_help = EXAMPLES)]
    Set {
        /// The agent's name
        name: String,
        /// The most tools that `/mcp` lists at once, or `default`; past it the others are found by
        /// searching
        #[arg(long, value_name = "TOOLS", value_parser = search_above)]
        search_above: SearchAbove,
    },
    /// Show the agents
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a new token, once; the old ones end now
    Rotate {
        /// The agent's name
        name: String,
        /// How long the new token is good
        #[arg(long, value_name = "SPAN", value_parser = span_seconds)]
        ttl: Option<u64>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End everything of an agent, now: tokens, streams, running calls
    Revoke {
        /// The agent's name
        name: String,
    },
}

pub(super) async fn run(command: AgentCommand, operating: &Operating<'_>) -> Result<(), Failure> {
    let client = operating.client()?;
    match command {
        AgentCommand::Add { name, ttl, uid, search_above, json } => {
            let body = json!({
                "name": name, "ttl_seconds": ttl, "uid": uid, "search_above": search_above,
            });
            show_token(&client.send(Method::POST, "/v1/agents", Some(&body)).await?, json)
        }
        AgentCommand::Set { name, search_above: SearchAbove(tools) } => {
            let path = format!("/v1/agents/{}", segment(&name));
            let body = json!({ "search_above": tools });
            client.send(Method::PATCH, &path, Some(&body)).await?;
            let shown = match tools {
                Some(tools) => format!("{name} is listed up to {tools} tools at once"),
                None => format!("{name} is listed as many tools at once as everybody"),
            };
            Ok(output::line(&shown)?)
        }
        AgentCommand::Rotate { name, ttl, json } => {
            let path = format!("/v1/agents/{}/rotate", segment(&name));
            let body = json!({ "ttl_seconds": ttl });
            show_token(&client.send(Method::POST, &path, Some(&body)).await?, json)
        }
        AgentCommand::List { json } => {
            let listed = client.get("/v1/agents").await?;
            if json {
                return Ok(output::json(&listed)?);
            }
            let rows: Vec<_> = output::items(&listed, "agents").iter().map(row).collect();
            let head = ["AGENT", "STATE", "TOKEN", "EXPIRES", "UID", "SERVERS"];
            Ok(output::line(&output::table(&head, &rows))?)
        }
        AgentCommand::Revoke { name } => {
            client.send(Method::DELETE, &format!("/v1/agents/{}", segment(&name)), None).await?;
            Ok(output::line(&format!("revoked {name}: its tokens no longer work"))?)
        }
    }
}

/// A number of tools, or what holds for everybody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SearchAbove(Option<u64>);

fn search_above(text: &str) -> Result<SearchAbove, String> {
    match text {
        "default" => Ok(SearchAbove(None)),
        number => number
            .parse()
            .map(|tools| SearchAbove(Some(tools)))
            .map_err(|_| "a number of tools, or `default`".to_owned()),
    }
}

fn row(agent: &Value) -> Vec<String> {
    let revoked = agent.get("revoked").and_then(Value::as_bool) == Some(true);
    let token = output::items(agent, "tokens").first();
    let of_token = |key: &str| token.map(|token| output::text(token, key)).unwrap_or_default();
    vec![
        output::text(agent, "name"),
        if revoked { "revoked" } else { "active" }.to_owned(),
        of_token("begins"),
        of_token("expires_at"),
        output::text(agent, "uid"),
        output::text(agent, "servers"),
    ]
}

/// The token alone on stdout, so that it can be piped; what to do with it on stderr.
pub(super) fn show_token(made: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(output::json(made)?);
    }
    output::line(&output::text(made, "token"))?;
    let until = match output::text(made, "expires_at") {
        until if until.is_empty() => "until it is revoked".to_owned(),
        until => format!("until {until}"),
    };
    output::notice(&format!(
        "this is the token of {}, good {until}; it is not shown again",
        output::text(made, "name")
    ));
    Ok(())
}
