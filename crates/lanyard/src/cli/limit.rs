//! `lanyard limit`: how many calls an agent, a server, a tool or a whole tenant may have.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{Operating, segment};
use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "Examples:
  lanyard limit set --agent alice --calls-per-day 1000
      alice's calls, to all servers together, in a day of UTC
  lanyard limit set --server billing --rate 10/s --burst 20
      everybody's calls to billing together
  lanyard limit set --agent alice --server billing --tool refund --concurrency 1
  lanyard limit set --cost-per-day 50000
      all calls of the tenant; what a call costs is set by `lanyard server set NAME cost=2`
  lanyard limit list
  lanyard limit rm --agent alice

A call goes on when every limit that fits it has room, and then counts with each of them. What
`set` says takes the place of an earlier limit on the same calls; what was counted stays.
The limits of the gateway itself are shown by `lanyard limits`.";

/// Limits on calls: in a second, at a time, in a day, and for what they cost.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum LimitCommand {
    /// Set how many calls there may be
    #[command(after_help = EXAMPLES)]
    Set {
        #[command(flatten)]
        calls: Calls,
        #[command(flatten)]
        terms: Terms,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the limits, and what they have counted today
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a limit away
    Rm {
        #[command(flatten)]
        calls: Calls,
    },
}

/// Whose calls. All that fit share one count.
#[derive(Debug, Args)]
pub(crate) struct Calls {
    /// Calls of this agent alone
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// Calls to this server alone
    #[arg(long, value_name = "SERVER")]
    server: Option<String>,
    /// Calls of this tool of the server alone
    #[arg(long, value_name = "TOOL", requires = "server")]
    tool: Option<String>,
}

/// How many.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Terms {
    /// Calls in a second, a minute or an hour: 10/s, 600/m, 1000/h
    #[arg(long, value_name = "N/UNIT")]
    rate: Option<String>,
    /// How many of them may come at once after a rest [default: the rate's number]
    #[arg(long, value_name = "N", requires = "rate")]
    burst: Option<u64>,
    /// Calls at a time
    #[arg(long, value_name = "N")]
    concurrency: Option<u64>,
    /// Calls in a day, from midnight to midnight UTC
    #[arg(long, value_name = "N")]
    calls_per_day: Option<u64>,
    /// What the calls of such a day may cost together
    #[arg(long, value_name = "N")]
    cost_per_day: Option<u64>,
}

impl Calls {
    fn query(&self) -> String {
        let named = [("agent", &self.agent), ("server", &self.server), ("tool", &self.tool)];
        let pairs: Vec<String> = named
            .into_iter()
            .filter_map(|(key, name)| Some(format!("{key}={}", segment(name.as_ref()?))))
            .collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }
}

pub(super) async fn run(command: LimitCommand, operating: &Operating<'_>) -> Result<(), Failure> {
    let client = operating.client()?;
    let path = "/v1/call-limits";
    match command {
        LimitCommand::Set { calls, terms, json } => {
            let body = json!({
                "agent": calls.agent, "server": calls.server, "tool": calls.tool,
                "rate": terms.rate, "burst": terms.burst, "concurrency": terms.concurrency,
                "calls_per_day": terms.calls_per_day, "cost_per_day": terms.cost_per_day,
            });
            let set = client.send(Method::PUT, path, Some(&body)).await?;
            if json {
                return Ok(output::json(&set)?);
            }
            Ok(output::line(&format!("{}: {}", whose(&set), how_many(&set)))?)
        }
        LimitCommand::List { json } => {
            let listed = client.get(path).await?;
            if json {
                return Ok(output::json(&listed)?);
            }
            let rows: Vec<_> = output::items(&listed, "call_limits").iter().map(row).collect();
            let head = ["AGENT", "SERVER", "TOOL", "LIMIT", "RUNNING", "TODAY", "COST TODAY"];
            Ok(output::line(&output::table(&head, &rows))?)
        }
        LimitCommand::Rm { calls } => {
            let path = format!("{path}{}", calls.query());
            let gone = client.send(Method::DELETE, &path, None).await?;
            Ok(output::line(&format!("removed the limit {}", output::text(&gone, "removed")))?)
        }
    }
}

fn row(limit: &Value) -> Vec<String> {
    let named = ["agent", "server", "tool"].map(|key| match output::text(limit, key) {
        name if name.is_empty() => "*".to_owned(),
        name => name,
    });
    let counted = ["running", "calls_today", "cost_today"].map(|key| output::text(limit, key));
    named.into_iter().chain([how_many(limit)]).chain(counted).collect()
}

/// Whose calls, in words.
fn whose(limit: &Value) -> String {
    let text = |key| output::text(limit, key);
    let agent = match text("agent") {
        agent if agent.is_empty() => "calls of all agents together".to_owned(),
        agent => format!("calls of {agent}"),
    };
    match (text("server"), text("tool")) {
        (server, _) if server.is_empty() => agent,
        (server, tool) if tool.is_empty() => format!("{agent} to {server}"),
        (server, tool) => format!("{agent} to {server}.{tool}"),
    }
}

/// How many, in words.
fn how_many(limit: &Value) -> String {
    let text = |key| output::text(limit, key);
    let rate = match text("rate") {
        rate if rate.is_empty() => rate,
        rate => format!("{rate} (burst {})", text("burst")),
    };
    let said = |key, after: &str| match text(key) {
        number if number.is_empty() => number,
        number => format!("{number} {after}"),
    };
    let terms = [
        rate,
        said("concurrency", "at a time"),
        said("calls_per_day", "a day"),
        said("cost_per_day", "cost a day"),
    ];
    let terms: Vec<String> = terms.into_iter().filter(|text| !text.is_empty()).collect();
    terms.join(", ")
}
