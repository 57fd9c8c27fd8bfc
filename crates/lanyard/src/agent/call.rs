//! `lanyard call`: calls one tool and prints what it answers.

pub(super) mod attempt;
pub(super) mod input;

use std::path::{Path, PathBuf};
use std::time::Duration;

use lanyard_core::Clock;
use serde_json::{Value, json};

use self::attempt::{Attempt, MAY_HAVE_HAPPENED, Stage};
use self::input::read_inputs;
use super::arguments::{Base, Flags, OutputKind, ParseError, Selector, Texts, parse};
use super::content::{images, is_error, pretty, render};
use super::env::AgentEnv;
use super::issue::{Exit, Issue, IssueKind};
use super::list::{ListArgs, near_or_all, run_list, unknown_server};
use super::streams::Streams;
use super::target::{Directory, Naming, Server};

const EXAMPLES: &str = "\
Arguments of the tool, in any mixture:
  number=INV-1  number:INV-1  --number INV-1     by name
  INV-1                                          in the order of the schema
  note=@note.txt                                 the text of a file (@@ is a literal @)
  tags=a tags=b  tags=a,b  tags='[\"a\",\"b\"]'     a list; what is no list is given once
  --args '{\"number\":\"INV-1\"}'  --args -          a JSON object, or one on standard input
The tool's schema decides what a text becomes: 5 stays text where text is wanted.

Examples:
  lanyard call billing.get_invoice number=INV-1
  lanyard call 'billing.get_invoice(number: \"INV-1\")'
  lanyard call billing.get_invoice --args '{\"number\":\"INV-1\"}' --output json

Servers come from LANYARD_URL (a gateway such as http://127.0.0.1:7410, one endpoint, or
unix:/path/agent.sock) with LANYARD_TOKEN, or from ./config/mcporter.json. With a token alone the
gateway is http://127.0.0.1:7410.

Exit codes: 0 answered, 1 usage or unknown name, 3 token refused, 4 unreachable, 5 the tool
answered with an error, 6 access denied, 7 no answer in time, 8 HTTP or protocol error.";

/// Call a tool.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CallArgs {
    /// The tool's arguments as a JSON object; `-` reads it from standard input
    #[arg(long, value_name = "JSON", visible_aliases = ["params", "json"], allow_hyphen_values = true)]
    pub(crate) args: Option<String>,
    /// How to print the answer [default: auto]
    #[arg(long, value_name = "FORM", value_enum)]
    output: Option<OutputKind>,
    /// Print the whole MCP result as JSON; the same as --output raw
    #[arg(long)]
    pub(crate) raw: bool,
    /// Save the images of the answer into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) save_images: Option<PathBuf>,
    /// Keep numbers as text
    #[arg(long)]
    pub(crate) raw_strings: bool,
    /// Keep every value as text
    #[arg(long)]
    pub(crate) no_coerce: bool,
    /// How long to wait for the answer [default: 60000]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
    /// The server, where the tool is named alone
    #[arg(long, value_name = "NAME", visible_alias = "mcp")]
    pub(crate) server: Option<String>,
    /// The tool
    #[arg(long, value_name = "NAME")]
    pub(crate) tool: Option<String>,
    /// Read servers from this mcporter configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// SERVER.TOOL and its arguments; flags may stand among them
    #[arg(value_name = "TOOL AND ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<String>,
}

impl CallArgs {
    /// The flags that stood before the first word. Those behind it are found by [`parse`].
    fn flags(&self) -> Flags {
        let texts = match (self.no_coerce, self.raw_strings) {
            (true, _) => Texts::Strings,
            (false, true) => Texts::NoNumbers,
            (false, false) => Texts::Coerced,
        };
        Flags {
            base: self.args.clone().map(Base::read),
            output: if self.raw { Some(OutputKind::Raw) } else { self.output },
            timeout_ms: self.timeout,
            save_images: self.save_images.clone(),
            texts,
            config: self.config.clone(),
            server: self.server.clone(),
            tool: self.tool.clone(),
            help: false,
        }
    }
}

/// Runs `lanyard call`.
pub(crate) async fn run_call(
    args: &CallArgs,
    env: &AgentEnv,
    clock: &dyn Clock,
    streams: &mut Streams<'_>,
) -> Exit {
    let (flags, selector, given) = match parse(args.flags(), &args.words) {
        Ok(line) => line,
        Err(problem) => return refuse_line(&problem, streams),
    };
    if flags.help {
        return print_help(streams);
    }
    if args.words.is_empty() && selector.is_none() {
        streams.aside(&help());
        return Exit::Failure(IssueKind::Usage);
    }
    let output = flags.output.unwrap_or(OutputKind::Auto);
    let Some(selector) = selector else {
        return refuse_line(&ParseError::Usage(NO_TOOL.to_owned()), streams);
    };
    let (server, tool) = selector.names();
    let mut report = Report { output, streams, server, tool };
    let outcome = async {
        let directory = Directory::open(env, flags.config.as_deref())?;
        let (server, tool) = find(&directory, &selector).await?;
        report.server.clone_from(&server.name);
        let (base, given) = read_inputs(flags.base, given, report.streams)?;
        let timeout_ms = flags.timeout_ms.unwrap_or(env.call_timeout_ms);
        let mut attempt = Attempt {
            server: &server,
            tool,
            base,
            given,
            texts: flags.texts,
            stage: Stage::Before,
        };
        let ended = {
            let running = attempt.run(report.streams);
            tokio::time::timeout(Duration::from_millis(timeout_ms), running).await
        };
        let result = ended.unwrap_or_else(|_elapsed| Err(timed_out(&attempt, timeout_ms)));
        match result {
            Err(issue) if issue.status_code == Some(404) => {
                Err(with_known_servers(issue, &directory, &server.name).await)
            }
            other => other,
        }
    };
    match outcome.await {
        Ok(Some(result)) => report.answer(&result, flags.save_images.as_deref()),
        Ok(None) => {
            let server = std::mem::take(&mut report.server);
            let args = ListArgs::for_server(server, flags.config.clone(), output.is_json());
            run_list(&args, env, clock, report.streams).await
        }
        Err(issue) => report.failure(&issue),
    }
}

const NO_TOOL: &str = "which tool? write `lanyard call SERVER.TOOL name=value`, or --help for more";

/// The server and tool that a selector means.
async fn find(directory: &Directory, selector: &Selector) -> Result<(Server, String), Issue> {
    match selector {
        Selector::ServerTool(name, tool) => match directory.server(name) {
            Some(server) => Ok((server, tool.clone())),
            None => {
                let servers = directory.servers().await?;
                let names = servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>();
                Err(Issue::other(unknown_server(name, &names)))
            }
        },
        Selector::Tool(tool) => {
            if let Directory::One(server, Naming::ByPath | Naming::Free) = directory {
                return Ok(((**server).clone(), tool.clone()));
            }
            let mut servers = directory.servers().await?;
            match (servers.pop(), servers.is_empty()) {
                (Some(only), true) => Ok((only, tool.clone())),
                _ => Err(Issue::usage(format!("which server? write SERVER.{tool}"))),
            }
        }
    }
}

/// A gateway does not say whether a server exists; what the token may use, it does say.
async fn with_known_servers(mut issue: Issue, directory: &Directory, name: &str) -> Issue {
    let asked = tokio::time::timeout(Duration::from_secs(2), directory.servers()).await;
    if let (IssueKind::Denied, Ok(Ok(servers))) = (issue.kind, asked) {
        let names = servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>();
        if !names.contains(&name) {
            let hint = near_or_all(name, &names);
            let said = issue.message.trim_end_matches('.');
            issue.message = format!("{said}. This token may not use '{name}'.{hint}");
        }
    }
    issue
}

fn timed_out(attempt: &Attempt<'_>, timeout_ms: u64) -> Issue {
    let (server, tool) = (&attempt.server.name, &attempt.tool);
    let advice = "Override LANYARD_CALL_TIMEOUT or pass --timeout to adjust.";
    let mut message = format!("Call to {server}.{tool} timed out after {timeout_ms}ms. {advice}");
    if attempt.stage == Stage::Sent {
        message.push_str(MAY_HAVE_HAPPENED);
    }
    Issue::of(IssueKind::Timeout, message)
}

fn refuse_line(problem: &ParseError, streams: &mut Streams<'_>) -> Exit {
    streams.notice(&problem.to_string());
    if let ParseError::Expression(_) = problem {
        streams.aside(EXPRESSION_HELP);
    }
    Exit::Failure(IssueKind::Usage)
}

const EXPRESSION_HELP: &str = "
Examples:
  lanyard call 'context7.resolve-library-id(query: \"React hooks docs\", libraryName: \"react\")'
  lanyard call 'context7.resolve-library-id(\"React hooks docs\", \"react\")'
  lanyard call context7.resolve-library-id query=\"React hooks docs\" libraryName=react

Tip: wrap the entire expression in single quotes so the shell preserves parentheses and commas.";

fn help() -> String {
    let command = clap::Command::new("lanyard call").bin_name("lanyard call");
    let mut command = <CallArgs as clap::Args>::augment_args(command);
    command.render_long_help().to_string().trim_end().to_owned()
}

/// Help that was asked for is data.
fn print_help(streams: &mut Streams<'_>) -> Exit {
    match streams.data(&help()) {
        Ok(()) => Exit::Success,
        Err(_closed) => Exit::Failure(IssueKind::Other),
    }
}

/// Prints how a call ended.
struct Report<'a, 'b> {
    output: OutputKind,
    streams: &'a mut Streams<'b>,
    server: String,
    tool: String,
}

impl Report<'_, '_> {
    /// The tool's answer, also one that says `isError`: it is the answer all the same.
    fn answer(&mut self, result: &Value, save_images: Option<&Path>) -> Exit {
        let printed = self.streams.data(&render(result, self.output));
        if let Err(problem) = printed {
            self.streams.notice(&format!("cannot print the answer: {problem}"));
            return Exit::Failure(IssueKind::Other);
        }
        if let Some(directory) = save_images
            && let Err(problem) = self.save(result, directory)
        {
            self.streams.notice(&format!("cannot save the images: {problem}"));
            return Exit::Failure(IssueKind::Other);
        }
        if is_error(result) { Exit::Failure(IssueKind::Tool) } else { Exit::Success }
    }

    fn save(&mut self, result: &Value, directory: &Path) -> std::io::Result<()> {
        for (index, image) in images(result).iter().enumerate() {
            std::fs::create_dir_all(directory)?;
            let path = input::write_new(directory, &self.tool, index, image)?;
            self.streams.notice(&format!("Saved image: {}", path.display()));
        }
        Ok(())
    }

    /// A call that did not reach a result: an envelope where JSON is wanted, else one line.
    fn failure(&mut self, issue: &Issue) -> Exit {
        let (server, tool, message) = (&self.server, &self.tool, &issue.message);
        if self.output.is_json() {
            let issue = issue.to_json();
            let envelope =
                json!({"server": server, "tool": tool, "error": message, "issue": issue});
            let printed = self.streams.data(&pretty(&envelope));
            tracing::debug!(printed = printed.is_ok(), "The failure was printed.");
        } else if server.is_empty() || issue.kind == IssueKind::Timeout {
            self.streams.notice(message);
        } else {
            self.streams.notice(&format!("{server}.{tool}: {message}"));
        }
        issue.exit()
    }
}

#[cfg(test)]
mod tests;
