//! Makes the calls of a skill: the very words that its lines hold, read as `lanyard call` reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::known::KnownTool;
use super::line::{split, words};
use super::mcporter::Mcporter;
use super::page::{Example, FoundTool, Ran, Tried, Why};
use super::pool::{Pool, without};
use super::probe::{candidate, shape};
use crate::agent::arguments::{Base, Flags, OutputKind, coerce, parse};
use crate::agent::call::attempt::{Attempt, Stage};
use crate::agent::call::input::read_inputs;
use crate::agent::client::Tool;
use crate::agent::content::{is_error, render};
use crate::agent::streams::Streams;
use crate::agent::target::Server;

/// Tools that are called in one run.
const CALLED_MAX: usize = 60;

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
        let mut line = Vec::new();
        if let Some(named) = self.named.remove(&tool.name) {
            line.push(format!("{}.{}", self.server.name, tool.name));
            line.extend(named);
            return Some(self.attempt(tool, (line, &[]), streams).await);
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
        match (&found, words) {
            (_, Some(None)) => not(Why::Name, None),
            (_, Some(Some(words))) if !tool.read_only => not(Why::Writes, made_up(words)),
            (_, Some(Some(words))) if !self.calls => not(Why::NoCalls, made_up(words)),
            (_, Some(Some(words))) if self.called >= CALLED_MAX => not(Why::Enough, made_up(words)),
            (Some(found), Some(Some(words))) if found.invented && known.only_misses() => {
                not(Why::Failed, made_up(words))
            }
            (Some(found), Some(Some(words))) if !found.invented || invented_too => {
                Some(self.attempt(tool, (words, &found.borrowed), streams).await)
            }
            (_, Some(Some(_))) => None,
            (_, None) if !tool.read_only => not(Why::Writes, None),
            (_, None) => None,
        }
    }

    async fn attempt(
        &mut self,
        tool: &Tool,
        (words, borrowed): (Vec<String>, &[Value]),
        streams: &mut Streams<'_>,
    ) -> Tried {
        self.called = self.called.saturating_add(1);
        streams.notice(&format!("calling {}", words.first().map_or("", String::as_str)));
        let result = match self.call(&words, streams).await {
            Ok(result) => result,
            Err(said) => return self.failed(tool, words, borrowed, &said),
        };
        let text = render(&result, OutputKind::Text);
        if is_error(&result) {
            return self.failed(tool, words, borrowed, &text);
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
    /// to pass on: it is not shown.
    fn failed(&self, tool: &Tool, words: Vec<String>, borrowed: &[Value], said: &str) -> Tried {
        let said = self.lasting(said);
        if borrowed.is_empty() {
            return Tried::Failed { words, said };
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
    async fn call(&self, words: &[String], streams: &mut Streams<'_>) -> Result<Value, String> {
        let (flags, selector, given) =
            parse(Flags::default(), words).map_err(|problem| problem.to_string())?;
        let tool = match selector.map(|selector| selector.names()) {
            Some((_server, tool)) if !flags.help => tool,
            Some(_) | None => return Err("the line names no tool".to_owned()),
        };
        let (base, given) =
            read_inputs(flags.base, given, streams).map_err(|issue| issue.message)?;
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
            Ok(Ok(None)) => Err("there is no such tool".to_owned()),
            Ok(Err(issue)) => Err(issue.message),
            Err(_) => Err(format!("no answer within {} ms", self.timeout.as_millis())),
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

/// Keeps the lines of a call that worked before, where the tool was not called now and still takes
/// them. They are read as a person left them, so they are held against the schema again.
pub(super) fn carry_over(tools: &[(&Tool, KnownTool)], tried: &mut [Tried], old: Option<&str>) {
    let mut fenced = old.map(super::blocks::fenced).unwrap_or_default();
    for ((tool, _), tried) in tools.iter().zip(tried) {
        if let Tried::Not { .. } = tried {
            let id = format!("tool:{}", super::blocks::id_part(&tool.name));
            let lines = fenced.remove(&id).unwrap_or_default();
            if lines.iter().any(|line| still_fits(tool, line)) {
                *tried = Tried::Before(lines);
            }
        }
    }
}

/// Whether a line of `lanyard call` has arguments that the tool takes.
fn still_fits(tool: &Tool, line: &str) -> bool {
    let Some(rest) = line.strip_prefix("lanyard call ") else { return false };
    let Ok(Ok((flags, _, given))) = split(rest).map(|words| parse(Flags::default(), &words)) else {
        return false;
    };
    let base = match flags.base {
        None => Map::new(),
        Some(Base::Text(text)) => serde_json::from_str(&text).unwrap_or_default(),
        Some(Base::Stdin) => return false,
    };
    coerce(base, &given, Some(&tool.input_schema), flags.texts).problems.is_empty()
}
