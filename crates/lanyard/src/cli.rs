//! The command line: one file for each thing that commands are about.

mod agents;
mod approve;
mod audit;
mod bridge;
mod grant;
mod import;
mod limit;
pub(crate) mod log;
mod operator;
mod pin;
mod policy;
mod render;
mod secret;
mod server;
mod status;
mod tenant;
mod user;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use data_encoding::HEXUPPER;

use crate::admin_client::AdminClient;
use crate::agent::{
    AgentEnv, BridgeArgs, CallArgs, ListArgs, SkillArgs, Streams, run_call, run_list, run_skill,
};
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::failure::Failure;
use crate::up::UpArgs;
use crate::{demo, output, up};

const EXAMPLES: &str = "Begin here:
  lanyard demo                        the whole story in one terminal
  lanyard up                          start the gateway
  lanyard secret set billing-key      type or pipe the API's key
  lanyard server add billing --yaml billing.yaml --secret BillingKey=secret://billing-key
  lanyard agent add alice             prints alice's token, once
  lanyard grant alice billing --allow '*'
  lanyard server add files --stdio -- npx -y @modelcontextprotocol/server-filesystem /srv/files
  LANYARD_TOKEN=... lanyard call billing.get_invoice number=INV-7

Exit codes: 0 done, 1 usage or anything else, 3 token refused, 4 unreachable, 5 the tool said
error, 6 access denied, 7 no answer in time, 8 HTTP or protocol error.";

/// A credential-zero MCP gateway: agents hold one revocable token, Lanyard holds the keys.
#[derive(Debug, Parser)]
#[command(name = "lanyard", version, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Cli {
    /// The data directory [default: $LANYARD_DATA, else $XDG_DATA_HOME/lanyard, else ~/.local/share/lanyard]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    pub(crate) data: Option<PathBuf>,
    /// What is logged to stderr: error, warn, info, debug, trace, or a filter of tracing
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Everywhere")]
    pub(crate) log: Option<String>,
    /// How: text or json
    #[arg(long, global = true, value_name = "FORM", value_parser = ["text", "json"], help_heading = "Everywhere")]
    pub(crate) log_format: Option<String>,
    /// The tenant that an operator's command is about [default: default]
    #[arg(long, global = true, value_name = "TENANT", help_heading = "Everywhere")]
    pub(crate) tenant: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(UpArgs),
    Demo(demo::DemoArgs),
    #[command(subcommand)]
    Server(server::ServerCommand),
    Import(import::ImportArgs),
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    #[command(subcommand)]
    Agent(agents::AgentCommand),
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    Grant(grant::GrantArgs),
    Grants(grant::GrantsArgs),
    Revoke(grant::RevokeArgs),
    WhoCan(grant::WhoCanArgs),
    #[command(subcommand)]
    Limit(limit::LimitCommand),
    #[command(subcommand)]
    Pin(pin::PinCommand),
    #[command(subcommand)]
    Approve(approve::ApproveCommand),
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    #[command(subcommand)]
    User(user::UserCommand),
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    List(ListArgs),
    Call(CallArgs),
    Skill(SkillArgs),
    Bridge(BridgeArgs),
    Limits(status::LimitsArgs),
    Doctor(status::DoctorArgs),
}

impl Command {
    /// Whether it asks the admin API.
    fn is_operators(&self) -> bool {
        match self {
            Self::Up(_)
            | Self::Demo(_)
            | Self::List(_)
            | Self::Call(_)
            | Self::Skill(_)
            | Self::Bridge(_)
            | Self::Limits(_) => false,
            Self::Server(_)
            | Self::Import(_)
            | Self::Secret(_)
            | Self::Agent(_)
            | Self::Operator(_)
            | Self::Grant(_)
            | Self::Grants(_)
            | Self::Revoke(_)
            | Self::WhoCan(_)
            | Self::Limit(_)
            | Self::Pin(_)
            | Self::Approve(_)
            | Self::Policy(_)
            | Self::User(_)
            | Self::Tenant(_)
            | Self::Audit(_)
            | Self::Doctor(_) => true,
        }
    }
}

/// What an operator command works with.
#[derive(Debug)]
struct Operating<'a> {
    environment: &'a Environment,
    data: Option<PathBuf>,
    tenant: Option<String>,
}

impl Operating<'_> {
    fn client(&self) -> Result<AdminClient, Failure> {
        let client = AdminClient::find(self.environment, self.data.as_deref())?;
        match &self.tenant {
            Some(tenant) => client.of_tenant(tenant),
            None => Ok(client),
        }
    }
}

/// Runs a command and gives its exit code.
pub(crate) async fn run(cli: Cli, environment: &Environment) -> u8 {
    let simple = environment.get("LANYARD_EXIT_CODES") == Some("simple");
    let operating = Operating { environment, data: cli.data, tenant: cli.tenant };
    if operating.tenant.is_some() && !cli.command.is_operators() {
        output::notice("--tenant is for operators' commands; an agent's token says its tenant");
        return Failure::usage("").exit().code(simple);
    }
    let done = match cli.command {
        Command::List(args) => return agent_command(environment, AgentCommand::List(args)).await,
        Command::Call(args) => return agent_command(environment, AgentCommand::Call(args)).await,
        Command::Skill(args) => return agent_command(environment, AgentCommand::Skill(args)).await,
        Command::Bridge(args) => {
            let env = AgentEnv::from_pairs(environment.pairs());
            return bridge::run(&args, &env).await.code(env.exit_codes_simple);
        }
        Command::Up(args) => start(&args, &operating).await,
        Command::Demo(args) => demo::run(&args, environment).await,
        Command::Server(command) => server::run(command, &operating).await,
        Command::Import(args) => import::run(args, &operating).await,
        Command::Secret(command) => secret::run(command, &operating).await,
        Command::Agent(command) => agents::run(command, &operating).await,
        Command::Operator(command) => operator::run(command, &operating).await,
        Command::Grant(args) => grant::grant(args, &operating).await,
        Command::Grants(args) => grant::grants(args, &operating).await,
        Command::Revoke(args) => grant::revoke(args, &operating).await,
        Command::WhoCan(args) => grant::who_can(args, &operating).await,
        Command::Limit(command) => limit::run(command, &operating).await,
        Command::Pin(command) => pin::run(command, &operating).await,
        Command::Approve(command) => approve::run(command, &operating).await,
        Command::Policy(command) => policy::run(command, &operating).await,
        Command::User(command) => user::run(command, &operating).await,
        Command::Tenant(command) => tenant::run(command, &operating).await,
        Command::Audit(command) => audit::run(command, &operating).await,
        Command::Limits(args) => status::limits(&args),
        Command::Doctor(args) => status::doctor(&args, &operating).await,
    };
    match done {
        Ok(()) => 0,
        Err(failure) => {
            for line in failure.lines() {
                output::aside(&output::plain(&line));
            }
            failure.exit().code(simple)
        }
    }
}

async fn start(args: &UpArgs, operating: &Operating<'_>) -> Result<(), Failure> {
    let data =
        operating.environment.data_directory(operating.data.as_deref()).map_err(Failure::usage)?;
    up::run(args, data, operating.environment).await.map_err(Failure::other)
}

enum AgentCommand {
    List(ListArgs),
    Call(CallArgs),
    Skill(SkillArgs),
}

async fn agent_command(environment: &Environment, command: AgentCommand) -> u8 {
    let env = AgentEnv::from_pairs(environment.pairs());
    let (mut stdin, mut stdout, mut stderr) =
        (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let mut streams = Streams {
        stdin: &mut stdin,
        stdout_is_terminal: std::io::stdout().is_terminal(),
        stdout: &mut stdout,
        stderr: &mut stderr,
    };
    let exit = match command {
        AgentCommand::List(args) => run_list(&args, &env, &SystemClock, &mut streams).await,
        AgentCommand::Call(args) => run_call(&args, &env, &SystemClock, &mut streams).await,
        AgentCommand::Skill(args) => run_skill(&args, &env, &mut streams).await,
    };
    exit.code(env.exit_codes_simple)
}

/// A name as one segment of a path, so that no character of it reaches beyond.
fn segment(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            segment.push('%');
            segment.push_str(&HEXUPPER.encode(&[byte]));
        }
    }
    segment
}

/// Seconds of a span such as `90d`, `12h`, `15m` or `30s`.
fn span_seconds(text: &str) -> Result<u64, String> {
    lanyard_core::span(text)
        .map(|span| span.as_secs())
        .ok_or_else(|| format!("`{text}` is no span of time; write 90d, 12h, 15m or 30s"))
}

/// `NAME=secret://NAME`, or any `KEY=VALUE`.
fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err(format!("`{text}` is not KEY=VALUE")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{Cli, segment, span_seconds};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_name_is_one_segment() {
        for (name, expected) in [
            ("alice", "alice"),
            ("a/b", "a%2Fb"),
            ("../servers/x", "%2E%2E%2Fservers%2Fx"),
            ("a?b#c%d", "a%3Fb%23c%25d"),
            ("é ", "%C3%A9%20"),
        ] {
            assert_eq!(segment(name), expected, "{name}");
        }
    }

    #[test]
    fn spans() {
        for bad in ["", "d", "90", "-1d", "1w", "99999999999999999999d", "é"] {
            assert!(span_seconds(bad).is_err(), "{bad}");
        }
        assert_eq!(span_seconds("90d"), Ok(7_776_000));
        assert_eq!(span_seconds("30s"), Ok(30));
    }
}
