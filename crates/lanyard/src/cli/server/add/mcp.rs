//! An MCP server from the command line: at a URL, or a process.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use lanyard_mcp::Template;
use serde_json::{Map, Value, json};

use super::{AddArgs, Given, options};
use crate::cli::key_value;
use crate::config::Environment;
use crate::failure::Failure;

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
    #[arg(long, value_name = "KIND", value_parser = ["http", "sse"], conflicts_with_all = ["rest", "stdio"])]
    transport: Option<String>,
    /// A header of each request; repeatable
    #[arg(long, value_name = "'KEY: TEXT'", value_parser = header, conflicts_with_all = ["rest", "stdio"])]
    header: Vec<(String, String)>,
    /// A part of the query of each request; repeatable
    #[arg(long, value_name = "KEY=TEXT", value_parser = key_value, conflicts_with_all = ["rest", "stdio"])]
    query: Vec<(String, String)>,
    /// A variable of the process's environment; repeatable
    #[arg(long, value_name = "KEY=TEXT", value_parser = key_value, conflicts_with_all = ["rest", "url"])]
    env: Vec<(String, String)>,
    /// Where the process starts [default: a directory of its own]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["rest", "url"])]
    cwd: Option<PathBuf>,
    /// What it is, for people; a file says it itself
    #[arg(long, value_name = "TEXT", conflicts_with = "rest")]
    description: Option<String>,
    /// Which protocol it speaks: legacy (with initialize) or modern (2026-07-28) [default: found out]
    #[arg(long, value_name = "ERA", value_parser = ["auto", "legacy", "modern"], conflicts_with = "rest")]
    era: Option<String>,
    /// How long it runs or stays connected: always, or 'idle 10m'
    #[arg(long, value_name = "SPAN", conflicts_with = "rest")]
    keep: Option<String>,
    /// The process's program and arguments
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = ["rest", "url"])]
    command: Vec<String>,
}

impl McpArgs {
    /// Whether it is an MCP server that is added.
    pub(super) fn is_given(&self) -> bool {
        self.url.is_some() || self.stdio
    }
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

pub(super) fn request(
    args: &AddArgs,
    given: &Given,
    environment: &Environment,
) -> Result<Value, Failure> {
    let definition = match &args.mcp.url {
        Some(url) => remote(args, url),
        None => process(args, given, environment)?,
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
        "bind": named(args, given)?,
        "options": options,
    }))
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

fn process(args: &AddArgs, given: &Given, environment: &Environment) -> Result<Value, Failure> {
    let (program, rest) = args.mcp.command.split_first().ok_or_else(|| {
        Failure::usage("write the process's command behind `--`: lanyard server add NAME --stdio -- COMMAND ARGS")
    })?;
    let program = program_path(program, environment.get("PATH").unwrap_or_default())?;
    let mut definition = Map::new();
    definition.insert("type".to_owned(), json!("stdio"));
    definition.insert("command".to_owned(), json!(program));
    definition.insert("args".to_owned(), json!(rest));
    let secrets = given.bindings.iter().map(|(name, text)| (name.clone(), text.clone()));
    let variables: Vec<(String, String)> = args.mcp.env.iter().cloned().chain(secrets).collect();
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
fn named(args: &AddArgs, given: &Given) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    let McpArgs { env, header, query, .. } = &args.mcp;
    let pairs = env.iter().chain(header).chain(query).map(|(key, text)| (key, text));
    for (key, text) in pairs.chain(&given.bindings) {
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
