//! Reads the log for people and programs: the newest matches first, or everything in order. Reads
//! a log that is being written up to its last whole line.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::io::Write;
use std::path::Path;

use lanyard_core::{AgentName, RecordId, ServerName, TenantName, Timestamp};
use serde::Deserialize;

use super::LogError;
use super::format::{CALL_CLOSE, CALL_DENIED, CALL_OPEN, CALL_PAYLOAD, CHANGE, Head};
use super::recovery::read_segment_line;
use super::segment::{self, Segment};

/// Times in the log are those of a wall clock that may have been set back by this much.
const CLOCK_SLACK_MICROS: i64 = 3_600_000_000;

/// Which records to read. An empty filter takes all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// What is of this tenant. What is of none (refusals before anybody was known, lines of the log
    /// about itself) is the default tenant's, as the gateway's own changes are.
    pub tenant: Option<TenantName>,
    /// Calls by this agent, and changes of it or its grants.
    pub agent: Option<AgentName>,
    /// Calls to this server, and changes of it or grants on it.
    pub server: Option<ServerName>,
    /// Calls of this tool.
    pub tool: Option<String>,
    /// Records of this kind: see [`super::format`].
    pub kind: Option<String>,
    /// Calls that were decided so.
    pub decision: Option<DecisionFilter>,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// The record with this id.
    pub id: Option<RecordId>,
    /// At most this many; `None` for all.
    pub limit: Option<usize>,
}

/// How a call was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionFilter {
    /// Allowed.
    Allowed,
    /// Denied.
    Denied,
}

/// A record that was found: lines as they stand in the log, without their ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The record.
    pub record: String,
    /// For an allowed call that has ended, its end.
    pub close: Option<String>,
}

/// Finds records, the newest first. The end of a call comes with its opening and is not an entry
/// of its own, unless the filter asks for the kind `call.close`; nor is what is kept of a call, unless
/// it asks for `call.payload`.
pub fn search(directory: &Path, filter: &Filter) -> Result<Vec<Entry>, LogError> {
    let mut found = Vec::new();
    let mut closes_later = HashMap::new();
    let limit = filter.limit.unwrap_or(usize::MAX);
    for segment in list(directory)?.iter().rev() {
        let left = limit.saturating_sub(found.len());
        if left == 0 {
            break;
        }
        let pass = Pass::run(segment, filter, left, &mut closes_later)?;
        let (began_before_since, entries) = pass.finish(filter, &mut closes_later);
        found.extend(entries);
        if began_before_since {
            break;
        }
    }
    Ok(found)
}

/// Writes matching lines as they stand in the log, the oldest first, and says how many. The end
/// of a call goes with its opening: it is written when the opening was. So does what is kept of it.
pub fn export(directory: &Path, filter: &Filter, output: &mut dyn Write) -> Result<u64, LogError> {
    let limit = filter.limit.and_then(|limit| u64::try_from(limit).ok()).unwrap_or(u64::MAX);
    let mut open = HashSet::new();
    let mut written = 0_u64;
    for segment in list(directory)? {
        let read = |source| LogError::file("read", &segment.path, source);
        let mut lines = segment.lines().map_err(read)?;
        while let Some(line) = lines.next().map_err(read)?.filter(|line| line.is_whole()) {
            if written >= limit {
                return Ok(written);
            }
            let Some(fields) = Fields::read(line.bytes) else { continue };
            let goes_with_it = match fields.kind.as_str() {
                CALL_CLOSE => open.remove(&fields.id),
                CALL_PAYLOAD => open.contains(&fields.id),
                _ => false,
            };
            if !goes_with_it && !filter.takes(&fields) {
                continue;
            }
            output.write_all(line.bytes).map_err(LogError::Output)?;
            written = written.saturating_add(1);
            if fields.kind == CALL_OPEN && filter.kind.is_none() {
                open.insert(fields.id);
            }
        }
    }
    Ok(written)
}

/// Whether the log holds the change `id` of that time.
pub(crate) fn holds_change(
    directory: &Path,
    id: &RecordId,
    time: Timestamp,
) -> Result<bool, LogError> {
    let earliest = with_slack(time);
    for segment in list(directory)?.iter().rev() {
        let read = |source| LogError::file("read", &segment.path, source);
        let mut lines = segment.lines().map_err(read)?;
        let mut began_before = false;
        while let Some(line) = lines.next().map_err(read)? {
            let Some(head) = Head::read(line.bytes) else { continue };
            if head.kind == CHANGE && head.id == Some(id.as_str()) {
                return Ok(true);
            }
            began_before |= line.number == 1 && head.time < earliest.as_str();
        }
        if began_before {
            return Ok(false);
        }
    }
    Ok(false)
}

fn list(directory: &Path) -> Result<Vec<Segment>, LogError> {
    segment::list(directory).map_err(|source| LogError::file("read", directory, source))
}

/// A moment earlier by what a clock may have been set back.
pub(super) fn with_slack(time: Timestamp) -> String {
    Timestamp(time.0.saturating_sub(CLOCK_SLACK_MICROS)).to_string()
}

/// What a filter looks at, of any kind of line.
#[derive(Debug, Default, Deserialize)]
struct Fields {
    kind: String,
    time: String,
    id: Option<String>,
    tenant: Option<String>,
    agent: Option<String>,
    server: Option<String>,
    tool: Option<String>,
    subject: Option<String>,
}

impl Fields {
    fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Whether this is of a tenant. The end of a call says none, and goes with its opening.
    fn is_of(&self, tenant: &TenantName) -> bool {
        match &self.tenant {
            Some(of) => of == tenant.as_str(),
            None => self.kind != CALL_CLOSE && *tenant == TenantName::default_tenant(),
        }
    }

    /// Whether this is about an agent: as the one that calls, or as what is changed.
    fn concerns_agent(&self, agent: &str) -> bool {
        self.agent.as_deref() == Some(agent)
            || self.subject.as_deref().is_some_and(|subject| {
                subject.strip_prefix("agent:") == Some(agent)
                    || grant(subject).is_some_and(|(of, _)| of == agent)
            })
    }

    fn concerns_server(&self, server: &str) -> bool {
        self.server.as_deref() == Some(server)
            || self.subject.as_deref().is_some_and(|subject| {
                subject.strip_prefix("server:") == Some(server)
                    || grant(subject).is_some_and(|(_, on)| on == server)
            })
    }
}

/// Agent and server of the subject `grant:AGENT/SERVER`.
fn grant(subject: &str) -> Option<(&str, &str)> {
    subject.strip_prefix("grant:")?.split_once('/')
}

impl Filter {
    fn takes(&self, fields: &Fields) -> bool {
        let Self { tenant, agent, server, tool, kind, decision, since, until, id, limit: _ } = self;
        let decided = match decision {
            None => true,
            Some(DecisionFilter::Allowed) => fields.kind == CALL_OPEN,
            Some(DecisionFilter::Denied) => fields.kind == CALL_DENIED,
        };
        decided
            && tenant.as_ref().is_none_or(|tenant| fields.is_of(tenant))
            && kind.as_ref().is_none_or(|kind| *kind == fields.kind)
            && agent.as_ref().is_none_or(|agent| fields.concerns_agent(agent.as_str()))
            && server.as_ref().is_none_or(|server| fields.concerns_server(server.as_str()))
            && tool.as_ref().is_none_or(|tool| fields.tool.as_ref() == Some(tool))
            && id.as_ref().is_none_or(|id| fields.id.as_deref() == Some(id.as_str()))
            && since.is_none_or(|since| fields.time >= since.to_string())
            && until.is_none_or(|until| fields.time < until.to_string())
    }

    fn wants(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }
}

/// One segment read forward, for its newest matches.
#[derive(Debug, Default)]
struct Pass {
    first_time: String,
    found: VecDeque<(Option<String>, String)>,
    /// Ids of the openings in `found`.
    opened: HashSet<String>,
    closes: HashMap<String, String>,
    /// Ids of calls that an older segment opened.
    open_before: BTreeSet<String>,
}

impl Pass {
    fn run(
        segment: &Segment,
        filter: &Filter,
        limit: usize,
        closes_later: &mut HashMap<String, String>,
    ) -> Result<Self, LogError> {
        let read = |source| LogError::file("read", &segment.path, source);
        let mut pass = Self::default();
        let mut lines = segment.lines().map_err(read)?;
        while let Some(line) = lines.next().map_err(read)?.filter(|line| line.is_whole()) {
            let Some(fields) = Fields::read(line.bytes) else { continue };
            if line.number == 1 {
                pass.first_time.clone_from(&fields.time);
                pass.open_before = read_segment_line(line.bytes).unwrap_or_default().open;
            }
            let text = || String::from_utf8_lossy(line.bytes).trim_end().to_owned();
            if fields.kind == CALL_PAYLOAD && !filter.wants(CALL_PAYLOAD) {
                continue;
            }
            if fields.kind == CALL_CLOSE && !filter.wants(CALL_CLOSE) {
                pass.close(fields.id.unwrap_or_default(), text, closes_later);
            } else if filter.takes(&fields) {
                pass.take(fields, text(), limit);
            }
        }
        Ok(pass)
    }

    fn close(
        &mut self,
        id: String,
        text: impl FnOnce() -> String,
        closes_later: &mut HashMap<String, String>,
    ) {
        if self.opened.contains(&id) {
            self.closes.insert(id, text());
        } else if self.open_before.contains(&id) {
            closes_later.insert(id, text());
        }
    }

    fn take(&mut self, fields: Fields, text: String, limit: usize) {
        let opens = fields.id.filter(|_| fields.kind == CALL_OPEN);
        self.opened.extend(opens.clone());
        self.found.push_back((opens, text));
        if self.found.len() > limit
            && let Some((Some(id), _)) = self.found.pop_front()
        {
            self.opened.remove(&id);
            self.closes.remove(&id);
        }
    }

    /// The matches, the newest first, each call with its end; and whether every older segment is
    /// out of the filter's time.
    fn finish(
        mut self,
        filter: &Filter,
        closes_later: &mut HashMap<String, String>,
    ) -> (bool, Vec<Entry>) {
        let over = filter.since.is_some_and(|since| self.first_time < with_slack(since));
        let found = std::mem::take(&mut self.found);
        let entries = found.into_iter().rev().map(|(id, record)| {
            let close =
                id.and_then(|id| self.closes.remove(&id).or_else(|| closes_later.remove(&id)));
            Entry { record, close }
        });
        (over, entries.collect())
    }
}

#[cfg(test)]
mod tests;
