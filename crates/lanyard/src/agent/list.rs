//! `lanyard list`: what an agent may use.

mod json;
mod text;

use std::path::PathBuf;
use std::time::Duration;

use lanyard_core::Clock;
use tokio::task::JoinSet;

use super::client::{ClientError, Session, Tool};
use super::content::pretty;
use super::env::AgentEnv;
use super::issue::{Exit, Issue, IssueKind};
use super::nearest::nearest;
use super::signature::Shown;
use super::streams::{Paint, Streams};
use super::target::{Directory, Server};

const EXAMPLES: &str = "\
Examples:
  lanyard list                          every server this token may use
  lanyard list billing                  its tools as function signatures
  lanyard list billing --schema         with their JSON Schemas
  lanyard list billing.get_invoice      one tool
  lanyard list --json                   for scripts

Servers come from LANYARD_URL (a gateway such as http://127.0.0.1:7410, one endpoint, or
unix:/path/agent.sock) with LANYARD_TOKEN, or from ./config/mcporter.json. With a token alone the
gateway is http://127.0.0.1:7410.

Exit codes: 0 done, 1 usage or unknown name, 3 token refused, 4 unreachable, 6 access denied,
7 no answer in time, 8 HTTP or protocol error.";

/// List servers, or the tools of one.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the command line")]
pub(crate) struct ListArgs {
    /// A server, or SERVER.TOOL; every server where none is named
    pub(crate) target: Option<String>,
    /// Print each tool's input schema
    #[arg(long)]
    pub(crate) schema: bool,
    /// Print signatures alone
    #[arg(long, visible_alias = "signatures", conflicts_with = "all_parameters")]
    pub(crate) brief: bool,
    /// Print every parameter, also the optional ones past the fifth
    #[arg(long)]
    pub(crate) all_parameters: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print as `text` or `json`
    #[arg(long, value_name = "FORM", value_parser = ["text", "json"])]
    pub(crate) output: Option<String>,
    /// Print whether the server answers, without its tools
    #[arg(long)]
    pub(crate) status: bool,
    /// Exit 1 when any server does not answer
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Print nothing; implies --exit-code
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Print where each server's entry comes from
    #[arg(long, visible_alias = "sources")]
    pub(crate) verbose: bool,
    /// How long to wait for one server [default: 30000]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
    /// Read servers from this mcporter configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Without effect; mcporter has it
    #[arg(long, hide = true)]
    pub(crate) no_oauth: bool,
}

impl ListArgs {
    /// The listing that `call SERVER.help` falls back to.
    pub(super) fn for_server(server: String, config: Option<PathBuf>, json: bool) -> Self {
        Self {
            target: Some(server),
            schema: false,
            brief: false,
            all_parameters: false,
            json,
            output: None,
            status: false,
            exit_code: false,
            quiet: false,
            verbose: false,
            timeout: None,
            config,
            no_oauth: false,
        }
    }

    fn is_json(&self) -> bool {
        self.json || self.output.as_deref() == Some("json")
    }

    fn shown(&self) -> Shown {
        if self.all_parameters { Shown::All } else { Shown::Some }
    }
}

/// What a server said, and how long it took.
#[derive(Debug, Clone)]
struct Report {
    server: Server,
    duration: Duration,
    outcome: Result<Listing, Issue>,
}

/// What a server offers.
#[derive(Debug, Clone, Default)]
struct Listing {
    tools: Vec<Tool>,
    instructions: Option<String>,
}

/// Runs `lanyard list`.
pub(crate) async fn run_list(
    args: &ListArgs,
    env: &AgentEnv,
    clock: &dyn Clock,
    streams: &mut Streams<'_>,
) -> Exit {
    let mut run = Run { args, clock, paint: streams.paint(env), streams, timeout_ms: 0 };
    run.timeout_ms = args.timeout.unwrap_or(env.list_timeout_ms);
    let outcome = match Directory::open(env, args.config.as_deref()) {
        Ok(directory) => match args.target.as_deref() {
            Some(target) => run.one(&directory, target).await,
            None => run.all(&directory).await,
        },
        Err(issue) => Err(issue),
    };
    outcome.unwrap_or_else(|issue| run.fail(&issue))
}

struct Run<'a, 'b> {
    args: &'a ListArgs,
    clock: &'a dyn Clock,
    paint: Paint,
    streams: &'a mut Streams<'b>,
    timeout_ms: u64,
}

impl Run<'_, '_> {
    /// Says why nothing could be listed at all.
    fn fail(&mut self, issue: &Issue) -> Exit {
        if self.args.quiet {
            return issue.exit();
        }
        if self.args.is_json() {
            let written = self.streams.data(&pretty(&json::failure(issue)));
            tracing::debug!(written = written.is_ok(), "The failure was printed.");
        } else {
            self.streams.notice(&issue.message);
        }
        issue.exit()
    }

    fn print(&mut self, text: &str) -> Result<(), Issue> {
        let printed = if self.args.quiet { Ok(()) } else { self.streams.data(text) };
        printed.map_err(|problem| Issue::other(format!("cannot print: {problem}")))
    }

    async fn all(&mut self, directory: &Directory) -> Result<Exit, Issue> {
        let servers = self.in_time(directory.servers()).await?;
        let is_json = self.args.is_json();
        if servers.is_empty() && !is_json {
            self.print("No MCP servers configured.")?;
            return Ok(Exit::Success);
        }
        if !is_json {
            let header = text::header(servers.len(), self.timeout_ms);
            self.print(&header)?;
        }
        let count = servers.len();
        let mut asked = self.ask_all(servers);
        let mut reports = Vec::with_capacity(count);
        while let Some(answered) = asked.join_next().await {
            let Ok((index, report)) = answered else { continue };
            let report = self.timed(report);
            if !is_json {
                // Rows are printed as servers answer; JSON keeps the order of the configuration.
                let row = text::row(&report, self.args.verbose, self.paint);
                self.print(&row)?;
            }
            reports.push((index, report));
        }
        reports.sort_by_key(|(index, _report)| *index);
        let reports = reports.into_iter().map(|(_index, report)| report).collect::<Vec<_>>();
        self.finish(&reports)
    }

    /// The end of a listing of several servers, or of the state of one.
    fn finish(&mut self, reports: &[Report]) -> Result<Exit, Issue> {
        if self.args.is_json() {
            self.print(&pretty(&json::list(reports, self.args)))?;
        } else {
            self.print(&text::footer(reports))?;
        }
        let unhealthy = reports.iter().any(|report| report.outcome.is_err());
        let tells = self.args.exit_code || self.args.quiet;
        Ok(if unhealthy && tells { Exit::Failure(IssueKind::Other) } else { Exit::Success })
    }

    async fn one(&mut self, directory: &Directory, target: &str) -> Result<Exit, Issue> {
        let (server, tool) = self.resolve(directory, target).await?;
        let mut asked = self.ask_all(vec![server]);
        let report = match asked.join_next().await {
            Some(Ok((_index, report))) => self.timed(report),
            Some(Err(_)) | None => return Err(Issue::other("the listing was interrupted")),
        };
        if self.args.status {
            if !self.args.is_json() {
                let row = text::row(&report, self.args.verbose, self.paint);
                self.print(&row)?;
            }
            return self.finish(&[report]);
        }
        let report = with_tool_only(report, tool);
        if self.args.is_json() {
            self.print(&pretty(&json::server(&report, self.args)))?;
        } else if !self.args.quiet {
            self.print(&text::server(&report, self.args, self.paint))?;
            if let Err(issue) = &report.outcome {
                self.streams.aside(&text::reason(issue, self.timeout_ms));
            }
        }
        Ok(report.outcome.as_ref().err().map_or(Exit::Success, Issue::exit))
    }

    /// The server and perhaps the tool that a target names. A name that is nearly right is
    /// corrected, and the correction said.
    async fn resolve(
        &mut self,
        directory: &Directory,
        target: &str,
    ) -> Result<(Server, Option<String>), Issue> {
        let (name, tool) = match target.split_once('.') {
            Some((name, tool)) => (name, Some(tool.to_owned())),
            None => (target, None),
        };
        if let Directory::One(_, super::target::Naming::Free) = directory
            && let Some(server) = directory.server(name)
        {
            return Ok((server, tool));
        }
        let servers = self.in_time(directory.servers()).await?;
        let find = |name: &str| servers.iter().find(|server| server.name == name).cloned();
        if let Some(server) = find(name) {
            return Ok((server, tool));
        }
        let names = servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>();
        if let Some(server) = nearest(name, names.iter().copied()).and_then(find) {
            self.streams
                .notice(&format!("Auto-corrected server name to {} (input: {name}).", server.name));
            return Ok((server, tool));
        }
        // The gateway itself says no, so that its record shows who asked for what.
        match directory.server(name).filter(|_| matches!(directory, Directory::Gateway(_))) {
            Some(server) => Ok((server, tool)),
            None => Err(Issue::other(unknown_server(name, &names))),
        }
    }

    fn ask_all(&self, servers: Vec<Server>) -> JoinSet<(usize, Asked)> {
        let timeout = Duration::from_millis(self.timeout_ms);
        let started = self.clock.monotonic();
        let mut asked = JoinSet::new();
        for (index, server) in servers.into_iter().enumerate() {
            asked.spawn(async move {
                let outcome = tokio::time::timeout(timeout, ask(&server)).await;
                let outcome = outcome.unwrap_or_else(|_elapsed| Err(timed_out(timeout)));
                (index, Asked { server, started, outcome })
            });
        }
        asked
    }

    fn timed(&self, asked: Asked) -> Report {
        let duration = self.clock.monotonic().saturating_duration_since(asked.started);
        Report { server: asked.server, duration, outcome: asked.outcome }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Issue>>) -> Result<T, Issue> {
        let timeout = Duration::from_millis(self.timeout_ms);
        tokio::time::timeout(timeout, work).await.unwrap_or_else(|_elapsed| Err(timed_out(timeout)))
    }
}

/// A report whose duration is not read from the clock yet.
struct Asked {
    server: Server,
    started: std::time::Instant,
    outcome: Result<Listing, Issue>,
}

async fn ask(server: &Server) -> Result<Listing, Issue> {
    let endpoint = server.endpoint.clone()?;
    let issue = |problem: ClientError| Issue::from_client(&problem, server.answerer);
    let mut session = Session::open(endpoint).await.map_err(issue)?;
    let mut tools = session.list_tools().await.map_err(issue)?;
    tools.retain(|tool| server.filter.shows(&tool.name));
    let instructions = session.instructions().map(str::to_owned);
    session.close().await;
    Ok(Listing { tools, instructions })
}

fn timed_out(timeout: Duration) -> Issue {
    Issue::of(IssueKind::Timeout, format!("no answer in {}s", timeout.as_secs_f64()))
}

fn with_tool_only(mut report: Report, tool: Option<String>) -> Report {
    let (Some(name), Ok(listing)) = (tool, &mut report.outcome) else { return report };
    let names = listing.tools.iter().map(|tool| tool.name.clone()).collect::<Vec<_>>();
    listing.tools.retain(|tool| tool.name == name);
    if listing.tools.is_empty() {
        let message = format!("Tool '{name}' not found on '{}'.", report.server.name);
        let hint = near_or_all(&name, &names.iter().map(String::as_str).collect::<Vec<_>>());
        report.outcome = Err(Issue::other(format!("{message}{hint}")));
    }
    report
}

/// The text for a server that nobody knows.
pub(super) fn unknown_server(name: &str, known: &[&str]) -> String {
    format!("Unknown MCP server '{name}'.{}", near_or_all(name, known))
}

/// What could have been meant: a near name, else what there is.
pub(super) fn near_or_all(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!(" Did you mean {near}?"),
        None if known.is_empty() => " There is none.".to_owned(),
        None => format!(" There is: {}.", known.join(", ")),
    }
}

#[cfg(test)]
pub(super) mod tests;
