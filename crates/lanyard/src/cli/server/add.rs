//! `lanyard server add`: a REST API from its file or from what describes it, or an MCP server from
//! the command line.

mod given;
mod import;
mod mcp;
mod shown;

use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use self::given::Given;
use self::import::{ImportArgs, Prepared};
use self::mcp::McpArgs;
use super::{Operating, read_definition};
use crate::cli::key_value;
use crate::failure::{Failure, problem_line};
use crate::output;

const EXAMPLES: &str = "Examples:
  lanyard server add billing --openapi https://api.example.com/openapi.json --read-only
  printf %s \"$KEY\" | lanyard server add billing --openapi billing.json --secret ApiKey=- --grant alice,bob --notify
  lanyard server add billing --openapi billing.json --include tag:invoices --dry-run > billing.yaml
      prints the definition, to read and edit; needs no gateway
  lanyard server add billing --openapi billing.json --merge
      the description has grown: what is new comes in, what was edited stays
  lanyard server add billing --curl -
      asks for a curl line that works, without showing it; its key becomes a secret
  lanyard server add billing --postman billing.json --origin https://api.example.com
  lanyard server add billing --yaml billing.yaml --secret BillingKey=secret://billing-key
  lanyard server add billing --yaml billing.yaml --probe get_invoice number=INV-7
  lanyard server add billing --yaml billing.yaml --dry-run
      checks the file and shows tools, origins and secrets; changes nothing
  lanyard server add docs --url https://mcp.example.com/mcp --header 'Authorization: Bearer secret://docs'
  lanyard server add files --stdio -- npx -y @modelcontextprotocol/server-filesystem /srv/files
  lanyard server add git --stdio --env GIT_TOKEN=secret://git --keep 'idle 10m' -- uvx mcp-server-git

A REST API is tried before it is stored: every tool's request is written with example arguments,
and one call that changes nothing is made. --probe names another call, --no-verify leaves it out.

A server that speaks MCP is connected to and listed before it is stored, and what it lists is
pinned: what it says differently later waits for `lanyard pin approve`. --no-verify pins what it
lists first.

A process gets the environment that --env says, PATH, HOME and TMPDIR, and nothing else. It runs
with the rights of Lanyard's own user (isolation: none).

PARAM of --secret is a key of server.config, the id of a security scheme, or for --stdio a
variable. The secret is then bound to this server, and may be sent nowhere else. Credentials that
are written out become secrets; better, store them with `lanyard secret set` first, or give them
with PARAM=-.

All of it is one change: if the API refuses the key or an agent does not exist, nothing is left.";

/// Add a server from its definition.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["yaml", "openapi", "curl", "postman", "har", "url", "stdio"]))]
#[command(group = clap::ArgGroup::new("rest").args(["yaml", "openapi", "curl", "postman", "har"]))]
#[command(group = clap::ArgGroup::new("import").args(["openapi", "curl", "postman", "har"]))]
#[command(group = clap::ArgGroup::new("samples").args(["curl", "postman", "har"]))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that stands for itself")]
pub(crate) struct AddArgs {
    /// The server's name; wins over the file's
    name: String,
    /// A REST API: its definition, in the Higress REST-to-MCP format; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    yaml: Option<PathBuf>,
    #[command(flatten)]
    import: ImportArgs,
    #[command(flatten)]
    mcp: McpArgs,
    /// A secret for a key of server.config, a security scheme or a variable; `PARAM=-` reads its
    /// value from stdin, or asks for it, and stores it; repeatable
    #[arg(long, value_name = "PARAM=secret://NAME", value_parser = key_value, conflicts_with = "url")]
    secret: Vec<(String, String)>,
    /// Agents that may call all of its tools from then on
    #[arg(long, value_name = "AGENT,...", value_delimiter = ',')]
    grant: Vec<String>,
    /// Tell the hook that `lanyard up --notify-url` or `--notify-command` names
    #[arg(long)]
    notify: bool,
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
    #[arg(long, value_name = "URL", conflicts_with_all = ["url", "stdio"])]
    base_url: Option<String>,
    /// Accept that a secret travels to this plaintext origin; repeatable
    #[arg(long, value_name = "URL")]
    insecure_origin: Vec<String>,
    #[command(flatten)]
    trial: TrialArgs,
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

/// How a server is tried before it is stored.
#[derive(Debug, Args)]
pub(crate) struct TrialArgs {
    /// The call to try a REST API with: a tool, then its arguments [default: one that changes nothing]
    #[arg(long, num_args = 1.., value_names = ["TOOL", "KEY=VALUE"], conflicts_with_all = ["url", "stdio", "no_verify", "dry_run"])]
    probe: Vec<String>,
    /// Store it without trying it; the record says so
    #[arg(long)]
    no_verify: bool,
}

pub(super) async fn add(args: &AddArgs, operating: &Operating<'_>) -> Result<(), Failure> {
    let mut given = Given::read(args)?;
    let prepared = match (&args.yaml, args.mcp.is_given()) {
        (Some(file), _) => Some(Prepared::of(rest(args, &given, file)?)),
        (None, true) => Some(Prepared::of(mcp::request(args, &given, operating.environment)?)),
        (None, false) => import::prepare(args, &mut given, operating).await?,
    };
    let Some(Prepared { mut body, notes, merge }) = prepared else { return Ok(()) };
    let probe = probe(&args.trial.probe)?;
    if let Some(body) = body.as_object_mut() {
        body.insert("name".to_owned(), json!(args.name));
        body.insert("dry_run".to_owned(), json!(args.dry_run));
        body.insert("no_verify".to_owned(), json!(args.trial.no_verify));
        body.insert(
            "grants".to_owned(),
            json!(args.grant.iter().map(|it| it.trim()).collect::<Vec<_>>()),
        );
        body.insert("notify".to_owned(), json!(args.notify));
        body.insert("secret_values".to_owned(), json!(given.values));
        body.insert("replace".to_owned(), json!(args.replace || merge.is_some()));
        if let Some(version) = merge {
            // What was said before says nothing of where a new description sends secrets.
            let named: Vec<&String> = given.bindings.values().collect();
            body.insert("merge".to_owned(), json!(version));
            body.insert("bind".to_owned(), json!(named));
        }
        body.extend(probe.map(|probe| ("probe".to_owned(), probe)));
    }
    let client = operating.client()?;
    let sent = client.send(Method::POST, "/v1/servers", Some(&body)).await;
    // Lines are those of what was made of a description, which has others.
    let is_import = args.yaml.is_none() && !args.mcp.is_given();
    let mut added = sent.map_err(|failure| match is_import {
        true => failure.at("the definition that --dry-run prints"),
        false => failure,
    })?;
    if let Some(result) = added.get_mut("result").filter(|it| merge.is_some() && **it == "replaced")
    {
        *result = json!("updated");
    }
    for warning in output::items(&added, "warnings") {
        output::aside(&output::plain(&problem_line(warning)));
    }
    if args.json {
        if let (Some(added), false) = (added.as_object_mut(), notes.is_empty()) {
            added.insert("notes".to_owned(), json!(notes));
        }
        return Ok(output::json(&added)?);
    }
    shown::described(&added)
}

fn rest(args: &AddArgs, given: &Given, file: &Path) -> Result<Value, Failure> {
    let (file, source) = read_definition(file)?;
    let mut options = options(args)?;
    options.insert("secrets".to_owned(), json!(given.bindings));
    Ok(json!({ "file": file, "source": source, "options": options }))
}

/// The call to try a server with: a tool, then `key=value` as `lanyard call` takes it.
fn probe(words: &[String]) -> Result<Option<Value>, Failure> {
    let Some((tool, pairs)) = words.split_first() else { return Ok(None) };
    let mut arguments = Map::new();
    for pair in pairs {
        let (key, text) =
            key_value(pair).map_err(|why| Failure::usage(format!("--probe: {why}")))?;
        // Numbers and truth are read out of texts where the tool's schema says so.
        let composed = text.starts_with(['{', '[']);
        let parsed = composed.then(|| serde_json::from_str(&text).ok()).flatten();
        let value = parsed.unwrap_or(Value::String(text));
        arguments.insert(key, value);
    }
    Ok(Some(json!({ "tool": tool, "arguments": arguments })))
}

fn options(args: &AddArgs) -> Result<Map<String, Value>, Failure> {
    let timeout_ms = args.timeout.map(milliseconds).transpose()?;
    let mut options = Map::new();
    for (key, value) in [
        ("allow_private", Some(json!(args.allow_private))),
        ("insecure_origins", Some(json!(args.insecure_origin))),
        ("prefix", args.prefix.as_ref().map(|it| json!(it))),
        ("timeout_ms", timeout_ms.map(Value::from)),
        ("base_url", args.base_url.as_ref().map(|it| json!(it))),
    ] {
        if let Some(value) = value {
            options.insert(key.to_owned(), value);
        }
    }
    Ok(options)
}

fn milliseconds(seconds: f64) -> Result<u64, Failure> {
    if !(0.001..=3600.0).contains(&seconds) {
        return Err(Failure::usage("--timeout is a number of seconds from 0.001 to 3600"));
    }
    let span = std::time::Duration::from_secs_f64(seconds);
    Ok(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}
