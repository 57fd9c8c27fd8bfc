//! `lanyard policy explain` and `replay`: why something was or would be decided, and what would have
//! been.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::TextArgs;
use crate::admin_client::AdminClient;
use crate::cli::key_value;
use crate::failure::Failure;
use crate::output;

const EXPLAIN_EXAMPLES: &str = "Examples:
  lanyard policy explain alice billing.refund number=INV-7 amount=900
  lanyard policy explain 01KAQJ4E7C9W3V5T8X2N6M0R1D      the id of a record

A value is read by the type that the tool's schema gives its argument: text, else JSON.";

/// Say in words why a call would be decided as it would, or what a record says of its decision
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// The id of a record, or an agent
    what: String,
    /// The tool that the agent would call
    #[arg(value_name = "SERVER.TOOL")]
    tool: Option<String>,
    /// The arguments
    #[arg(value_name = "KEY=VALUE", value_parser = key_value)]
    arguments: Vec<(String, String)>,
    /// For whom the agent would call
    #[arg(long)]
    user: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn explain(client: &AdminClient, args: ExplainArgs) -> Result<(), Failure> {
    let body = match &args.tool {
        None => json!({ "record": args.what }),
        Some(tool) => {
            let (server, tool) = tool
                .split_once('.')
                .ok_or_else(|| Failure::usage(format!("`{tool}` is not SERVER.TOOL")))?;
            let texts = BTreeMap::from_iter(args.arguments);
            json!({
                "agent": args.what, "server": server, "tool": tool, "texts": texts, "user": args.user,
            })
        }
    };
    let explained = client.send(Method::POST, "/v1/policy/explain", Some(&body)).await?;
    if args.json {
        return Ok(output::json(&explained)?);
    }
    if let Some(record) = explained.get("record") {
        of_record(record)?;
    } else {
        of_call(&explained)?;
    }
    for rule in output::items(&explained, "rules") {
        of_rule(rule)?;
    }
    Ok(())
}

fn of_record(record: &Value) -> Result<(), Failure> {
    let of = |key: &str| output::text(record, key);
    let what = match of("tool") {
        tool if tool.is_empty() => of("server"),
        tool => format!("{}.{tool}", of("server")),
    };
    output::line(&format!("{} asked for {what} at {}", of("agent"), of("time")))?;
    let line = if of("kind") == "call.open" {
        format!("allowed by {}", of("allowed_by"))
    } else {
        let by = match of("denied_by") {
            by if by.is_empty() => String::new(),
            by => format!(" by {by}"),
        };
        format!("denied{by}: {} {}", of("denied_code"), of("denied_detail")).trim_end().to_owned()
    };
    output::line(&line)?;
    if !of("shadow").is_empty() {
        output::line(&format!("in shadow, these would have denied it: {}", of("shadow")))?;
    }
    if let Some(kept) = record.get("attributes") {
        output::line(&format!("kept of its arguments: {}", output::plain(&kept.to_string())))?;
    }
    let policy = match of("policy") {
        version if version.is_empty() => "without policies".to_owned(),
        version => format!("by version {version} of the policies"),
    };
    Ok(output::line(&format!("decided {policy}, configuration {}", of("snapshot")))?)
}

fn of_call(explained: &Value) -> Result<(), Failure> {
    let of = |key: &str| output::text(explained, key);
    let by = if of("by").is_empty() { String::new() } else { format!(" by {}", of("by")) };
    let why = if of("why").is_empty() { String::new() } else { format!(": {}", of("why")) };
    output::line(&format!("{}{by}{why}", of("verdict")))?;
    let grant = match of("grant") {
        why if why.is_empty() => "a grant allows it".to_owned(),
        why => format!("grants do not allow it: {why}"),
    };
    output::line(&grant)?;
    if !of("shadow").is_empty() {
        output::line(&format!("in shadow, these would deny it: {}", of("shadow")))?;
    }
    Ok(())
}

fn of_rule(rule: &Value) -> Result<(), Failure> {
    let of = |key: &str| output::text(rule, key);
    let said = if of("said").is_empty() { of("message") } else { of("said") };
    let reading =
        if of("reading").is_empty() { String::new() } else { format!(", {}", of("reading")) };
    let shadow = if of("shadow") == "yes" { " (in shadow)" } else { "" };
    let (effect, id, line) = (of("effect"), of("id"), of("line"));
    output::line(&format!("  {effect} `{id}`{shadow}, line {line}: {said}{reading}"))?;
    for because in rule.get("because").and_then(Value::as_array).into_iter().flatten() {
        output::line(&format!("    {}", output::plain(because.as_str().unwrap_or_default())))?;
    }
    Ok(())
}

const REPLAY_EXAMPLES: &str = "Examples:
  lanyard policy replay team.cedar --since 7d
  lanyard policy replay team.cedar --since 2026-11-01 --until 2026-11-08 --json

A call whose decision depends on arguments that its record does not keep is undecidable, and counted
so; `lanyard policy record on` lets records keep those that rules in force read. Agents, grants, tags and
tools are those of now.";

/// Say which calls of the log another policy file would have decided otherwise; changes nothing
#[derive(Debug, Args)]
#[command(after_help = REPLAY_EXAMPLES)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    text: TextArgs,
    /// Not before: a time, or a span before now
    #[arg(long, value_name = "WHEN", default_value = "7d")]
    since: String,
    /// Before: a time, or a span before now
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn replay(client: &AdminClient, args: ReplayArgs) -> Result<(), Failure> {
    let body = json!({ "policy": args.text.body(true)?, "since": args.since, "until": args.until });
    let (mut rest, mut last) = (Vec::new(), Value::Null);
    let mut bar = Bar { is_shown: std::io::stderr().is_terminal(), drawn: false };
    let mut take = |piece: &[u8]| {
        rest.extend_from_slice(piece);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            last = serde_json::from_slice(&line).unwrap_or_default();
            bar.draw(&last)?;
        }
        Ok(())
    };
    client.follow("/v1/policy/replay", &body, &mut take).await?;
    bar.end()?;
    if last.get("done").and_then(Value::as_bool) != Some(true) {
        return Err(Failure::protocol("the answer broke off"));
    }
    if args.json {
        return Ok(output::json(&last)?);
    }
    told(&last)
}

fn told(result: &Value) -> Result<(), Failure> {
    let of = |key: &str| output::text(result, key);
    let row = |it: &Value| ["was", "would_be", "calls"].map(|key| output::text(it, key)).to_vec();
    let rows: Vec<_> = output::items(result, "counts").iter().map(row).collect();
    output::line(&output::table(&["WAS", "WOULD BE", "CALLS"], &rows))?;
    let changed = output::items(result, "changed");
    if !changed.is_empty() {
        let row = |it: &Value| {
            let tool = format!("{}.{}", output::text(it, "server"), output::text(it, "tool"));
            let mut cells = vec![output::text(it, "agent"), tool];
            cells.extend(["was", "would_be", "calls"].map(|key| output::text(it, key)));
            cells
        };
        let rows: Vec<_> = changed.iter().map(row).collect();
        let head = ["AGENT", "TOOL", "WAS", "WOULD BE", "CALLS"];
        output::line(&output::table(&head, &rows))?;
    }
    if of("more") != "0" {
        output::line(&format!("and {} more kinds of changes; see --json", of("more")))?;
    }
    let unknown = match of("unknown").as_str() {
        "0" => String::new(),
        count => format!("; {count} by agents or of tools that are not there any more"),
    };
    let beside = match of("beside").as_str() {
        "0" => String::new(),
        count => format!("; {count} were refused before any rule was asked"),
    };
    Ok(output::line(&format!("{} calls{unknown}{beside}", of("calls")))?)
}

/// What is seen on a terminal while the log is read.
struct Bar {
    is_shown: bool,
    drawn: bool,
}

impl Bar {
    fn draw(&mut self, progress: &Value) -> std::io::Result<()> {
        if !self.is_shown || progress.get("done").is_some() {
            return Ok(());
        }
        let of = |key: &str| output::text(progress, key);
        let done = progress.get("percent").and_then(Value::as_u64).unwrap_or(0).min(100);
        let filled = usize::try_from(done.checked_div(4).unwrap_or(0)).unwrap_or(0);
        let bar = format!("{}{}", "#".repeat(filled), "-".repeat(25_usize.saturating_sub(filled)));
        self.drawn = true;
        let mut stderr = std::io::stderr().lock();
        write!(stderr, "\r[{bar}] {done}% {} records, {} calls", of("lines"), of("calls"))?;
        stderr.flush()
    }

    fn end(&self) -> std::io::Result<()> {
        if self.drawn { writeln!(std::io::stderr().lock()) } else { Ok(()) }
    }
}
