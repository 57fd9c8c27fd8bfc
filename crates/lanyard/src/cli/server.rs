//! `lanyard server`: what offers tools.

mod add;
mod show;

use std::collections::BTreeMap;
use std::io::Read as _;

use clap::Subcommand;
use http::Method;
use lanyard_core::Limits;
use serde_json::json;

use self::add::AddArgs;
use super::render::{RenderArgs, render};
use super::{Operating, key_value, segment};
use crate::admin_client::AdminClient;
use crate::failure::Failure;
use crate::output;

const SET_EXAMPLES: &str = "Examples:
  lanyard server set billing prefix= timeout=5
  lanyard server set git 'keep=idle 10m' concurrency=4 inline=git_status,git_log
  lanyard server set git tag.region=eu tool.git_push.tag.sensitivity=high tool.git_push.cost=5
  lanyard server set git scrub=patterns
  lanyard server set billing payloads=on
  lanyard server set git keep=default           takes the setting back

Of every server:
  prefix=PREFIX                 before its tools' names on /mcp; empty for none
  timeout=SECONDS               the longest that a call may take
  allow_private=HOST,...        hosts whose names may lead to private addresses
  concurrency=N                 calls at a time
  untrusted_wrap=on|exact|off   mark its results as untrusted on every endpoint, or nowhere
  strip_optional_args=on|off    leave out placeholders in optional arguments
  scrub=exact|patterns          mask secrets in what it says, or also what looks like one
  payloads=on|off               keep arguments and answers of its calls, sealed: lanyard audit payloads
  inline=TOOL,...               tools that are listed in full however many there are
  tag.KEY=TEXT                  something said of it, for policies; empty takes it off
  cost=N                        units of cost that a call takes of a budget; 1 unless set
  tool.TOOL.tag.KEY=TEXT, tool.TOOL.cost=N     the same of one tool, on top
Of MCP servers:
  era=auto|legacy|modern        which protocol it speaks
  keep=always|idle SPAN         how long it runs or stays connected
  require_user_credentials=on   call it with users' own credentials alone
  isolation=none                what keeps its process apart: nothing yet";

/// Add, show, set, switch and remove servers.
#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    Add(Box<AddArgs>),
    /// Change settings of a server
    #[command(after_help = SET_EXAMPLES)]
    Set {
        /// The server
        name: String,
        /// What is set; `KEY=default` takes it back
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = key_value)]
        settings: Vec<(String, String)>,
    },
    Render(RenderArgs),
    /// Show the servers, and how they do
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one server: its tools, origins and secrets, how it does, the end of its stderr
    Show {
        /// The server
        name: String,
        /// Print the definition alone, to edit it and add it again with --replace: YAML, of an MCP
        /// server JSON
        #[arg(long, conflicts_with = "json")]
        definition: bool,
        /// Print JSON, with schemas and the definition
        #[arg(long)]
        json: bool,
    },
    /// Show the tools of a server
    Tools {
        /// The server
        name: String,
        /// Print JSON, with schemas
        #[arg(long)]
        json: bool,
    },
    /// Say whether a server is ready for calls: loaded, secrets set and bound, granted; connect to
    /// it and list it if it speaks MCP
    Test {
        /// The server
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End the conversations with an MCP server and connect anew, at once
    Reconnect {
        /// The server
        name: String,
    },
    /// Let a server take calls again
    Enable {
        /// The server
        name: String,
    },
    /// Let a server take no calls, now; its grants stay
    Disable {
        /// The server
        name: String,
    },
    /// Remove a server and the grants for it; its secrets stay
    Rm {
        /// The server
        name: String,
    },
}

pub(super) async fn run(command: ServerCommand, operating: &Operating<'_>) -> Result<(), Failure> {
    // Rendering asks no gateway, and neither does printing what would be imported: none needs to run.
    if let ServerCommand::Render(args) = &command {
        return render(args);
    }
    if let ServerCommand::Add(args) = &command {
        return add::add(args, operating).await;
    }
    let client = operating.client()?;
    match command {
        ServerCommand::Add(args) => add::add(&args, operating).await,
        ServerCommand::Render(args) => render(&args),
        ServerCommand::Set { name, settings } => {
            let pairs: BTreeMap<String, String> = settings.into_iter().collect();
            let path = format!("/v1/servers/{}", segment(&name));
            client.send(Method::PATCH, &path, Some(&json!(pairs))).await?;
            Ok(output::line(&format!("{name} is set"))?)
        }
        ServerCommand::List { json } => show::list(&client, json).await,
        ServerCommand::Show { name, definition: true, json: _ } => {
            show::definition(&client, &name).await
        }
        ServerCommand::Show { name, definition: false, json } => {
            show::show(&client, &name, json).await
        }
        ServerCommand::Tools { name, json } => show::tools(&client, &name, json).await,
        ServerCommand::Test { name, json } => show::test(&client, &name, json).await,
        ServerCommand::Reconnect { name } => {
            let path = format!("/v1/servers/{}/reconnect", segment(&name));
            client.send(Method::POST, &path, None).await?;
            Ok(output::line(&format!("{name} is connected anew; see `lanyard server list`"))?)
        }
        ServerCommand::Enable { name } => switch(&client, &name, "enable").await,
        ServerCommand::Disable { name } => switch(&client, &name, "disable").await,
        ServerCommand::Rm { name } => {
            client.send(Method::DELETE, &format!("/v1/servers/{}", segment(&name)), None).await?;
            Ok(output::line(&format!("removed {name} and the grants for it"))?)
        }
    }
}

async fn switch(client: &AdminClient, name: &str, what: &str) -> Result<(), Failure> {
    client.send(Method::POST, &format!("/v1/servers/{}/{what}", segment(name)), None).await?;
    Ok(output::line(&format!("{name} is {what}d"))?)
}

/// Reads a definition from a file, or from stdin for `-`.
pub(super) fn read_definition(path: &std::path::Path) -> Result<(String, String), Failure> {
    let name = path.display().to_string();
    let limit = Limits::standard().definition_bytes_max;
    let mut text = String::new();
    let read = if name == "-" {
        std::io::stdin().lock().take(limit.saturating_add(1)).read_to_string(&mut text)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(limit.saturating_add(1)).read_to_string(&mut text))
    };
    let read = read.map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    if u64::try_from(read).unwrap_or(u64::MAX) > limit {
        return Err(Failure::usage(format!("{name} is larger than {limit} bytes")));
    }
    Ok((if name == "-" { "stdin".to_owned() } else { name }, text))
}
