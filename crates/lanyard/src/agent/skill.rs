//! `lanyard skill`: writes a `SKILL.md` for one server, of its tools' definitions, of calls that are
//! made while writing, and of what the records say of the agent's own calls.
//!
//! INVARIANT: no tool that may change data is called, unless somebody named the call.
//! INVARIANT: nothing that a server says ends a block, begins a heading or chooses a path.

mod advice;
mod blocks;
mod held;
mod known;
mod line;
mod mcporter;
mod named;
mod page;
mod parameters;
mod place;
mod pool;
mod probe;
mod run;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lanyard_core::ServerName;
use serde_json::json;

use self::blocks::{FRONT, Merged, merge};
use self::known::Known;
use self::mcporter::{Mcporter, Servers};
use self::page::{Found, FoundTool, Reach, Tried, page, skill_name};
use self::pool::Pool;
use self::run::{Trial, found};
use super::client::{ClientError, Session, Tool, fetch_json};
use super::content::pretty;
use super::env::AgentEnv;
use super::issue::{Exit, Issue, IssueKind};
use super::list::{near_or_all, unknown_server};
use super::streams::Streams;
use super::target::{Directory, Server, name_in_path};

const EXAMPLES: &str = "\
Examples:
  lanyard skill billing                        writes skills/billing/SKILL.md
  lanyard skill billing --out .claude/skills   writes .claude/skills/billing/SKILL.md
  lanyard skill billing --out -                prints it
  lanyard skill billing --dry-run              shows what would change
  lanyard skill billing --run 'add_note text=hello'
      makes this call too, although it changes data
  lanyard skill billing --no-calls             of definitions and records alone
  lanyard skill github --tool issues_list --tool issues_get
      of these tools alone, where a server has hundreds

Tools that change nothing (GET requests, readOnlyHint) are called to see what works; others only
when --run names the call. Run it again after a while: what your calls met since is added. Text
outside of the marked blocks is yours and stays, and so does a block that you changed.

Where mcporter is on the PATH, the examples are run with it too.

Exit codes: 0 written, 1 usage, or the file cannot be gone on with. Where a call that --run names
failed, the file is written, an example that worked before stays in it, and the code is the one that
`lanyard call` ends with: 5 the tool answered with an error, 6 access denied, 7 no answer in time.";

/// Tools past which a file is longer than what agents read gladly.
const TOOLS_MANY: usize = 50;

/// Write a SKILL.md for one server, with examples that were run.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the command line")]
pub(crate) struct SkillArgs {
    /// The server
    pub(crate) server: String,
    /// The file, or the directory of skills; `-` prints it [default: skills]
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    /// Show what would change and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Call no tool
    #[arg(long, conflicts_with = "run")]
    pub(crate) no_calls: bool,
    /// Write of this tool alone; repeatable
    #[arg(long, value_name = "TOOL")]
    pub(crate) tool: Vec<String>,
    /// Make this call too, whatever it changes; repeatable
    #[arg(long, value_name = "'TOOL k=v'")]
    pub(crate) run: Vec<String>,
    /// Do not run mcporter
    #[arg(long)]
    pub(crate) no_mcporter: bool,
    /// Say what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// How long one call may take [default: 60000]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
    /// Read servers from this mcporter configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Runs `lanyard skill`.
pub(crate) async fn run_skill(args: &SkillArgs, env: &AgentEnv, streams: &mut Streams<'_>) -> Exit {
    match write(args, env, streams).await {
        // The file is written all the same; how the call ended is how this ends.
        Ok(missed) => missed.first().map_or(Exit::Success, Issue::exit),
        Err(issue) => {
            streams.notice(&issue.message);
            issue.exit()
        }
    }
}

/// Writes the skill; the calls that `--run` named and that failed.
async fn write(
    args: &SkillArgs,
    env: &AgentEnv,
    streams: &mut Streams<'_>,
) -> Result<Vec<Issue>, Issue> {
    let directory = Directory::open(env, args.config.as_deref())?;
    let server = find(&directory, &args.server).await?;
    let skill = skill_name(&server.name).ok_or_else(|| {
        Issue::usage("the server's name holds no letter or digit that a skill's name may have")
    })?;
    let path = place::place(args.out.as_deref(), &skill);
    let prints = args.out.as_deref() == Some(Path::new("-"));
    // Before anything is called: a file that cannot be gone on with needs no calls.
    let old = if prints { None } else { read(&path)? };
    let tools = chosen(tools_of(&server, env).await?, &args.tool)?;
    let named = named::named_calls(&args.run, &server.name, &tools, streams)?;
    let known = known_of(&server, env).await.unwrap_or_else(|problem| {
        streams.notice(&format!("what became of earlier calls is not known: {problem}"));
        Known::default()
    });
    let reach = Sources::of(&directory, args, env, &server)?;
    let page = written(
        args,
        env,
        &server,
        (&skill, &reach),
        (&tools, &known, named),
        old.as_deref(),
        streams,
    );
    let page = page.await;
    let merged = merge(old.as_deref(), &page.page).map_err(|problem| {
        Issue::other(format!("{}: {problem}; nothing was changed", path.display()))
    })?;
    finish(args, (&path, prints), old.as_deref(), &merged, &page, streams)?;
    Ok(page.missed)
}

/// A page with what its making is summed up as.
struct Written {
    page: blocks::Page,
    tools: usize,
    examples: usize,
    failed: Vec<String>,
    missed: Vec<Issue>,
}

type Material<'a> = (&'a [Tool], &'a Known, BTreeMap<String, Vec<String>>);

/// Finds everything out and writes the page.
async fn written(
    args: &SkillArgs,
    env: &AgentEnv,
    server: &Server,
    (skill, sources): (&str, &Sources),
    (tools, known, named): Material<'_>,
    old: Option<&str>,
    streams: &mut Streams<'_>,
) -> Written {
    let mcporter = match sources.servers(&server.name) {
        Some(servers) if !args.no_calls && !args.no_mcporter => Mcporter::find(env, servers).await,
        Some(_) | None => None,
    };
    let tools: Vec<_> = tools
        .iter()
        .map(|tool| (tool, known.tools.get(&tool.name).cloned().unwrap_or_default()))
        .collect();
    let mut trial = Trial {
        server,
        timeout: Duration::from_millis(args.timeout.unwrap_or(env.call_timeout_ms)),
        mcporter: mcporter.as_ref(),
        calls: !args.no_calls,
        named,
        pool: Pool::default(),
        called: 0,
        missed: Vec::new(),
    };
    let mut tried = trial.all(&tools, streams).await;
    let (called, missed) = (trial.called, std::mem::take(&mut trial.missed));
    run::carry_over(&tools, &mut tried, old, streams);
    // What the calls just met is known, too.
    let newer = if called > 0 { known_of(server, env).await.ok() } else { None };
    let known = newer.unwrap_or_else(|| known.clone());
    let tools = tools
        .into_iter()
        .map(|(tool, before)| (tool, known.tools.get(&tool.name).cloned().unwrap_or(before)))
        .collect();
    let tools = found(tools, tried);
    let has_example = |it: &&FoundTool<'_>| match &it.tried {
        Tried::Worked(_) | Tried::Before { .. } => true,
        Tried::Failed { .. } | Tried::FoundFailed { .. } | Tried::Not { .. } => false,
    };
    let has_failed = |it: &&FoundTool<'_>| match &it.tried {
        Tried::Failed { .. } | Tried::FoundFailed { .. } => true,
        Tried::Before { said, lines: _ } => said.is_some(),
        Tried::Worked(_) | Tried::Not { .. } => false,
    };
    let examples = tools.iter().filter(has_example).count();
    let failed = tools.iter().filter(has_failed).map(|it| it.tool.name.clone()).collect();
    let found = Found {
        skill,
        server: &server.name,
        about: known.description.as_deref().or(server.description.as_deref()),
        known: &known,
        reach: sources.reach(),
        mcporter: mcporter.as_ref().map(|it| it.version.as_str()),
        tools,
    };
    Written { page: page(&found), tools: found.tools.len(), examples, failed, missed }
}

/// Prints or writes, and says what was done.
fn finish(
    args: &SkillArgs,
    (path, prints): (&Path, bool),
    old: Option<&str>,
    merged: &Merged,
    written: &Written,
    streams: &mut Streams<'_>,
) -> Result<(), Issue> {
    let printed = |result: std::io::Result<()>| {
        result.map_err(|problem| Issue::other(format!("cannot print: {problem}")))
    };
    if prints {
        return printed(streams.data(merged.text.trim_end()));
    }
    let is_new = old != Some(merged.text.as_str());
    if written.tools > TOOLS_MANY {
        streams.notice(&format!(
            "{} tools are more than an agent wants to read at once; --tool names those it needs",
            written.tools
        ));
    }
    for id in &merged.kept {
        let what = if id == FRONT { "the front matter" } else { &format!("the block `{id}`") };
        streams.notice(&format!(
            "{what} was changed by hand and stays as it is; delete it to have it written anew"
        ));
    }
    if args.dry_run {
        let shown = place::difference(old.unwrap_or_default(), &merged.text);
        printed(streams.data(shown.trim_end()))?;
    } else if is_new {
        place::write(path, &merged.text)
            .map_err(|error| Issue::other(format!("{}: {error}", path.display())))?;
    }
    let Written { tools, examples, failed, page: _, missed: _ } = written;
    if args.json {
        let summary = json!({
            "path": path, "changed": is_new, "written": is_new && !args.dry_run, "tools": tools,
            "examples": examples, "failed": failed, "blocks": {
                "added": merged.added, "changed": merged.changed,
                "removed": merged.removed, "kept": merged.kept,
            },
        });
        return printed(streams.data(&pretty(&summary)));
    }
    let done = match (args.dry_run, is_new) {
        (true, _) => "would be written",
        (false, true) => "is written",
        (false, false) => "needs no change",
    };
    let summary =
        format!("{} {done}: {tools} tools, {examples} with examples that ran", path.display());
    streams.notice(&summary);
    Ok(())
}

fn read(path: &Path) -> Result<Option<String>, Issue> {
    place::read(path).map_err(|error| Issue::other(format!("{}: {error}", path.display())))
}

async fn find(directory: &Directory, name: &str) -> Result<Server, Issue> {
    match directory.server(name) {
        Some(server) => Ok(server),
        None => {
            let servers = directory.servers().await?;
            let names = servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>();
            Err(Issue::other(unknown_server(name, &names)))
        }
    }
}

async fn tools_of(server: &Server, env: &AgentEnv) -> Result<Vec<Tool>, Issue> {
    let issue = |problem: ClientError| Issue::from_client(&problem, server.answerer);
    let asking = async {
        let mut session = Session::open(server.endpoint.clone()?).await.map_err(issue)?;
        let tools = session.list_tools().await.map_err(issue)?;
        session.close().await;
        Ok(tools)
    };
    let asked = tokio::time::timeout(Duration::from_millis(env.list_timeout_ms), asking).await;
    let late = |_| Issue::of(IssueKind::Timeout, "no list of tools in time");
    let mut tools = asked.map_err(late)??;
    tools.retain(|tool| server.filter.shows(&tool.name));
    Ok(tools)
}

/// The tools that are named; all where none is.
fn chosen(mut tools: Vec<Tool>, names: &[String]) -> Result<Vec<Tool>, Issue> {
    let all = tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>();
    if let Some(unknown) = names.iter().find(|name| !all.contains(&name.as_str())) {
        let hint = near_or_all(unknown, &all);
        return Err(Issue::usage(format!("--tool: there is no tool `{unknown}`.{hint}")));
    }
    tools.retain(|tool| names.is_empty() || names.contains(&tool.name));
    Ok(tools)
}

/// What a gateway tells beyond its lists. A server that is none says nothing, and that is no problem.
async fn known_of(server: &Server, env: &AgentEnv) -> Result<Known, String> {
    let endpoint = server.endpoint.as_ref().map_err(|issue| issue.message.clone())?;
    let name = name_in_path(endpoint.path()).and_then(|name| ServerName::parse(name).ok());
    let name = name.ok_or_else(|| "no Lanyard answers there".to_owned())?;
    let asking = fetch_json(endpoint.with_path(&format!("/v1/agent/servers/{name}")));
    let wait = Duration::from_millis(env.list_timeout_ms);
    match tokio::time::timeout(wait, asking).await {
        Ok(Ok(answer)) => Ok(Known::read(&answer)),
        Ok(Err(problem)) => Err(problem.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// How the server was found, and so how the lines of the skill find it.
enum Sources {
    Gateway { url: String, endpoint: Option<String> },
    File { path: PathBuf, shown: String },
}

impl Sources {
    fn of(
        directory: &Directory,
        args: &SkillArgs,
        env: &AgentEnv,
        server: &Server,
    ) -> Result<Self, Issue> {
        let endpoint = server.endpoint.clone()?;
        match directory {
            Directory::Gateway(_) | Directory::One(..) => {
                let place = endpoint.place_text();
                // Some services take their key in the query; what is written into a file holds none.
                let (path, query) =
                    endpoint.path().split_once('?').unwrap_or((endpoint.path(), ""));
                let whole = format!("{place}{path}");
                let is_base = matches!(directory, Directory::Gateway(_));
                // mcporter speaks HTTP over TCP alone.
                let reachable = endpoint.host().filter(|_| query.is_empty()).map(|_| whole.clone());
                Ok(Self::Gateway { url: if is_base { place } else { whole }, endpoint: reachable })
            }
            Directory::File(_) => {
                let named = args.config.clone().or_else(|| env.config_path.clone());
                let path = named.unwrap_or_else(|| PathBuf::from(super::target::DEFAULT_CONFIG));
                let shown = path.display().to_string();
                Ok(Self::File { path, shown })
            }
        }
    }

    fn reach(&self) -> Reach<'_> {
        match self {
            Self::Gateway { url, endpoint } => {
                Reach::Gateway { url, endpoint: endpoint.as_deref() }
            }
            Self::File { shown, path: _ } => Reach::File(shown),
        }
    }

    /// Where mcporter finds the server.
    fn servers<'a>(&'a self, name: &'a str) -> Option<Servers<'a>> {
        match self {
            Self::Gateway { endpoint, url: _ } => {
                endpoint.as_deref().map(|url| Servers::At { name, url })
            }
            Self::File { path, shown: _ } => Some(Servers::File(path)),
        }
    }
}

#[cfg(test)]
mod tests;
