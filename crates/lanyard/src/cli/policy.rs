//! `lanyard policy`: what is allowed and forbidden beyond grants, on arguments and context too.

mod ask;
mod pack;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use lanyard_policy::{Policies, PolicySource};
use serde_json::{Value, json};

use super::Operating;
use crate::admin_client::AdminClient;
use crate::failure::{Failure, problem_line};
use crate::output;
use crate::views::GuardViews;

/// The longest policy file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

const EXAMPLES: &str = "Examples:
  lanyard policy check team.cedar --offline       reads it, without a gateway
  lanyard policy check team.cedar                 and holds it against the tools and agents that are there
  lanyard policy check                            the same for what is in force
  lanyard policy apply team.cedar --shadow        decides and records, and enforces nothing
  lanyard policy apply team.cedar --zone Europe/Berlin
  lanyard policy show --version 3
  lanyard policy versions
  lanyard policy record on                        records keep the arguments that policies read
  lanyard policy explain alice billing.refund amount=900
  lanyard policy replay team.cedar --since 7d     what it would have changed
  lanyard policy pack list                        ready policies

A file has rules in the Cedar language. Each has an @id; a forbid wins over every permit and every
grant. See docs/policies.md.";

const RECORD_EXAMPLES: &str = "Examples:
  lanyard policy record on
  lanyard policy record off

Kept are the arguments that rules in force read, in shadow too, so that `lanyard policy replay` can
decide on them. Their values stay in the audit log. Left out are arguments that their schema hides
(writeOnly, format: password, x-lanyard-sensitive), those that hold a known secret or what has the
form of a credential, and what is beyond 4 KiB a record.";

/// Check, apply, show, explain and replay policies.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum PolicyCommand {
    /// Say what is wrong or questionable about a policy file, or about what is in force; changes nothing
    #[command(after_help = EXAMPLES)]
    Check {
        /// The file, or `-` for stdin; the policies in force when absent
        file: Option<PathBuf>,
        #[command(flatten)]
        how: HowArgs,
        /// Ask no gateway: only what can be told without knowing the tools
        #[arg(long, requires = "file")]
        offline: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Put a policy file in force as a whole, from the next call on; an empty one ends all policies
    #[command(after_help = EXAMPLES)]
    Apply {
        #[command(flatten)]
        text: TextArgs,
        /// Go through all of it and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the policies in force, or an older version
    #[command(disable_version_flag = true)]
    Show {
        /// Which version
        #[arg(long, value_name = "N")]
        version: Option<u64>,
        /// Print JSON, with the rules
        #[arg(long)]
        json: bool,
    },
    /// Let records keep the arguments that policies read, so that replay can decide on them
    #[command(after_help = RECORD_EXAMPLES)]
    Record {
        /// From the next call on
        what: Switch,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    Explain(ask::ExplainArgs),
    Replay(ask::ReplayArgs),
    #[command(subcommand)]
    Pack(pack::PackCommand),
    /// List every version that was applied
    Versions {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// A policy file and what belongs to it.
#[derive(Debug, Args)]
pub(crate) struct TextArgs {
    /// The file, or `-` for stdin
    file: PathBuf,
    #[command(flatten)]
    how: HowArgs,
}

/// How a policy file is taken.
#[derive(Debug, Clone, Args)]
pub(crate) struct HowArgs {
    /// The time zone of `context.time`, by its IANA name; as it was when absent, UTC at first
    #[arg(long, value_name = "ZONE", requires = "file")]
    zone: Option<String>,
    /// All rules in shadow: they decide and are recorded, and are not enforced
    #[arg(long, requires = "file")]
    shadow: bool,
}

pub(super) async fn run(command: PolicyCommand, operating: &Operating<'_>) -> Result<(), Failure> {
    let client = || operating.client();
    match command {
        PolicyCommand::Check { file, how, offline, json } => {
            let text = file.map(|file| TextArgs { file, how });
            match text {
                Some(text) if offline => check_alone(&text, json),
                text => check(&client()?, text.as_ref(), json).await,
            }
        }
        PolicyCommand::Apply { text, dry_run, json } => {
            apply(&client()?, &text, dry_run, json).await
        }
        PolicyCommand::Show { version, json } => show(&client()?, version, json).await,
        PolicyCommand::Versions { json } => versions(&client()?, json).await,
        PolicyCommand::Record { what, json } => record(&client()?, what, json).await,
        PolicyCommand::Explain(args) => ask::explain(&client()?, args).await,
        PolicyCommand::Replay(args) => ask::replay(&client()?, args).await,
        PolicyCommand::Pack(command) => pack::run(command),
    }
}

/// The name and the text of a file.
fn read(path: &Path) -> Result<(String, String), Failure> {
    let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    let mut text = String::new();
    let most = FILE_BYTES_MAX.saturating_add(1);
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_string(&mut text))
    };
    let bytes = read.map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    if u64::try_from(bytes).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(Failure::usage(format!("{name} is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok((name, text))
}

impl TextArgs {
    fn body(&self, dry_run: bool) -> Result<Value, Failure> {
        let (file, text) = read(&self.file)?;
        let HowArgs { zone, shadow } = &self.how;
        Ok(json!({
            "text": text, "file": file, "zone": zone, "shadow": shadow, "dry_run": dry_run,
        }))
    }
}

fn check_alone(args: &TextArgs, as_json: bool) -> Result<(), Failure> {
    let (file, text) = read(&args.file)?;
    let HowArgs { zone, shadow } = &args.how;
    let zone = zone.as_deref().unwrap_or("UTC");
    let source = PolicySource { file: &file, text: &text, version: 0, zone, shadow: *shadow };
    let policies = Policies::parse(&source, Arc::new(GuardViews)).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::definition(format!("{file} cannot be used"), lines)
    })?;
    let ids: Vec<&str> = policies.rules().map(|rule| rule.id.as_str()).collect();
    if as_json {
        return Ok(output::json(&json!({ "rules": ids, "offline": true }))?);
    }
    output::line(&format!("{file} reads well: {}", rules(ids.len())))?;
    output::notice("no gateway was asked: whether the rules fit its tools is not known");
    Ok(())
}

fn rules(count: usize) -> String {
    if count == 1 { "1 rule".to_owned() } else { format!("{count} rules") }
}

async fn check(
    client: &AdminClient,
    text: Option<&TextArgs>,
    as_json: bool,
) -> Result<(), Failure> {
    let path = "/v1/policy/check";
    let checked = match text {
        Some(text) => client.send(Method::POST, path, Some(&text.body(true)?)).await?,
        None => client.get(path).await?,
    };
    let findings = output::items(&checked, "findings");
    let is_error = |it: &&Value| output::text(it, "severity") == "error";
    if as_json {
        output::json(&checked)?;
    } else {
        for it in findings {
            output::line(&if is_error(&it) { problem_line(it) } else { doubt(it) })?;
        }
        let count = rules(output::items(&checked, "rules").len());
        let (tools, agents) = (output::text(&checked, "tools"), output::text(&checked, "agents"));
        let version = match (text, output::text(&checked, "version")) {
            (Some(_), _) => String::new(),
            (None, none) if none == "0" => "no policies are in force: ".to_owned(),
            (None, version) => format!("version {version} is in force: "),
        };
        output::line(&format!("{version}{count}; tools: {tools}, agents: {agents}"))?;
    }
    match findings.iter().filter(is_error).count() {
        0 => Ok(()),
        errors => Err(Failure::other(format!("{errors} of these stop calls that they should not"))),
    }
}

/// What is odd, and may be meant.
fn doubt(finding: &Value) -> String {
    let rule = match output::text(finding, "rule") {
        rule if rule.is_empty() => String::new(),
        rule => format!(" rule `{rule}`:"),
    };
    format!("warning:{rule} {}", output::text(finding, "message"))
}

async fn apply(
    client: &AdminClient,
    args: &TextArgs,
    dry_run: bool,
    as_json: bool,
) -> Result<(), Failure> {
    let body = args.body(dry_run)?;
    let applied = client.send(Method::PUT, "/v1/policy", Some(&body)).await?;
    if as_json {
        return Ok(output::json(&applied)?);
    }
    let is = |key: &str| applied.get(key).and_then(Value::as_bool) == Some(true);
    let count = applied.get("rules").and_then(Value::as_u64).unwrap_or(0);
    let count = rules(usize::try_from(count).unwrap_or(usize::MAX));
    let version = output::text(&applied, "version");
    let shadow = if is("shadow") { ", in shadow: nothing of it is enforced" } else { "" };
    let line = match (is("changed"), dry_run) {
        (false, _) => format!("version {version} is this text already: {count}{shadow}"),
        (true, true) => {
            format!("it would be version {version}: {count}{shadow}; nothing was changed")
        }
        (true, false) => format!("version {version} is in force: {count}{shadow}"),
    };
    Ok(output::line(&line)?)
}

async fn show(client: &AdminClient, version: Option<u64>, as_json: bool) -> Result<(), Failure> {
    let path = match version {
        Some(version) => format!("/v1/policy/versions/{version}"),
        None => "/v1/policy".to_owned(),
    };
    let shown = client.get(&path).await?;
    if as_json {
        return Ok(output::json(&shown)?);
    }
    let text = shown.get("text").and_then(Value::as_str).unwrap_or_default();
    if output::text(&shown, "records_arguments") == "yes" {
        output::notice("records keep the arguments that policies read");
    }
    if text.is_empty() {
        output::notice("there are no policies: grants alone decide");
        return Ok(());
    }
    let of = |key: &str| output::text(&shown, key);
    let shadow = if of("shadow") == "yes" { ", in shadow" } else { "" };
    output::notice(&format!(
        "version {}{shadow}: {} by {} at {}, times in {}",
        of("version"),
        of("file"),
        of("applied_by"),
        of("applied_at"),
        of("zone"),
    ));
    for line in text.trim_end().lines() {
        output::line(&output::plain(line))?;
    }
    Ok(())
}

async fn record(client: &AdminClient, what: Switch, as_json: bool) -> Result<(), Failure> {
    let body = json!({ "arguments": what == Switch::On });
    let switched = client.send(Method::PUT, "/v1/policy/record", Some(&body)).await?;
    if as_json {
        return Ok(output::json(&switched)?);
    }
    let already = if output::text(&switched, "changed") == "no" { " already" } else { "" };
    output::line(&match what {
        Switch::On => format!("records keep the arguments that policies read{already}"),
        Switch::Off => {
            format!("records keep no arguments{already}; what was kept stays in the log")
        }
    })?;
    if what == Switch::On {
        output::notice("their values stay in the log, and are in exports of it");
    }
    Ok(())
}

async fn versions(client: &AdminClient, as_json: bool) -> Result<(), Failure> {
    let listed = client.get("/v1/policy/versions").await?;
    if as_json {
        return Ok(output::json(&listed)?);
    }
    let row = |it: &Value| {
        let mut cells = ["version", "applied_at", "applied_by", "shadow", "zone", "bytes", "file"]
            .map(|key| output::text(it, key))
            .to_vec();
        cells.push(output::text(it, "digest").chars().take(16).collect());
        cells
    };
    let rows: Vec<_> = output::items(&listed, "versions").iter().map(row).collect();
    let head = ["VERSION", "APPLIED", "BY", "SHADOW", "ZONE", "BYTES", "FILE", "DIGEST"];
    Ok(output::line(&output::table(&head, &rows))?)
}
