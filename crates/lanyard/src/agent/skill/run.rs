//! Makes the calls of a skill: the very words that its lines hold, read as `lanyard call` reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use lanyard_guard::check_value;
use serde_json::{Map, Value};

use super::held::credential_in;
use super::known::KnownTool;
use super::line::{line, split, words};
use super::mcporter::Mcporter;
use super::page::{Example, FoundTool, Ran, Tried, Why};
use super::pool::{Pool, without};
use super::probe::{candidate, shape};
use super::text::one_line;
use crate::agent::arguments::{Base, Flags, OutputKind, coerce, parse};
use crate::agent::call::attempt::{Attempt, Stage};
use crate::agent::call::input::read_inputs;
use crate::agent::client::Tool;
use crate::agent::content::{is_error, render};
use crate::agent::issue::{Issue, IssueKind};
use crate::agent::streams::Streams;
use crate::agent::target::Server;

/// Tools that are called in one run.
const CALLED_MAX: usize = 60;

/// Characters of what a call that somebody named failed with, on stderr.
const SAID_CHARS_MAX: usize = 400;

/// How tools are tried.
pub(super) struct Trial<'a> {
    pub(super) server: &'a Server,
    pub(super) timeout: Duration,
    pub(super) mcporter: Option<&'a Mcporter>,
    /// Whether any tool is called that nobody named.
    pub(super) calls: bool,
    /// The calls that somebody named, by tool: their words.
    pub(super) named: BTreeMap<String, Vec<String>>,
    pub(super) pool: Pool,
    pub(super) called: usize,
    /// Calls that somebody named and that failed.
    pub(super) missed: Vec<Issue>,
}

impl Trial<'_> {
    /// Tries every tool: those first whose arguments are known, so that their answers help the others.
    pub(super) async fn all(
        &mut self,
        tools: &[(&Tool, KnownTool)],
        streams: &mut Streams<'_>,
    ) -> Vec<Tried> {
        let mut tried: Vec<Option<Tried>> = vec![None; tools.len()];
        for invented_too in [false, true] {
            for ((tool, known), slot) in tools.iter().zip(&mut tried) {
                if slot.is_none() {
                    *slot = self.one((tool, known), invented_too, streams).await;
                }
            }
        }
        let none = || Tried::Not { why: Why::NoArguments, words: None };
        tried.into_iter().map(|tried| tried.unwrap_or_else(none)).collect()
    }

    /// Tries a tool; `None` where that is left for later.
    async fn one(
        &mut self,
        (tool, known): (&Tool, &KnownTool),
        invented_too: bool,
        streams: &mut Streams<'_>,
    ) -> Option<Tried> {
        if let Some(words) = self.named.remove(&tool.name) {
            return Some(self.attempt(tool, (words, Source::Named), streams).await);
        }
        // What an answer held is used to read more, and never shown as an example of a change.
        let nothing = Pool::default();
        let pool = if tool.read_only { &self.pool } else { &nothing };
        let found = candidate(&tool.input_schema, pool);
        let words =
            found.as_ref().map(|found| words(&self.server.name, &tool.name, &found.arguments));
        // What is not called is shown with made-up values alone.
        let made_up = |words| match &found {
            Some(found) if !found.borrowed.is_empty() => self.made_up(tool),
            Some(_) | None => Some(words),
        };
        let not = |why, words| Some(Tried::Not { why, words });
        let holds = |words: &Option<Option<Vec<String>>>| match words {
            Some(Some(words)) => credential_in(words).is_some(),
            Some(None) | None => false,
        };
        match (&found, words) {
            (_, words) if holds(&words) => {
                streams.notice(&left_out(&tool.name));
                not(Why::Credential, None)
            }
            (_, Some(None)) => not(Why::Name, None),
            (_, Some(Some(words))) if !tool.read_only => not(Why::Writes, made_up(words)),
            (_, Some(Some(words))) if !self.calls => not(Why::NoCalls, made_up(words)),
            (_, Some(Some(words))) if self.called >= CALLED_MAX => not(Why::Enough, made_up(words)),
            (Some(found), Some(Some(words))) if found.invented && known.only_misses() => {
                not(Why::Failed, made_up(words))
            }
            (Some(found), Some(Some(words))) if !found.invented || invented_too => {
                let source = Source::Found(&found.borrowed);
                Some(self.attempt(tool, (words, source), streams).await)
            }
            (_, Some(Some(_))) => None,
            (_, None) if !tool.read_only => not(Why::Writes, None),
            (_, None) => None,
        }
    }

    async fn attempt(
        &mut self,
        tool: &Tool,
        (words, source): (Vec<String>, Source<'_>),
        streams: &mut Streams<'_>,
    ) -> Tried {
        self.called = self.called.saturating_add(1);
        streams.notice(&format!("calling {}", words.first().map_or("", String::as_str)));
        let result = match self.call(&words, streams).await {
            Ok(result) => result,
            Err(issue) => return self.failed(tool, (words, source), &issue, streams),
        };
        let text = render(&result, OutputKind::Text);
        if is_error(&result) {
            let issue = Issue::of(IssueKind::Tool, text);
            return self.failed(tool, (words, source), &issue, streams);
        }
        let as_json = render(&result, OutputKind::Json);
        let has_json = as_json != render(&result, OutputKind::Raw);
        let json = Some(self.masked(&as_json)).filter(|_| has_json);
        let json = json.and_then(|json| serde_json::from_str::<Value>(&json).ok());
        if let Some(json) = &json {
            self.pool.add(&tool.name, json);
        }
        let shape = json.as_ref().map(shape);
        let mcporter = self.same_by_mcporter(tool.read_only, &words).await;
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        Tried::Worked(Example { words, shape, bytes, mcporter })
    }

    /// A try that failed. What came out of another answer was denied then, maybe because it is nothing
    /// to pass on: it is not shown. Nor is a named call whose arguments the schema refuses: that is a
    /// mistake of the one who named it, and tells nothing of the tool.
    fn failed(
        &mut self,
        tool: &Tool,
        (words, source): (Vec<String>, Source<'_>),
        issue: &Issue,
        streams: &mut Streams<'_>,
    ) -> Tried {
        let said = self.lasting(&issue.message);
        let borrowed = match source {
            Source::Named => {
                let shown = one_line(&said, SAID_CHARS_MAX);
                streams.notice(&format!("--run: the call of `{}` failed: {shown}", tool.name));
                self.missed.push(issue.clone());
                if !fits(tool, &words) {
                    return Tried::Not { why: Why::Misfit, words: None };
                }
                &[]
            }
            Source::Found(borrowed) => borrowed,
        };
        if borrowed.is_empty() {
            // Others than this program may know more forms of credentials.
            let is_refused = said.contains(CREDENTIAL_REFUSED);
            return Tried::Failed { words: Some(words).filter(|_| !is_refused), said };
        }
        let said = borrowed.iter().fold(said, |said, value| without(&said, value));
        Tried::FoundFailed { words: self.made_up(tool), said }
    }

    /// The words of a call that holds nothing out of any answer.
    fn made_up(&self, tool: &Tool) -> Option<Vec<String>> {
        let found = candidate(&tool.input_schema, &Pool::default())?;
        words(&self.server.name, &tool.name, &found.arguments)
    }

    /// Makes a call by the words of its line. The error is what stands in its way.
    async fn call(&self, words: &[String], streams: &mut Streams<'_>) -> Result<Value, Issue> {
        let (flags, selector, given) =
            parse(Flags::default(), words).map_err(|problem| Issue::usage(problem.to_string()))?;
        let tool = match selector.map(|selector| selector.names()) {
            Some((_server, tool)) if !flags.help => tool,
            Some(_) | None => return Err(Issue::usage("the line names no tool")),
        };
        let (base, given) = read_inputs(flags.base, given, streams)?;
        let mut attempt = Attempt {
            server: self.server,
            tool,
            base,
            given,
            texts: flags.texts,
            stage: Stage::Before,
        };
        let ended = tokio::time::timeout(self.timeout, attempt.run(streams)).await;
        match ended {
            Ok(Ok(Some(result))) => Ok(result),
            Ok(Ok(None)) => Err(Issue::other("there is no such tool")),
            Ok(Err(issue)) => Err(issue),
            Err(_) => {
                let said = format!("no answer within {} ms", self.timeout.as_millis());
                Err(Issue::of(IssueKind::Timeout, said))
            }
        }
    }

    /// The same call by mcporter, unless it changes data: such a call is made once.
    async fn same_by_mcporter(&self, read_only: bool, words: &[String]) -> Ran {
        let Some(mcporter) = self.mcporter else { return Ran::Absent };
        if !read_only {
            return Ran::Once;
        }
        match mcporter.call(words).await {
            Ok(()) => Ran::Worked(words.to_vec()),
            Err(said) => Ran::Failed(self.masked(&said)),
        }
    }

    /// What was said, without the id of a record, which would be another one each time.
    fn lasting(&self, said: &str) -> String {
        self.masked(said.split(" (record ").next().unwrap_or_default())
    }

    /// A text without the credentials that the server was shown: it may say them back.
    fn masked(&self, text: &str) -> String {
        match &self.server.endpoint {
            Ok(endpoint) => endpoint.mask(text),
            Err(_) => text.to_owned(),
        }
    }
}

/// The tools with what became of trying them.
pub(super) fn found<'a>(
    tools: Vec<(&'a Tool, KnownTool)>,
    tried: Vec<Tried>,
) -> Vec<FoundTool<'a>> {
    let both = tools.into_iter().zip(tried);
    both.map(|((tool, known), tried)| FoundTool { tool, known, tried }).collect()
}

/// Where the words of a call come from.
#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    /// Somebody named the call.
    Named,
    /// The schema, and these values out of answers.
    Found(&'a [Value]),
}

/// What a gateway says of an argument that it does not pass on.
const CREDENTIAL_REFUSED: &str = "holds what looks like a credential";

/// Keeps the lines of a call that worked before, where the tool was not called now, or failed with
/// other words. They are read as a person left them, so they are held against the schema again.
pub(super) fn carry_over(
    tools: &[(&Tool, KnownTool)],
    tried: &mut [Tried],
    old: Option<&str>,
    streams: &mut Streams<'_>,
) {
    let mut fenced = old.map(super::blocks::fenced).unwrap_or_default();
    for ((tool, _), tried) in tools.iter().zip(tried) {
        let (failed, said) = match &*tried {
            Tried::Worked(_) | Tried::Before { .. } => continue,
            Tried::Not { .. } => (None, None),
            Tried::FoundFailed { words: _, said } => (None, Some(said.clone())),
            Tried::Failed { words, said } => (words.as_deref(), Some(said.clone())),
        };
        // What changes data may fail the second time because it worked the first.
        let failed = failed.filter(|_| tool.read_only).map(|words| line("lanyard", words));
        let id = format!("tool:{}", super::blocks::id_part(&tool.name));
        let mut lines = fenced.remove(&id).unwrap_or_default();
        let before = lines.len();
        lines.retain(|line| {
            let words = split(line).unwrap_or_else(|_| vec![line.clone()]);
            credential_in(&words).is_none()
        });
        if lines.len() < before {
            streams.notice(&left_out(&tool.name));
        }
        let still = |line: &String| Some(line) != failed.as_ref() && still_fits(tool, line);
        if lines.iter().any(still) {
            *tried = Tried::Before { lines, said };
        }
    }
}

fn left_out(tool: &str) -> String {
    let tool = one_line(tool, SAID_CHARS_MAX);
    format!("`{tool}`: a line is left out, since it holds what looks like a live credential")
}

/// Whether a line of `lanyard call` has arguments that the tool takes.
fn still_fits(tool: &Tool, line: &str) -> bool {
    let Some(rest) = line.strip_prefix("lanyard call ") else { return false };
    split(rest).is_ok_and(|words| arguments_of(tool, &words).is_some())
}

/// Whether the words of a call hold arguments that fit the whole of the tool's schema. What stands in
/// a file is not looked at.
fn fits(tool: &Tool, words: &[String]) -> bool {
    let has_file = words.iter().any(|word| word.contains("=@") || word.contains(":@"));
    let whole = |arguments| check_value(&tool.input_schema, &Value::Object(arguments)).is_ok();
    has_file || arguments_of(tool, words).is_some_and(whole)
}

/// The arguments of a call, where the tool takes them as far as that is seen before it is sent.
fn arguments_of(tool: &Tool, words: &[String]) -> Option<Map<String, Value>> {
    let (flags, _, given) = parse(Flags::default(), words).ok()?;
    let base = match flags.base {
        None => Map::new(),
        Some(Base::Text(text)) => serde_json::from_str(&text).unwrap_or_default(),
        Some(Base::Stdin) => return None,
    };
    let made = coerce(base, &given, Some(&tool.input_schema), flags.texts);
    made.problems.is_empty().then_some(made.arguments)
}
