//! `lanyard user`: what the people behind an agent hold themselves.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::secret::read_value;
use super::{Operating, segment};
use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "Examples:
  lanyard user credential set mail ann            asks, without showing what is typed
  printf %s \"$TOKEN\" | lanyard user credential set mail ann
  printf %s \"$KEY\" | lanyard user credential set crm ann --header X-Api-Key
  printf %s \"$TOKEN\" | lanyard user credential set git ann --env GIT_TOKEN

A server at a URL gets `Authorization: Bearer VALUE` unless --header names another header, which
VALUE then is all of. The value goes to that server, for that user, and nowhere else. An agent
calls for a user where its grant says so: `lanyard grant AGENT SERVER --allow '*' --users ann`.";

/// Users' own credentials.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Set, show and remove what users hold at servers
    #[command(subcommand, after_help = EXAMPLES)]
    Credential(CredentialCommand),
}

/// Set, show and remove what users hold at servers.
#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// Store a value, from stdin or typed
    #[command(after_help = EXAMPLES)]
    Set {
        /// The server
        server: String,
        /// The user, as the agent names it
        user: String,
        #[command(flatten)]
        place: Place,
    },
    /// Show who holds something where; never values
    List {
        /// Of this server alone
        server: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove what a user holds at a server
    Rm {
        /// The server
        server: String,
        /// The user
        user: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Where a credential belongs.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// A header that the value is all of
    #[arg(long, value_name = "NAME", conflicts_with = "env")]
    header: Option<String>,
    /// A variable of the process's environment
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
}

impl Place {
    fn key(&self) -> Option<String> {
        match (&self.header, &self.env) {
            (Some(name), _) => Some(format!("header:{name}")),
            (None, Some(name)) => Some(format!("env:{name}")),
            (None, None) => None,
        }
    }
}

pub(super) async fn run(command: UserCommand, operating: &Operating<'_>) -> Result<(), Failure> {
    let UserCommand::Credential(command) = command;
    let client = operating.client()?;
    let path = |server: &str, user: &str| {
        format!("/v1/user-credentials/{}/{}", segment(server), segment(user))
    };
    match command {
        CredentialCommand::Set { server, user, place } => {
            let value = read_value(&format!("{user} at {server}"))?;
            let body = json!({ "value": value, "key": place.key() });
            let set = client.send(Method::PUT, &path(&server, &user), Some(&body)).await?;
            let key = output::text(&set, "key");
            Ok(output::line(&format!("{server} is called with {user}'s own credential ({key})"))?)
        }
        CredentialCommand::List { server, json } => {
            if let Some(server) = &server {
                // Who asks about a server that is not there hears so.
                client.get(&format!("/v1/servers/{}", segment(server))).await?;
            }
            let mut listed = client.get("/v1/user-credentials").await?;
            let rows = listed.get_mut("user_credentials").and_then(Value::as_array_mut);
            if let (Some(server), Some(rows)) = (&server, rows) {
                rows.retain(|it| output::text(it, "server") == *server);
            }
            if json {
                return Ok(output::json(&listed)?);
            }
            let row = |it: &Value| {
                ["server", "user", "key", "updated_at"].map(|key| output::text(it, key)).to_vec()
            };
            let rows: Vec<_> = output::items(&listed, "user_credentials").iter().map(row).collect();
            Ok(output::line(&output::table(&["SERVER", "USER", "CREDENTIAL", "SET"], &rows))?)
        }
        CredentialCommand::Rm { server, user, place } => {
            let query = place.key().map(|key| format!("?key={}", segment(&key)));
            let path = format!("{}{}", path(&server, &user), query.unwrap_or_default());
            client.send(Method::DELETE, &path, None).await?;
            Ok(output::line(&format!("removed what {user} holds at {server}"))?)
        }
    }
}
