//! `lanyard server`: what offers tools.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use http::Method;
use lanyard_core::Limits;
use serde_json::{Value, json};

use super::render::{RenderArgs, render};
use super::{Operating, key_value, segment};
use crate::admin_client::AdminClient;
use crate::failure::{Failure, problem_line};
use crate::output;

const ADD_EXAMPLES: &str = "Examples:
  lanyard server add billing --yaml billing.yaml --secret BillingKey=secret://billing-key
  lanyard server add billing --yaml billing.yaml --dry-run
      checks the file and shows tools, origins and secrets; changes nothing
  lanyard server add billing --yaml billing.yaml --replace

PARAM of --secret is a key of server.config or the id of a security scheme. The secret is then
bound to the origins of this server, and may be sent nowhere else.";

/// Add, show, set, switch and remove servers.
#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    Add(AddArgs),
    /// Change settings of a server: prefix, timeout, allow_private
    Set {
        /// The server
        name: String,
        /// prefix=PREFIX (empty for none, `default` for NAME__), timeout=SECONDS or
        /// allow_private=HOST,... (empty for the default)
        #[arg(required = true, value_parser = key_value)]
        settings: Vec<(String, String)>,
    },
    Render(RenderArgs),
    /// Show the servers
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one server with its tools, origins and secrets
    Show {
        /// The server
        name: String,
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
    /// Say whether a server is ready for calls: loaded, secrets set and bound, granted
    Test {
        /// The server
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
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

/// Add a server from its definition.
#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLES)]
pub(crate) struct AddArgs {
    /// The server's name; wins over the file's
    name: String,
    /// The definition, in the Higress REST-to-MCP format; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    yaml: PathBuf,
    /// A secret for a key of server.config or a security scheme; repeatable
    #[arg(long, value_name = "PARAM=secret://NAME", value_parser = key_value)]
    secret: Vec<(String, String)>,
    /// What stands before its tools' names on /mcp [default: NAME__]
    #[arg(long)]
    prefix: Option<String>,
    /// The longest a call may take, in seconds [default: the definition's, else 30]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// A host whose name may lead to private addresses; repeatable
    #[arg(long, value_name = "HOST")]
    allow_private: Vec<String>,
    /// What path-only URLs of the definition start with
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Accept that a secret travels to this plaintext origin; repeatable
    #[arg(long, value_name = "URL")]
    insecure_origin: Vec<String>,
    /// Check and show; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Take the place of the server of that name; its grants stay
    #[arg(long)]
    replace: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(command: ServerCommand, operating: &Operating<'_>) -> Result<(), Failure> {
    // Rendering asks no gateway, so none needs to run.
    if let ServerCommand::Render(args) = &command {
        return render(args);
    }
    let client = operating.client()?;
    match command {
        ServerCommand::Add(args) => add(args, &client).await,
        ServerCommand::Render(args) => render(&args),
        ServerCommand::Set { name, settings } => {
            let pairs: BTreeMap<String, String> = settings.into_iter().collect();
            let path = format!("/v1/servers/{}", segment(&name));
            client.send(Method::PATCH, &path, Some(&json!(pairs))).await?;
            Ok(output::line(&format!("{name} is set"))?)
        }
        ServerCommand::List { json } => list(&client, json).await,
        ServerCommand::Show { name, json } => show(&client, &name, json).await,
        ServerCommand::Tools { name, json } => tools(&client, &name, json).await,
        ServerCommand::Test { name, json } => test(&client, &name, json).await,
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

async fn add(args: AddArgs, client: &AdminClient) -> Result<(), Failure> {
    let (file, source) = read_definition(&args.yaml)?;
    let timeout_ms = args.timeout.map(milliseconds).transpose()?;
    let secrets: BTreeMap<String, String> = args.secret.into_iter().collect();
    let mut options = json!({
        "allow_private": args.allow_private,
        "secrets": secrets,
        "insecure_origins": args.insecure_origin,
    });
    for (key, value) in [
        ("prefix", args.prefix.map(Value::from)),
        ("timeout_ms", timeout_ms.map(Value::from)),
        ("base_url", args.base_url.map(Value::from)),
    ] {
        if let (Some(value), Some(options)) = (value, options.as_object_mut()) {
            options.insert(key.to_owned(), value);
        }
    }
    let body = json!({
        "name": args.name,
        "file": file,
        "source": source,
        "options": options,
        "dry_run": args.dry_run,
        "replace": args.replace,
    });
    let added = client.send(Method::POST, "/v1/servers", Some(&body)).await?;
    for warning in output::items(&added, "warnings") {
        output::aside(&problem_line(warning));
    }
    if args.json {
        return Ok(output::json(&added)?);
    }
    described(&added)
}

fn milliseconds(seconds: f64) -> Result<u64, Failure> {
    if !(0.001..=3600.0).contains(&seconds) {
        return Err(Failure::usage("--timeout is a number of seconds from 0.001 to 3600"));
    }
    let span = std::time::Duration::from_secs_f64(seconds);
    Ok(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

fn described(added: &Value) -> Result<(), Failure> {
    let name = output::text(added, "name");
    let tools = output::items(added, "tools");
    let origins = output::text(added, "origins");
    output::line(&match output::text(added, "result").as_str() {
        "checked" => format!("{name} is a valid definition; nothing was changed"),
        "unchanged" => format!("{name} is there already, the same; nothing was changed"),
        done => format!("{done} {name}"),
    })?;
    if !origins.is_empty() {
        output::line(&format!("  sends requests to  {}", origins.replace(',', " ")))?;
    }
    for it in output::items(added, "secrets") {
        secret_line(it)?;
    }
    for tool in tools {
        output::line(&format!(
            "  tool  {:<24} {}",
            output::text(tool, "name"),
            shortened(&output::first_line(tool, "description"))
        ))?;
    }
    for listed in output::items(added, "tool_set") {
        output::line(&format!("  tool  {}", listed.as_str().unwrap_or_default()))?;
    }
    // A replaced server keeps its grants, and a tool set needs none of its own.
    let is_set = !output::items(added, "tool_set").is_empty();
    if output::text(added, "result") == "added" && !is_set {
        output::notice(&format!(
            "nobody may call it yet: `lanyard grant AGENT {name} --allow '*'`"
        ));
    }
    Ok(())
}

fn secret_line(it: &Value) -> Result<(), Failure> {
    let flag = |key: &str| it.get(key).and_then(Value::as_bool) == Some(true);
    let name = output::text(it, "name");
    let mut notes = Vec::new();
    if flag("moved_from_file") {
        notes.push("moved out of the file into the vault".to_owned());
    }
    match output::text(it, "bound_to") {
        bound if bound.is_empty() => {}
        bound => notes.push(format!("bound to {bound}")),
    }
    if !flag("set") {
        notes.push(format!("not set: calls fail until `lanyard secret set {name}`"));
    }
    Ok(output::line(format!("  uses  secret://{name}  {}", notes.join("; ")).trim_end())?)
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line.to_owned(),
    }
}

async fn list(client: &AdminClient, as_json: bool) -> Result<(), Failure> {
    let listed = client.get("/v1/servers").await?;
    if as_json {
        return Ok(output::json(&listed)?);
    }
    let row = |it: &Value| {
        let cell = |key: &str| output::text(it, key);
        let enabled = it.get("enabled").and_then(Value::as_bool) == Some(true);
        let state = match (cell("problem").is_empty(), enabled) {
            (false, _) => "broken",
            (true, true) => "enabled",
            (true, false) => "disabled",
        };
        let unset = output::items(it, "secrets")
            .iter()
            .filter(|secret| secret.get("set").and_then(Value::as_bool) != Some(true))
            .map(|secret| output::text(secret, "name"))
            .collect::<Vec<_>>()
            .join(",");
        vec![
            cell("name"),
            cell("kind"),
            state.to_owned(),
            cell("tools"),
            cell("prefix"),
            cell("origins"),
            unset,
        ]
    };
    let rows: Vec<_> = output::items(&listed, "servers").iter().map(row).collect();
    let head = ["SERVER", "KIND", "STATE", "TOOLS", "PREFIX", "ORIGINS", "UNSET SECRETS"];
    Ok(output::line(&output::table(&head, &rows))?)
}

async fn show(client: &AdminClient, name: &str, as_json: bool) -> Result<(), Failure> {
    let shown = client.get(&format!("/v1/servers/{}", segment(name))).await?;
    if as_json {
        return Ok(output::json(&shown)?);
    }
    let cell = |key: &str| output::text(&shown, key);
    output::line(&format!("{} ({})", output::bold(&cell("name")), cell("kind")))?;
    for (label, key) in [
        ("description", "description"),
        ("enabled", "enabled"),
        ("problem", "problem"),
        ("file", "file"),
        ("prefix", "prefix"),
        ("origins", "origins"),
        ("updated", "updated_at"),
    ] {
        if !cell(key).is_empty() {
            output::line(&format!("  {label:<12} {}", cell(key)))?;
        }
    }
    for it in output::items(&shown, "secrets") {
        secret_line(it)?;
    }
    print_tools(&shown)
}

fn print_tools(shown: &Value) -> Result<(), Failure> {
    for tool in output::items(shown, "tool_details") {
        output::line(&format!(
            "  {:<24} {:<6} {}",
            output::text(tool, "name"),
            output::text(tool, "method"),
            shortened(&output::first_line(tool, "description"))
        ))?;
    }
    for listed in output::items(shown, "tool_set") {
        output::line(&format!("  {}", listed.as_str().unwrap_or_default()))?;
    }
    Ok(())
}

async fn tools(client: &AdminClient, name: &str, as_json: bool) -> Result<(), Failure> {
    let shown = client.get(&format!("/v1/servers/{}", segment(name))).await?;
    if as_json {
        let tools = shown.get("tool_details").cloned().unwrap_or_default();
        return Ok(output::json(&json!({ "tools": tools, "tool_set": shown.get("tool_set") }))?);
    }
    print_tools(&shown)
}

/// What stands between this server and a call that works.
async fn test(client: &AdminClient, name: &str, as_json: bool) -> Result<(), Failure> {
    let shown = client.get(&format!("/v1/servers/{}", segment(name))).await?;
    let grants = client.get("/v1/grants").await?;
    let mut problems = Vec::new();
    match output::text(&shown, "problem") {
        problem if problem.is_empty() => {}
        problem => problems.push(format!("it does not load: {problem}")),
    }
    if shown.get("enabled").and_then(Value::as_bool) != Some(true) {
        problems.push(format!("it is disabled: `lanyard server enable {name}`"));
    }
    for secret in output::items(&shown, "secrets") {
        let of = output::text(secret, "name");
        if secret.get("set").and_then(Value::as_bool) != Some(true) {
            problems.push(format!("secret://{of} is not set: `lanyard secret set {of}`"));
        }
        if output::text(secret, "origins").is_empty() {
            problems.push(format!("secret://{of} is bound to no origin"));
        }
    }
    let granted =
        output::items(&grants, "grants").iter().any(|grant| output::text(grant, "server") == name);
    if !granted && output::items(&shown, "tool_set").is_empty() {
        problems.push(format!("nobody may call it: `lanyard grant AGENT {name} --allow '*'`"));
    }
    if as_json {
        output::json(&json!({ "ready": problems.is_empty(), "problems": problems }))?;
    } else if problems.is_empty() {
        output::line(&format!("{name} is ready for calls"))?;
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::definition(format!("{name} is not ready for calls"), problems))
}
