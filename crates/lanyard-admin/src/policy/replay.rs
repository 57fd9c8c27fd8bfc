//! What other policies would have said of the calls in the log.
//!
//! A call whose decision depends on what its record does not hold cannot be decided again: it is counted
//! as undecidable. Agents, grants and tools are those of now.

mod call;
mod foresight;

use std::collections::BTreeMap;
use std::io::{self, Write};

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use lanyard_core::Timestamp;
use lanyard_policy::{Policies, Prospect};
use lanyard_store::Configuration;
use lanyard_store::audit::{self, Filter};
use serde::Deserialize;
use serde_json::{Value, json};

use self::call::RecordedCall;
use self::foresight::Foresight;
use super::TextRequest;
use crate::Admin;
use crate::actor::Reader;
use crate::asked::Asked;
use crate::error::ApiError;
use crate::lines::Lines;
use crate::state::Shared;

/// Lines that are read between two signs of progress.
const PROGRESS_LINES: u64 = 2000;

/// The most kinds of changes that are told one by one.
const SHOWN_MAX: usize = 100;

/// A policy text, and which calls it is held against.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayRequest {
    policy: TextRequest,
    /// A time (RFC 3339), or a span before now such as `7d`.
    since: Option<String>,
    until: Option<String>,
}

/// Holds the calls of the log against a text. The answer is JSON lines: progress, then the result.
pub(crate) async fn replay(
    State(admin): State<Admin>,
    _: Reader,
    Asked(request): Asked<ReplayRequest>,
) -> Result<Response, ApiError> {
    let (mut replay, filter, directory) = admin
        .blocking(move |shared| {
            let newest = shared.parts.store.policies(&shared.tenant)?.into_iter().next();
            let zone = request.policy.zone(newest.as_ref());
            let policies = request.policy.parse(zone, shared)?;
            let now = shared.parts.clock.now();
            let time = |text: &Option<String>| {
                text.as_deref().map(|text| crate::when::parse(text, now)).transpose()
            };
            let (since, until) = (time(&request.since)?, time(&request.until)?);
            let filter = Filter { since, until, ..Filter::default() };
            let mut replay = Replay::new(shared, policies, &shared.rows()?)?;
            replay.span = (since.unwrap_or(Timestamp(0)), until.unwrap_or(now));
            Ok((replay, filter, shared.parts.audit_directory.clone()))
        })
        .await?;
    let (lines, body) = Lines::begin();
    admin.shared.parts.tasks.spawn_blocking(move || {
        lines.tell(|lines| {
            replay.out = Some(lines);
            audit::export(&directory, &filter, &mut replay)
                .map_err(|error| io::Error::other(lanyard_core::chain(&error)))?;
            let result = replay.result();
            replay.say(&result)?;
            replay.out.take().ok_or_else(|| io::Error::other("the answer is gone"))
        });
    });
    let mut response = Response::new(Body::new(body));
    let kind = http::HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

/// A call is known by its agent, server and tool.
type Place = (String, String, String);

/// Reads lines of the log and counts.
struct Replay {
    tenant: String,
    foresight: Foresight,
    out: Option<Lines>,
    gathered: Vec<u8>,
    /// The first and the last time that are looked at, for telling how far it is.
    span: (Timestamp, Timestamp),
    /// The time of the last record.
    at: Option<Timestamp>,
    lines: u64,
    calls: u64,
    unknown: u64,
    beside: u64,
    same: u64,
    counts: BTreeMap<(&'static str, &'static str), u64>,
    changed: BTreeMap<(Place, &'static str, &'static str), u64>,
}

impl Replay {
    fn new(shared: &Shared, policies: Policies, rows: &Configuration) -> Result<Self, ApiError> {
        Ok(Self {
            tenant: shared.tenant.to_string(),
            foresight: Foresight::new(shared, policies, rows)?,
            out: None,
            gathered: Vec::new(),
            span: (Timestamp(0), Timestamp(0)),
            at: None,
            lines: 0,
            calls: 0,
            unknown: 0,
            beside: 0,
            same: 0,
            counts: BTreeMap::new(),
            changed: BTreeMap::new(),
        })
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        self.lines = self.lines.saturating_add(1);
        if self.lines.is_multiple_of(PROGRESS_LINES) {
            let percent = self.percent();
            self.say(&json!({ "lines": self.lines, "calls": self.calls, "percent": percent }))?;
        }
        let Some(call) = RecordedCall::read(line) else { return Ok(()) };
        self.at = Some(call.time);
        if call.tenant != self.tenant {
            return Ok(());
        }
        self.calls = self.calls.saturating_add(1);
        let Some(was) = call.was else {
            self.beside = self.beside.saturating_add(1);
            return Ok(());
        };
        let Some(prospect) = self.foresight.of(&call) else {
            self.unknown = self.unknown.saturating_add(1);
            return Ok(());
        };
        let is = prospect.as_str();
        if was == is {
            self.same = self.same.saturating_add(1);
        } else if prospect != Prospect::Undecidable {
            let count = self.changed.entry((call.place(), was, is)).or_default();
            *count = count.saturating_add(1);
        }
        let count = self.counts.entry((was, is)).or_default();
        *count = count.saturating_add(1);
        Ok(())
    }

    /// How far it is, by the times of the records.
    fn percent(&mut self) -> u64 {
        let Some(at) = self.at else { return 0 };
        if self.span.0.0 == 0 {
            self.span.0 = at;
        }
        let (from, to) = self.span;
        let (done, whole) = (at.0.saturating_sub(from.0), to.0.saturating_sub(from.0));
        let percent = done.saturating_mul(100).checked_div(whole).unwrap_or(0);
        u64::try_from(percent.clamp(0, 100)).unwrap_or(0)
    }

    fn result(&self) -> Value {
        let count = |(was, is): &(&str, &str), count: &u64| json!({ "was": was, "would_be": is, "calls": count });
        let changed = |((place, was, is), count): (&(Place, &str, &str), &u64)| {
            let (agent, server, tool) = place;
            json!({
                "agent": agent, "server": server, "tool": tool,
                "was": was, "would_be": is, "calls": count,
            })
        };
        let mut changes: Vec<_> = self.changed.iter().collect();
        changes.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        let more = changes.len().saturating_sub(SHOWN_MAX);
        json!({
            "done": true,
            "lines": self.lines,
            "calls": self.calls,
            "same": self.same,
            "unknown": self.unknown,
            "beside": self.beside,
            "counts": self.counts.iter().map(|(key, of)| count(key, of)).collect::<Vec<_>>(),
            "changed": changes.into_iter().take(SHOWN_MAX).map(changed).collect::<Vec<_>>(),
            "more": more,
        })
    }

    fn say(&mut self, value: &Value) -> io::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        out.write_all(format!("{value}\n").as_bytes())?;
        out.push()
    }
}

/// Takes the lines of an export.
impl Write for Replay {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        while let Some(end) = self.gathered.iter().position(|byte| *byte == b'\n') {
            let mut line: Vec<u8> = self.gathered.drain(..=end).collect();
            line.pop();
            self.line(&line)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
