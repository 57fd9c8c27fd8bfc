//! `lanyard import`: the servers of a client's configuration file become servers of the gateway,
//! their keys become secrets, and one entry for Lanyard takes their place in the file.

mod file;
mod program;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;
use lanyard_core::{Clock as _, Origin};
use lanyard_mcp::Transport;
use lanyard_mcp::import::{Around, Format, Found, Gateway, Imported, client_entry, read, rewrite};
use serde_json::{Value, json};

use self::file::Original;
use super::{Operating, segment};
use crate::admin_client::AdminClient;
use crate::agent::{Exit, IssueKind};
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::failure::{Failure, problem_line};
use crate::output;

const EXAMPLES: &str = "Examples:
  lanyard import .mcp.json --dry-run
  lanyard import ~/.cursor/mcp.json
  lanyard import claude_desktop_config.json --only github,files --write

A key that stands in the file becomes a secret; a variable that the file refers to becomes a secret
without a value, for you to set. Programs such as npx are looked up on the PATH of this command.
Nobody may call an imported server before `lanyard grant`. Importing the same file again changes
nothing.";

/// The variable that clients take their token from.
const TOKEN_VARIABLE: &str = "LANYARD_TOKEN";

/// Take over the servers of a client's configuration file.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that stands for itself")]
pub(crate) struct ImportArgs {
    /// The file: mcporter.json, .mcp.json, claude_desktop_config.json, Cursor's or VS Code's
    /// mcp.json, mcp_config.json, Codex's config.toml, GoClaw's config.json
    file: PathBuf,
    /// Whose it is: mcporter, claude-code, claude-desktop, cursor, vscode, windsurf, codex or
    /// goclaw [default: told from its name and content]
    #[arg(long, value_name = "CLIENT", value_parser = format)]
    format: Option<Format>,
    /// What is put before every name
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    name_prefix: String,
    /// These servers alone, by their names in the file; separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// Check and show; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Put one entry for Lanyard into the file in their place, after a backup
    #[arg(long, conflicts_with = "dry_run")]
    write: bool,
    /// Take the place of other servers of these names; their grants stay
    #[arg(long)]
    replace: bool,
    /// Add them without connecting to them first
    #[arg(long)]
    no_verify: bool,
    /// A host whose name may lead to private addresses; repeatable
    #[arg(long, value_name = "HOST")]
    allow_private: Vec<String>,
    /// Accept that a secret travels to this plaintext origin; repeatable
    #[arg(long, value_name = "URL")]
    insecure_origin: Vec<String>,
    /// Where clients reach the gateway [default: where it listens]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

fn format(text: &str) -> Result<Format, String> {
    Format::parse(text).ok_or_else(|| {
        let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
        format!("is none of {}", names.join(", "))
    })
}

pub(super) async fn run(args: ImportArgs, operating: &Operating<'_>) -> Result<(), Failure> {
    let original = Original::read(&args.file)?;
    let imported = read_file(&args, &original, operating.environment)?;
    let client = operating.client()?;
    let gateway = gateway(&args, &client).await?;
    let import = Import { args: &args, client: &client, file: original.shown() };
    let done = import.all(imported, operating.environment).await?;
    if done.imported.is_empty() {
        return done.result();
    }
    let names: Vec<&str> = done.imported.iter().map(String::as_str).collect();
    if args.write {
        let text = rewrite(original.text(), done.format, &names, &gateway)
            .map_err(|error| Failure::other(format!("{}: {error}", original.shown())))?;
        let backup = original.replace(&text, SystemClock.now())?;
        output::line(&format!(
            "wrote {}; the file as it was: {}",
            original.shown(),
            backup.display()
        ))?;
        output::notice("the backup still holds the keys; delete it when the client works");
    }
    tell_entry(&done, &gateway, &args)?;
    done.result()
}

fn read_file(
    args: &ImportArgs,
    original: &Original,
    environment: &Environment,
) -> Result<Imported, Failure> {
    let path = original.path().display().to_string();
    let format = args.format.or_else(|| Format::guess(&path, original.text()));
    let format = format.ok_or_else(|| match Format::unreadable(original.text()) {
        Some(problem) => {
            let line = output::plain(&format!("{}:{problem}", original.shown()));
            Failure::definition("nothing was imported", vec![line])
        }
        None => Failure::usage(format!(
            "{path} holds no servers where a known client keeps them; say whose it is with --format"
        )),
    })?;
    let directory = directory(original.path());
    let around = Around {
        variable: &|name| environment.get(name).map(str::to_owned),
        directory: &directory,
        name_prefix: &args.name_prefix,
    };
    let mut imported = read(original.text(), format, &around);
    let known = |name: &String| {
        imported.servers.iter().any(|it| it.original_name == *name)
            || imported.problems.iter().any(|it| it.server.as_ref() == Some(name))
    };
    if let Some(unknown) = args.only.iter().find(|name| !known(name)) {
        return Err(Failure::usage(format!("{path} has no server `{}`", output::plain(unknown))));
    }
    if !args.only.is_empty() {
        imported.servers.retain(|it| args.only.contains(&it.original_name));
        imported.problems.retain(|it| it.server.as_ref().is_some_and(|it| args.only.contains(it)));
    }
    Ok(imported)
}

/// The directory that a file's relative paths start from: the project's, where the file is in a
/// directory of its client.
fn directory(file: &Path) -> String {
    let parent = file.parent().unwrap_or(Path::new("/"));
    let of_client = [".claude", ".codex", ".cursor", ".vscode"];
    let is_own = parent.file_name().is_some_and(|name| of_client.iter().any(|it| name == *it));
    let directory = parent.parent().filter(|_| is_own).unwrap_or(parent);
    directory.display().to_string()
}

/// How clients reach the gateway.
async fn gateway(args: &ImportArgs, client: &AdminClient) -> Result<Gateway, Failure> {
    let url = match &args.url {
        Some(url) => url.clone(),
        None => {
            let status = client.get("/v1/status").await?;
            output::text(status.get("about").unwrap_or(&Value::Null), "url")
        }
    };
    let url = url.trim_end_matches('/');
    // An endpoint is taken as it is; a gateway's address gets the path of all its servers.
    let is_base = Origin::split_url(url).is_ok_and(|(_, path)| path.is_empty());
    let program = std::env::current_exe().ok().and_then(|path| path.to_str().map(str::to_owned));
    Ok(Gateway {
        url: if is_base { format!("{url}/mcp") } else { url.to_owned() },
        token_variable: TOKEN_VARIABLE.to_owned(),
        program: program.unwrap_or_else(|| "lanyard".to_owned()),
    })
}

/// What was done of a file.
struct Done {
    format: Format,
    /// The names in the file of what is behind Lanyard now.
    imported: Vec<String>,
    /// Whether keys of theirs stand in the file.
    holds_keys: bool,
    failed: usize,
}

impl Done {
    fn result(&self) -> Result<(), Failure> {
        match self.failed {
            0 => Ok(()),
            1 => Err(Failure::other("1 server was not imported; nothing of it was changed")),
            many => Err(Failure::other(format!(
                "{many} servers were not imported; nothing of them was changed"
            ))),
        }
    }
}

/// Adds servers one by one: each whole or not at all.
struct Import<'a> {
    args: &'a ImportArgs,
    client: &'a AdminClient,
    file: String,
}

impl Import<'_> {
    async fn all(&self, imported: Imported, environment: &Environment) -> Result<Done, Failure> {
        let mut done =
            Done { format: imported.format, imported: Vec::new(), holds_keys: false, failed: 0 };
        for note in &imported.notes {
            output::notice(note);
        }
        if let Some(problem) = imported.problems.iter().find(|it| it.server.is_none()) {
            let line = output::plain(&format!("{}:{problem}", self.file));
            return Err(Failure::definition("nothing was imported", vec![line]));
        }
        for problem in &imported.problems {
            output::aside(&output::plain(&format!("{}:{problem}", self.file)));
        }
        let refused: BTreeSet<_> = imported.problems.iter().map(|it| &it.server).collect();
        done.failed = refused.len();
        for mut found in imported.servers {
            match self.one(&mut found, environment).await {
                Ok(()) => {
                    done.holds_keys |= !found.literals.is_empty();
                    done.imported.push(found.original_name);
                }
                Err(failure) if is_about_the_gateway(&failure) => return Err(failure),
                Err(failure) => {
                    done.failed = done.failed.saturating_add(1);
                    output::aside(&format!("{} was not imported:", found.name));
                    for line in failure.lines() {
                        output::aside(&format!("  {}", output::plain(&line)));
                    }
                }
            }
        }
        if done.imported.is_empty() && done.failed == 0 {
            output::notice(&format!("{} holds no server to import", self.file));
        }
        Ok(done)
    }

    async fn one(&self, found: &mut Found, environment: &Environment) -> Result<(), Failure> {
        program::resolve(found, environment)?;
        if self.is_there(found).await? {
            let keys = if found.literals.is_empty() { "" } else { "; its keys are not compared" };
            return Ok(output::line(&format!("{} is there already, the same{keys}", found.name))?);
        }
        let added =
            self.client.send(Method::POST, "/v1/servers", Some(&self.request(found))).await?;
        if !found.enabled && !self.args.dry_run {
            let path = format!("/v1/servers/{}/disable", segment(found.name.as_str()));
            self.client.send(Method::POST, &path, None).await?;
        }
        self.tell(found, &added)
    }

    /// Whether the same server stands already. Its keys are in secrets by now, and are not compared.
    async fn is_there(&self, found: &Found) -> Result<bool, Failure> {
        let listed = self.client.get("/v1/servers").await?;
        let stands = |it: &&Value| output::text(it, "name") == found.name.as_str();
        if output::items(&listed, "servers").iter().find(stands).is_none() {
            return Ok(false);
        }
        let path = format!("/v1/servers/{}", segment(found.name.as_str()));
        let standing = self.client.get(&path).await?;
        let definition: Value =
            serde_json::from_str(&found.definition.to_json()).unwrap_or_default();
        Ok(standing.get("definition") == Some(&definition))
    }

    /// What the admin API is asked. The definition goes with the keys in it: it takes them out, in
    /// the same change that adds the server.
    fn request(&self, found: &Found) -> Value {
        let definition: Value = serde_json::from_str(&found.expose()).unwrap_or_default();
        let unset: Vec<&str> = found.unset.iter().map(|it| it.secret.as_str()).collect();
        let mut options = serde_json::Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            options.extend(value.map(|value| (key.to_owned(), value)));
        };
        put("prefix", found.prefix.clone().map(Value::from));
        put("timeout_ms", found.timeout_ms.map(Value::from));
        if let Transport::Http(remote) | Transport::Sse(remote) = &found.definition.transport {
            let host = remote.origin.host();
            let private = self.args.allow_private.iter().any(|it| it.eq_ignore_ascii_case(host));
            put("allow_private", private.then(|| json!([host])));
            let origin = remote.origin.to_string();
            let open = self.args.insecure_origin.iter().any(|it| {
                Origin::parse(it.trim_end_matches('/')).is_ok_and(|it| it == remote.origin)
            });
            put("insecure_origins", open.then(|| json!([origin])));
        }
        // What lacks a secret cannot answer yet, and what is switched off is not started.
        let no_verify = self.args.no_verify || !unset.is_empty() || !found.enabled;
        json!({
            "kind": "mcp",
            "name": found.name.as_str(),
            "file": self.file,
            "definition": definition,
            "options": options,
            "unset": unset,
            "no_verify": no_verify,
            "dry_run": self.args.dry_run,
            "replace": self.args.replace,
        })
    }

    fn tell(&self, found: &Found, added: &Value) -> Result<(), Failure> {
        let what = match &found.definition.transport {
            Transport::Stdio(stdio) => format!("starts {}", stdio.command),
            Transport::Http(remote) | Transport::Sse(remote) => {
                format!("sends requests to {}", remote.origin)
            }
        };
        let done = if self.args.dry_run { "would add" } else { "added" };
        let off = if found.enabled { "" } else { ", switched off as in the file" };
        output::line(&format!("{done} {}: {what}{off}", found.name))?;
        for literal in &found.literals {
            output::line(&format!("  {} -> secret://{}", literal.place, literal.secret))?;
        }
        for unset in &found.unset {
            output::line(&format!(
                "  {}: {} -> secret://{}, not set: `lanyard secret set {}`",
                unset.place,
                output::plain(&unset.variable),
                unset.secret,
                unset.secret
            ))?;
        }
        for note in &found.notes {
            output::aside(&format!("  {}", output::plain(note)));
        }
        for warning in output::items(added, "warnings") {
            output::aside(&format!("  {}", problem_line(warning)));
        }
        Ok(())
    }
}

/// Whether no other server would fare better.
fn is_about_the_gateway(failure: &Failure) -> bool {
    match failure.exit() {
        Exit::Failure(IssueKind::Offline | IssueKind::Auth | IssueKind::Denied) => true,
        Exit::Failure(
            IssueKind::Usage
            | IssueKind::Other
            | IssueKind::Tool
            | IssueKind::Timeout
            | IssueKind::Http
            | IssueKind::Protocol,
        )
        | Exit::Success => false,
    }
}

/// What takes the place of the servers in the client's file.
fn tell_entry(done: &Done, gateway: &Gateway, args: &ImportArgs) -> Result<(), Failure> {
    if !args.write {
        let format = done.format;
        output::line(&format!(
            "In {format}, one entry takes their place (--write puts it there):"
        ))?;
        output::line(&format!("  {}", client_entry(format, gateway)))?;
        if done.holds_keys && !args.dry_run {
            output::notice("the keys still stand in the file, too, until it is rewritten");
        }
    }
    output::notice(&format!(
        "the token of an agent goes into {TOKEN_VARIABLE}: `lanyard agent add NAME`, then `lanyard grant NAME SERVER --allow '*'`"
    ));
    Ok(())
}
