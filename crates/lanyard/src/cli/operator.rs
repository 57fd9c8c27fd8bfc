//! `lanyard operator`: the people who administer.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::agents::show_token;
use super::{Operating, segment};
use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "Examples:
  lanyard operator add maria --role owner      prints the admin token, this once
  LANYARD_ADMIN_URL=http://127.0.0.1:7411 LANYARD_ADMIN_TOKEN=... lanyard server list

Roles: owner changes everything, approver says yes or no to calls, auditor reads.";

/// Add, list and revoke operators.
#[derive(Debug, Subcommand)]
pub(crate) enum OperatorCommand {
    /// Add an operator and print the admin token, once
    #[command(after_help = EXAMPLES)]
    Add {
        /// The operator's name
        name: String,
        /// What the operator may do
        #[arg(long, value_parser = ["owner", "approver", "auditor"])]
        role: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the operators
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End an operator's token, now
    Revoke {
        /// The operator's name
        name: String,
    },
}

pub(super) async fn run(
    command: OperatorCommand,
    operating: &Operating<'_>,
) -> Result<(), Failure> {
    let client = operating.client()?;
    match command {
        OperatorCommand::Add { name, role, json } => {
            let body = json!({ "name": name, "role": role });
            show_token(&client.send(Method::POST, "/v1/operators", Some(&body)).await?, json)
        }
        OperatorCommand::List { json } => {
            let listed = client.get("/v1/operators").await?;
            if json {
                return Ok(output::json(&listed)?);
            }
            let row = |it: &Value| {
                let revoked = it.get("revoked").and_then(Value::as_bool) == Some(true);
                let state = if revoked { "revoked" } else { "active" };
                let cell = |key: &str| output::text(it, key);
                vec![cell("name"), cell("role"), state.to_owned(), cell("begins")]
            };
            let rows: Vec<_> = output::items(&listed, "operators").iter().map(row).collect();
            Ok(output::line(&output::table(&["OPERATOR", "ROLE", "STATE", "TOKEN"], &rows))?)
        }
        OperatorCommand::Revoke { name } => {
            client.send(Method::DELETE, &format!("/v1/operators/{}", segment(&name)), None).await?;
            Ok(output::line(&format!("revoked operator {name}"))?)
        }
    }
}
