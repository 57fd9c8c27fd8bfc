//! `lanyard agent`: identities that call, and their tokens.

use std::collections::BTreeMap;

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::{Operating, key_value, segment, span_seconds};
use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "Examples:
  lanyard agent add alice                 prints the token, this once; good for 90 days
  lanyard agent add ci --ttl 12h --json   {\"name\",\"token\",\"expires_at\"}
  lanyard agent add worker --uid 1005     processes of uid 1005 need no token on the agents' socket
  lanyard agent set alice --search-above 100      /mcp lists her up to 100 tools at once
  lanyard agent set alice --search-above default  as many as for everybody (40)
  lanyard agent set alice --team ops --team oncall --tag department=billing
  lanyard agent set alice --team '' --tag department=    in no team, and without the tag";

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
        /// A team that the agent is in, for policies; may be repeated
        #[arg(long = "team", value_name = "TEAM")]
        teams: Vec<String>,
        /// Something said of the agent, for policies; may be repeated
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = key_value)]
        tags: Vec<(String, String)>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Change what an agent is shown, and what policies read of it
    #[command(
        after_help = EXAMPLES,
        group = clap::ArgGroup::new("changes").required(true).multiple(true)
    )]
    Set {
        /// The agent's name
        name: String,
        /// The most tools that `/mcp` lists at once, or `default`; past it the others are found by
        /// searching
        #[arg(long, value_name = "TOOLS", value_parser = search_above, group = "changes")]
        search_above: Option<SearchAbove>,
        /// The teams that the agent is in from now on, and no others; `''` for none
        #[arg(long = "team", value_name = "TEAM", group = "changes")]
        teams: Vec<String>,
        /// A tag that is set; `KEY=` takes it off, the others stay
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = key_value, group = "changes")]
        tags: Vec<(String, String)>,
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
        AgentCommand::Add { name, ttl, uid, search_above, teams, tags, json } => {
            let body = json!({
                "name": name, "ttl_seconds": ttl, "uid": uid, "search_above": search_above,
                "teams": teams, "tags": BTreeMap::from_iter(tags),
            });
            show_token(&client.send(Method::POST, "/v1/agents", Some(&body)).await?, json)
        }
        AgentCommand::Set { name, search_above, teams, tags } => {
            let path = format!("/v1/agents/{}", segment(&name));
            let mut body = serde_json::Map::new();
            if let Some(SearchAbove(tools)) = search_above {
                body.insert("search_above".to_owned(), json!(tools));
            }
            if !teams.is_empty() {
                let teams: Vec<&String> = teams.iter().filter(|it| !it.is_empty()).collect();
                body.insert("teams".to_owned(), json!(teams));
            }
            body.insert("tags".to_owned(), json!(BTreeMap::from_iter(tags)));
            let set = client.send(Method::PATCH, &path, Some(&Value::Object(body))).await?;
            Ok(output::line(&what_is_set(&name, &set))?)
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
            let head = ["AGENT", "STATE", "TOKEN", "EXPIRES", "UID", "TEAMS", "TAGS", "SERVERS"];
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

/// What holds of an agent after `agent set`.
fn what_is_set(name: &str, set: &Value) -> String {
    let tools = match output::text(set, "search_above") {
        tools if tools.is_empty() => "as many tools at once as everybody".to_owned(),
        tools => format!("up to {tools} tools at once"),
    };
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    let (teams, tags) = (or_none(output::text(set, "teams")), or_none(tags(set)));
    format!("{name} is listed {tools}; teams: {teams}; tags: {tags}")
}

/// The tags of an agent in one cell.
fn tags(agent: &Value) -> String {
    let tags = agent.get("tags").and_then(Value::as_object);
    let pairs = tags.into_iter().flatten();
    let pairs: Vec<String> =
        pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    pairs.join(", ")
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
        output::text(agent, "teams"),
        tags(agent),
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
