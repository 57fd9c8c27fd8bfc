//! `lanyard secret`: values come from stdin or the terminal, never from the command line.

mod intake;

use std::io::{self, IsTerminal as _, Read as _};

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::{Operating, segment};
use crate::failure::Failure;
use crate::{output, prompt};

/// The most that is read as a value, in bytes; the vault has the same limit.
const VALUE_BYTES_MAX: u64 = 64 << 10;

const EXAMPLES: &str = "Examples:
  lanyard secret set billing-key                                  asks, without showing what is typed
  printf %s \"$KEY\" | lanyard secret set billing-key --origin https://billing.example.com
  lanyard secret set billing-key --origin https://eu.billing.example.com --no-value
      binds it to one origin more

Line ends at the end of a value are taken off; several lines are kept, for a key in PEM. Blanks alone
and control characters are refused. A secret that is bound to no origin cannot be used; `server add
--secret` binds it to that server's origins.";

/// Store, bind, rotate and remove credentials.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Store a value, from stdin or typed; a new version where the secret exists
    #[command(after_help = EXAMPLES)]
    Set {
        /// The secret's name; used as secret://NAME
        name: String,
        /// An origin that it may be sent to, or server:NAME for that server's process; repeatable
        #[arg(long, value_name = "URL")]
        origin: Vec<String>,
        /// Accept a plaintext origin off this machine; repeatable
        #[arg(long, value_name = "URL")]
        insecure_origin: Vec<String>,
        /// Bind only; leave the value as it is
        #[arg(long)]
        no_value: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a one-time link by which somebody else types the value, in a browser
    #[command(after_help = intake::EXAMPLES)]
    Intake(intake::IntakeArgs),
    /// Show names, versions and origins; never values
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Store the next version of a secret that exists
    Rotate {
        /// The secret's name
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a secret that no server uses
    Rm {
        /// The secret's name
        name: String,
    },
}

pub(super) async fn run(command: SecretCommand, operating: &Operating<'_>) -> Result<(), Failure> {
    let client = operating.client()?;
    match command {
        SecretCommand::Set { name, origin, insecure_origin, no_value, json } => {
            let value = if no_value { None } else { Some(read_value(&name)?) };
            let body = json!({
                "value": value, "origins": origin, "insecure_origins": insecure_origin,
            });
            let path = format!("/v1/secrets/{}", segment(&name));
            show(&client.send(Method::PUT, &path, Some(&body)).await?, json)
        }
        SecretCommand::Intake(args) => intake::run(args, operating).await,
        SecretCommand::Rotate { name, json } => {
            let body = json!({ "value": read_value(&name)?, "rotate": true });
            let path = format!("/v1/secrets/{}", segment(&name));
            show(&client.send(Method::PUT, &path, Some(&body)).await?, json)
        }
        SecretCommand::List { json } => {
            let listed = client.get("/v1/secrets").await?;
            if json {
                return Ok(output::json(&listed)?);
            }
            let row = |it: &Value| {
                let cell = |key: &str| output::text(it, key);
                let version = match cell("version") {
                    version if version.is_empty() => "not set".to_owned(),
                    version => version,
                };
                vec![cell("reference"), version, cell("origins")]
            };
            let rows: Vec<_> = output::items(&listed, "secrets").iter().map(row).collect();
            Ok(output::line(&output::table(&["SECRET", "VERSION", "ORIGINS"], &rows))?)
        }
        SecretCommand::Rm { name } => {
            client.send(Method::DELETE, &format!("/v1/secrets/{}", segment(&name)), None).await?;
            Ok(output::line(&format!("removed secret://{name}"))?)
        }
    }
}

fn show(made: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(output::json(made)?);
    }
    let origins = match output::text(made, "origins") {
        origins if origins.is_empty() => {
            "bound to no origin yet: `server add --secret` binds it, or --origin".to_owned()
        }
        origins => format!("may be sent to {origins}"),
    };
    let reference = output::text(made, "reference");
    Ok(output::line(&match output::text(made, "version") {
        version if version.is_empty() => format!("{reference} is not set; {origins}"),
        version => format!("{reference} has version {version}; {origins}"),
    })?)
}

/// Reads a value: typed without echo on a terminal, else all of stdin.
pub(super) fn read_value(name: &str) -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        let value =
            prompt::paste(&format!("Value of {name}, then Enter. It is not shown."), |_| false)?;
        return Ok(value.trim_end_matches('\n').to_owned());
    }
    let mut value = Vec::new();
    io::stdin().lock().take(VALUE_BYTES_MAX.saturating_add(1)).read_to_end(&mut value)?;
    if u64::try_from(value.len()).unwrap_or(u64::MAX) > VALUE_BYTES_MAX {
        return Err(Failure::usage("a value has at most 64 KiB"));
    }
    String::from_utf8(value).map_err(|_| Failure::usage("a value is UTF-8 text"))
}
