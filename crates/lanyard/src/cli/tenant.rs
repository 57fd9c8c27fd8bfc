//! `lanyard tenant`: walls that nothing crosses.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::{Operating, segment};
use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "Examples:
  lanyard tenant add acme
  lanyard --tenant acme agent add alice
  lanyard --tenant acme server list

Servers, secrets, agents, grants and users of two tenants share nothing, names included. An
agent's token says which tenant it belongs to; an operator's command names it with --tenant.";

/// Add, show and remove tenants.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum TenantCommand {
    /// Add a tenant
    Add {
        /// Its name
        name: String,
    },
    /// Show the tenants
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a tenant that has no servers, secrets and agents left
    Rm {
        /// Its name
        name: String,
    },
}

pub(super) async fn run(command: TenantCommand, operating: &Operating<'_>) -> Result<(), Failure> {
    let client = operating.client()?;
    match command {
        TenantCommand::Add { name } => {
            let body = json!({ "name": name });
            client.send(Method::POST, "/v1/tenants", Some(&body)).await?;
            Ok(output::line(&format!("added tenant {name}; name it with --tenant {name}"))?)
        }
        TenantCommand::List { json } => {
            let listed = client.get("/v1/tenants").await?;
            if json {
                return Ok(output::json(&listed)?);
            }
            let row = |it: &Value| {
                ["name", "servers", "agents", "created_at"]
                    .map(|key| output::text(it, key))
                    .to_vec()
            };
            let rows: Vec<_> = output::items(&listed, "tenants").iter().map(row).collect();
            Ok(output::line(&output::table(&["TENANT", "SERVERS", "AGENTS", "CREATED"], &rows))?)
        }
        TenantCommand::Rm { name } => {
            client.send(Method::DELETE, &format!("/v1/tenants/{}", segment(&name)), None).await?;
            Ok(output::line(&format!("removed tenant {name}"))?)
        }
    }
}
