//! What became of one agent's calls of one server, tool by tool: what the agent itself may know of
//! its own records. Only the newest part of the log is read, so that the answer costs the same
//! however long the log is.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use lanyard_core::{AgentName, ServerName, TenantName, Timestamp};
use serde::Deserialize;

use super::LogError;
use super::format::{CALL_CLOSE, CALL_DENIED, CALL_OPEN, Head};
use super::segment::{self, Lines, Segment};

/// Kinds of errors that are told apart for a tool. Past it, names of arguments are left out.
const ERRORS_MAX: usize = 64;

/// The longest name of an argument that is given.
const FIELD_CHARS_MAX: usize = 64;

/// Whose calls of what are counted.
#[derive(Debug, Clone)]
pub struct Whose {
    /// The tenant.
    pub tenant: TenantName,
    /// The agent that called, for whomever.
    pub agent: AgentName,
    /// The server, as the agent addressed it.
    pub server: ServerName,
}

/// What became of calls, by tool as the agent wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// By tool.
    pub tools: BTreeMap<String, ToolUsage>,
    /// Whether there are older records in the span that were not read.
    pub more: bool,
}

/// What became of the calls of one tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolUsage {
    /// Calls that were decided.
    pub calls: u64,
    /// Those that were answered without an error.
    pub answered: u64,
    /// How long answered calls took, in microseconds, from the shortest on.
    pub took_micros: Vec<u64>,
    /// How large their results were, in bytes, from the smallest on.
    pub result_bytes: Vec<u64>,
    /// What the others came to.
    pub errors: BTreeMap<CallError, u64>,
}

/// How a call ended that brought no good answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallError {
    /// The code of the denial or of the failure; `answered_error` or `abandoned` for the rest.
    pub code: String,
    /// The status that the API answered with.
    pub upstream_status: Option<u16>,
    /// The argument that was refused, where the record names one.
    pub field: Option<String>,
    /// The limit that was reached, in words that name nobody.
    pub limit: Option<String>,
}

impl ToolUsage {
    /// The value that so many of a hundred do not pass, of a list from the smallest on.
    pub fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
        let place = sorted.len().saturating_mul(percent).div_ceil(100);
        sorted.get(place.saturating_sub(1)).copied()
    }

    fn count(&mut self, mut error: CallError) {
        if self.errors.len() >= ERRORS_MAX && !self.errors.contains_key(&error) {
            error.field = None;
        }
        let count = self.errors.entry(error).or_default();
        *count = count.saturating_add(1);
    }
}

/// Reads what became of calls since a moment, in the newest `bytes_max` bytes of the log. Lines
/// that cannot be read are passed over: whether the log holds together is asked elsewhere.
pub fn usage(
    directory: &Path,
    whose: &Whose,
    since: Timestamp,
    bytes_max: u64,
) -> Result<Usage, LogError> {
    let (parts, more) = newest(directory, bytes_max)?;
    let mut reading = Reading {
        whose,
        since: since.to_string(),
        // Written without escapes, because no name needs any.
        agent: format!(r#""agent":"{}""#, whose.agent),
        running: HashMap::new(),
        usage: Usage { more, ..Usage::default() },
    };
    for (segment, from) in parts {
        let read = |source| LogError::file("read", &segment.path, source);
        let mut lines = segment.lines_from(from).map_err(read)?;
        reading.all(&mut lines).map_err(read)?;
    }
    let mut usage = reading.usage;
    for tool in usage.tools.values_mut() {
        tool.took_micros.sort_unstable();
        tool.result_bytes.sort_unstable();
    }
    Ok(usage)
}

/// The newest bytes of a log: its segments, the oldest first, each with the byte to begin at; and
/// whether anything is left out.
fn newest(directory: &Path, bytes_max: u64) -> Result<(Vec<(Segment, u64)>, bool), LogError> {
    let all = segment::list(directory);
    let all = all.map_err(|source| LogError::file("read", directory, source))?;
    let (mut left, mut parts, mut more) = (bytes_max, Vec::new(), false);
    for segment in all.into_iter().rev() {
        if left == 0 {
            more = true;
            break;
        }
        let size = std::fs::metadata(&segment.path);
        let size = size.map_err(|source| LogError::file("read", &segment.path, source))?.len();
        let from = size.saturating_sub(left);
        more |= from > 0;
        left = left.saturating_sub(size);
        parts.push((segment, from));
    }
    parts.reverse();
    Ok((parts, more))
}

struct Reading<'a> {
    whose: &'a Whose,
    since: String,
    agent: String,
    /// Calls that were allowed and have not ended, by id: their tools.
    running: HashMap<String, String>,
    usage: Usage,
}

impl Reading<'_> {
    fn all(&mut self, lines: &mut Lines) -> std::io::Result<()> {
        while let Some(line) = lines.next()?.filter(segment::Line::is_whole) {
            let Some(head) = Head::read(line.bytes) else { continue };
            match (head.kind, head.id) {
                (CALL_CLOSE, Some(id)) => {
                    if let Some(tool) = self.running.remove(id) {
                        self.end(tool, line.bytes);
                    }
                }
                (CALL_OPEN | CALL_DENIED, Some(id)) if head.time >= self.since.as_str() => {
                    self.begin(id, line.bytes);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn begin(&mut self, id: &str, line: &[u8]) {
        // Most lines are about other agents; they are not worth being read as a whole.
        let Ok(text) = std::str::from_utf8(line) else { return };
        if !text.contains(&self.agent) {
            return;
        }
        let Ok(opened) = serde_json::from_str::<Opened>(text) else { return };
        let Whose { tenant, agent, server } = self.whose;
        let is_theirs = opened.tenant == tenant.as_str()
            && opened.agent == agent.as_str()
            && opened.server.as_deref() == Some(server.as_str())
            && opened.method == "tools/call";
        let Some(tool) = opened.tool.filter(|_| is_theirs) else { return };
        let usage = self.usage.tools.entry(tool.clone()).or_default();
        usage.calls = usage.calls.saturating_add(1);
        match opened.denied_code {
            None => {
                self.running.insert(id.to_owned(), tool);
            }
            Some(code) => {
                let detail = opened.denied_detail;
                let (field, limit) = match code.as_str() {
                    "arguments_invalid" => (detail.and_then(|detail| field(&detail)), None),
                    "limit_reached" => (None, detail),
                    _ => (None, None),
                };
                usage.count(CallError { code, upstream_status: None, field, limit });
            }
        }
    }

    fn end(&mut self, tool: String, line: &[u8]) {
        let Ok(closed) = serde_json::from_slice::<Closed>(line) else { return };
        let usage = self.usage.tools.entry(tool).or_default();
        if closed.status == "answered" {
            usage.answered = usage.answered.saturating_add(1);
            usage.took_micros.extend(closed.took_micros);
            usage.result_bytes.extend(closed.result_bytes);
            return;
        }
        let code = closed.failure.unwrap_or(closed.status);
        let upstream_status = closed.upstream_status;
        usage.count(CallError { code, upstream_status, field: None, limit: None });
    }
}

/// The argument that a problem begins with: `` the call was not made: `number` is required ``.
fn field(problem: &str) -> Option<String> {
    let (_, problem) = problem.split_once(": ")?;
    let (name, _) = problem.strip_prefix('`')?.split_once('`')?;
    // What is within an argument is told by the argument.
    let name = name.split(['.', '[']).next().unwrap_or_default();
    let fits = !name.is_empty() && name.chars().count() <= FIELD_CHARS_MAX;
    fits.then(|| name.to_owned())
}

#[derive(Deserialize)]
struct Opened {
    tenant: String,
    agent: String,
    method: String,
    server: Option<String>,
    tool: Option<String>,
    denied_code: Option<String>,
    denied_detail: Option<String>,
}

#[derive(Deserialize)]
struct Closed {
    status: String,
    failure: Option<String>,
    upstream_status: Option<u16>,
    result_bytes: Option<u64>,
    took_micros: Option<u64>,
}

#[cfg(test)]
mod tests;
