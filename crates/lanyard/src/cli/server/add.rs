//! `lanyard server add`: a REST API from its file, or an MCP server from the command line.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;
use lanyard_mcp::Template;
use serde_json::{Map, Value, json};

use super::show::{launch, secret_line, shortened};
use super::{Operating, read_definition};
use crate::cli::key_value;
use crate::config::Environment;
use crate::failure::{Failure, problem_line};
use crate::output;

const EXAMPLES: &str = "Examples:
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
are written out become secrets; better, store them with `lanyard secret set` first.";

/// Add a server from its definition.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["yaml", "url", "stdio"]))]
pub(crate) struct AddArgs {
    /// The server's name; wins over the file's
    name: String,
    /// A REST API: its definition, in the Higress REST-to-MCP format; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    yaml: Option<PathBuf>,
    #[command(flatten)]
    mcp: McpArgs,
    /// A secret for a key of server.config, a security scheme or a variable; repeatable
    #[arg(long, value_name = "PARAM=secret://NAME", value_parser = key_value, conflicts_with = "url")]
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

/// What is said of an MCP server on the command line.
#[derive(Debug, Args)]
pub(crate) struct McpArgs {
    /// An MCP server at this URL
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// An MCP server that is a process; its command follows `--`
    #[arg(long, requires = "command")]
    stdio: bool,
    /// How the URL is spoken to: http (streamable), or sse (2024-11-05) [default: http]
    #[arg(long, value_name = "KIND", value_parser = ["http", "sse"], conflicts_with_all = ["yaml", "stdio"])]
    transport: Option<String>,
    /// A header of each request; repeatable
    #[arg(long, value_name = "'KEY: TEXT'", value_parser = header, conflicts_with_all = ["yaml", "stdio"])]
    header: Vec<(String, String)>,
    /// A part of the query of each request; repeatable
    #[arg(long, value_name = "KEY=TEXT", value_parser = key_value, conflicts_with_all = ["yaml", "stdio"])]
    query: Vec<(String, String)>,
    /// A variable of the process's environment; repeatable
    #[arg(long, value_name = "KEY=TEXT", value_parser = key_value, conflicts_with_all = ["yaml", "url"])]
    env: Vec<(String, String)>,
    /// Where the process starts [default: a directory of its own]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["yaml", "url"])]
    cwd: Option<PathBuf>,
    /// What it is, for people; a file says it itself
    #[arg(long, value_name = "TEXT", conflicts_with = "yaml")]
    description: Option<String>,
    /// Which protocol it speaks: legacy (with initialize) or modern (2026-07-28) [default: found out]
    #[arg(long, value_name = "ERA", value_parser = ["auto", "legacy", "modern"], conflicts_with = "yaml")]
    era: Option<String>,
    /// How long it runs or stays connected: always, or 'idle 10m'
    #[arg(long, value_name = "SPAN", conflicts_with = "yaml")]
    keep: Option<String>,
    /// The process's program and arguments
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = ["yaml", "url"])]
    command: Vec<String>,
}

/// `Key: text`, as headers are written.
fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_ascii_lowercase(), value.trim().to_owned()))
        }
        Some(_) | None => Err(format!("`{text}` is not 'KEY: TEXT'")),
    }
}

pub(super) async fn add(args: &AddArgs, operating: &Operating<'_>) -> Result<(), Failure> {
    let mut body = match &args.yaml {
        Some(file) => rest(args, file)?,
        None => mcp(args, operating.environment)?,
    };
    if let Some(body) = body.as_object_mut() {
        body.insert("name".to_owned(), json!(args.name));
        body.insert("dry_run".to_owned(), json!(args.dry_run));
        body.insert("no_verify".to_owned(), json!(args.trial.no_verify));
        body.insert("replace".to_owned(), json!(args.replace));
    }
    let client = operating.client()?;
    let added = client.send(Method::POST, "/v1/servers", Some(&body)).await?;
    for warning in output::items(&added, "warnings") {
        output::aside(&output::plain(&problem_line(warning)));
    }
    if args.json {
        return Ok(output::json(&added)?);
    }
    described(&added)
}

fn rest(args: &AddArgs, file: &Path) -> Result<Value, Failure> {
    let (file, source) = read_definition(file)?;
    let secrets: BTreeMap<&String, &String> = args.secret.iter().map(|(k, v)| (k, v)).collect();
    let mut options = options(args)?;
    options.insert("secrets".to_owned(), json!(secrets));
    let mut body = json!({ "file": file, "source": source, "options": options });
    if let (Some(probe), Some(body)) = (probe(&args.trial.probe)?, body.as_object_mut()) {
        body.insert("probe".to_owned(), probe);
    }
    Ok(body)
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

fn mcp(args: &AddArgs, environment: &Environment) -> Result<Value, Failure> {
    let definition = match &args.mcp.url {
        Some(url) => remote(args, url),
        None => process(args, environment)?,
    };
    let mut options = options(args)?;
    for (key, value) in [("era", &args.mcp.era), ("keep", &args.mcp.keep)] {
        if let Some(value) = value {
            options.insert(key.to_owned(), json!(value));
        }
    }
    Ok(json!({
        "kind": "mcp",
        "file": "command line",
        "definition": definition,
        "bind": named(args)?,
        "options": options,
    }))
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

fn remote(args: &AddArgs, url: &str) -> Value {
    let mut definition = Map::new();
    let transport = args.mcp.transport.as_deref().unwrap_or("http");
    definition.insert("type".to_owned(), json!(transport));
    definition.insert("url".to_owned(), json!(url));
    insert_pairs(&mut definition, "headers", &args.mcp.header);
    insert_pairs(&mut definition, "query", &args.mcp.query);
    insert_description(&mut definition, args);
    Value::Object(definition)
}

fn process(args: &AddArgs, environment: &Environment) -> Result<Value, Failure> {
    let (program, rest) = args.mcp.command.split_first().ok_or_else(|| {
        Failure::usage("write the process's command behind `--`: lanyard server add NAME --stdio -- COMMAND ARGS")
    })?;
    let program = program_path(program, environment.get("PATH").unwrap_or_default())?;
    let mut definition = Map::new();
    definition.insert("type".to_owned(), json!("stdio"));
    definition.insert("command".to_owned(), json!(program));
    definition.insert("args".to_owned(), json!(rest));
    let variables: Vec<(String, String)> =
        args.mcp.env.iter().chain(&args.secret).cloned().collect();
    insert_pairs(&mut definition, "env", &variables);
    if let Some(cwd) = &args.mcp.cwd {
        let full = cwd
            .canonicalize()
            .map_err(|error| Failure::usage(format!("--cwd {}: {error}", cwd.display())))?;
        definition.insert("cwd".to_owned(), json!(text(&full)?));
    }
    insert_description(&mut definition, args);
    Ok(Value::Object(definition))
}

fn insert_description(definition: &mut Map<String, Value>, args: &AddArgs) {
    if let Some(description) = &args.mcp.description {
        definition.insert("description".to_owned(), json!(description));
    }
}

fn insert_pairs(definition: &mut Map<String, Value>, key: &str, pairs: &[(String, String)]) {
    if !pairs.is_empty() {
        let pairs = pairs.iter().map(|(name, text)| (name.clone(), json!(text)));
        definition.insert(key.to_owned(), Value::Object(pairs.collect()));
    }
}

/// The secrets that were named on the command line: whoever types them means them for this server.
fn named(args: &AddArgs) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for (key, text) in
        args.mcp.env.iter().chain(&args.secret).chain(&args.mcp.header).chain(&args.mcp.query)
    {
        let template =
            Template::parse(text).map_err(|error| Failure::usage(format!("{key}: {error}")))?;
        names.extend(template.secrets().map(|name| name.as_str().to_owned()));
    }
    Ok(names)
}

/// The program as an absolute path. A name without `/` is looked up once, here: which program it
/// is does not depend on the gateway's `PATH`, nor on what is put into a directory of it later.
fn program_path(program: &str, path: &str) -> Result<String, Failure> {
    let found = if program.contains('/') {
        let given = Path::new(program);
        let directory = given.parent().unwrap_or(Path::new("/"));
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let name = given.file_name().unwrap_or_default();
        directory.canonicalize().map(|directory| directory.join(name)).ok()
    } else {
        path.split(':')
            .map(Path::new)
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(program))
            .find(|path| is_program(path))
    };
    match found {
        Some(path) if is_program(&path) => text(&path),
        Some(path) => Err(Failure::usage(no_program(&path))),
        None if program.contains('/') => {
            Err(Failure::usage(format!("there is no program {program}; correct its path")))
        }
        None => Err(Failure::usage(format!(
            "there is no program `{program}` on the PATH of this command; install it, or write its path"
        ))),
    }
}

/// Why what stands there cannot be started.
fn no_program(path: &Path) -> String {
    let path_shown = path.display();
    match path.metadata() {
        Err(_) => format!("there is no program {path_shown}; correct its path"),
        Ok(found) if found.is_dir() => {
            format!("{path_shown} is a directory; name the program in it")
        }
        Ok(_) => format!(
            "{path_shown} may not be started; chmod +x it, or name what starts it: -- python3 {path_shown}"
        ),
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

fn text(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::usage(format!("{} is not UTF-8", path.display())))
}

fn described(added: &Value) -> Result<(), Failure> {
    let name = output::text(added, "name");
    let origins = output::text(added, "origins");
    output::line(&match output::text(added, "result").as_str() {
        "checked" => format!("{name} is a valid definition; nothing was changed"),
        "unchanged" => format!("{name} is there already, the same; nothing was changed"),
        done => format!("{done} {name}"),
    })?;
    if !origins.is_empty() {
        output::line(&format!("  sends requests to  {}", origins.replace(',', " ")))?;
    }
    launch(added)?;
    if output::text(added, "isolation") == "none" {
        output::line("  isolation  none: it runs with the rights of Lanyard's own user")?;
    }
    for it in output::items(added, "secrets") {
        secret_line(it)?;
    }
    for tool in output::items(added, "tools") {
        listed_line("tool", tool)?;
    }
    proved(added)?;
    for tool in output::items(added, "listed") {
        listed_line(&output::text(tool, "kind"), tool)?;
    }
    for listed in output::items(added, "tool_set") {
        output::line(&format!("  tool  {}", output::plain(listed.as_str().unwrap_or_default())))?;
    }
    hints(added, &name);
    Ok(())
}

/// What came of trying a REST API.
fn proved(added: &Value) -> Result<(), Failure> {
    let Some(proof) = added.get("verified").filter(|it| it.is_object()) else { return Ok(()) };
    if let Some(call) = proof.get("call").filter(|it| it.is_object()) {
        let kind = match output::text(call, "media_type") {
            none if none.is_empty() => "no media type".to_owned(),
            kind => kind,
        };
        output::line(&format!(
            "  tried  {} {}: HTTP {}, {kind}, {} bytes",
            output::text(call, "tool"),
            output::text(call, "arguments"),
            output::text(call, "status"),
            output::text(call, "bytes"),
        ))?;
        if call.get("invented") == Some(&json!(true)) {
            output::line("         with arguments made up: it is there, and takes the credential")?;
        }
        let begins = shortened(&output::first_line(call, "begins"));
        if !begins.is_empty() {
            output::line(&format!("         {begins}"))?;
        }
        if let Some(misfit) = call.get("misfit").and_then(Value::as_str) {
            output::aside(&format!(
                "warning: the answer does not fit the tool's outputSchema, so agents get an error: {}; correct the schema, or leave it out",
                output::plain(misfit)
            ));
        }
    }
    for it in output::items(proof, "unwritten") {
        output::aside(&format!(
            "note: {} was not rehearsed: {}",
            output::text(it, "tool"),
            output::plain(&output::text(it, "problem"))
        ));
    }
    Ok(())
}

fn listed_line(kind: &str, it: &Value) -> Result<(), Failure> {
    let state = match output::text(it, "state").as_str() {
        "" | "pinned" => String::new(),
        state => format!("{state}: {}; ", output::text(it, "reasons")),
    };
    let about = shortened(&output::first_line(it, "description"));
    Ok(output::line(
        format!("  {kind}  {:<24} {state}{about}", output::text(it, "name")).trim_end(),
    )?)
}

fn hints(added: &Value, name: &str) {
    let waits = |it: &&Value| output::text(it, "state") == "quarantined";
    if output::items(added, "listed").iter().filter(waits).count() > 0 {
        output::notice(&format!(
            "what is quarantined is neither listed nor callable: `lanyard pin diff {name}`, then `lanyard pin approve {name}`"
        ));
    }
    // A replaced server keeps its grants, and a tool set needs none of its own.
    let is_set = !output::items(added, "tool_set").is_empty();
    if output::text(added, "result") == "added" && !is_set {
        output::notice(&format!(
            "nobody may call it yet: `lanyard grant AGENT {name} --allow '*'`"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::{header, program_path};

    #[test]
    fn headers_are_read_as_they_are_written() {
        for bad in ["", "a", ": b", "  : b"] {
            assert!(header(bad).is_err(), "{bad}");
        }
        let read = header("X-Key : secret://a:b ").unwrap();
        assert_eq!(read, ("x-key".to_owned(), "secret://a:b".to_owned()));
    }

    #[test]
    fn a_program_is_found_once_and_named_in_full() {
        assert_eq!(program_path("sh", "relative:/nowhere:/bin").unwrap(), "/bin/sh");
        let bin = std::path::Path::new("/bin").canonicalize().unwrap();
        let full = bin.join("sh");
        assert_eq!(program_path("/bin/sh", "").unwrap(), full.to_str().unwrap());
        for bad in ["no-such-program", "/no/such/program", "/etc/passwd", "./Cargo.toml", "/"] {
            assert!(program_path(bad, "/bin").is_err(), "{bad}");
        }
    }
}
