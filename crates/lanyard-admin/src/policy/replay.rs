//! What other policies would have said of the calls in the log.
//!
//! Records hold no arguments, so that some calls cannot be decided again: they are counted as
//! undecidable. Agents, grants and tools are those of now.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use lanyard_core::{Peer, ServerName, Timestamp, TokenId, ToolName, UserName};
use lanyard_policy::{
    Action, Circumstances, Grants, Moment, ObjectRules, Policies, Prospect, Recorded, SubjectRules,
    Transport,
};
use lanyard_store::Configuration;
use lanyard_store::audit::{self, Filter};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::TextRequest;
use super::check::at;
use super::world::subject;
use crate::Admin;
use crate::actor::Reader;
use crate::asked::Asked;
use crate::error::ApiError;
use crate::grant::all_grants;
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

/// The members of a record that are read here.
#[derive(Deserialize)]
struct Read<'a> {
    kind: &'a str,
    time: &'a str,
    #[serde(default)]
    tenant: &'a str,
    #[serde(default)]
    method: &'a str,
    agent: Option<&'a str>,
    user: Option<&'a str>,
    token: Option<&'a str>,
    peer: Option<&'a str>,
    server: Option<&'a str>,
    tool: Option<&'a str>,
}

/// A call is known by its agent, server and tool.
type Place = (String, String, String);

/// Reads lines of the log and counts.
struct Replay {
    tenant: String,
    policies: Policies,
    agents: HashMap<String, (SubjectRules, Grants)>,
    tools: HashMap<(String, String), (ServerName, ToolName, ObjectRules)>,
    out: Option<Lines>,
    gathered: Vec<u8>,
    /// The first and the last time that are looked at, for telling how far it is.
    span: (Timestamp, Timestamp),
    /// The time of the last record.
    at: Option<Timestamp>,
    lines: u64,
    calls: u64,
    unknown: u64,
    same: u64,
    counts: BTreeMap<(&'static str, &'static str), u64>,
    changed: BTreeMap<(Place, &'static str, &'static str), u64>,
}

impl Replay {
    fn new(shared: &Shared, policies: Policies, rows: &Configuration) -> Result<Self, ApiError> {
        let mut grants = all_grants(rows).map_err(ApiError::conflict)?;
        let mut agents = HashMap::new();
        for row in rows.agents.iter().filter(|row| row.revoked_at.is_none()) {
            let known = (subject(&policies, row), grants.take(&row.tenant, &row.name));
            agents.insert(row.name.to_string(), known);
        }
        let mut tools = HashMap::new();
        for thing in shared.things(rows) {
            if let (server, Some(tool)) = thing.about() {
                let key = (server.to_string(), tool.to_string());
                let rules = thing.rules(&policies, &shared.tenant);
                tools.insert(key, (server.clone(), tool.clone(), rules));
            }
        }
        Ok(Self {
            tenant: shared.tenant.to_string(),
            policies,
            agents,
            tools,
            out: None,
            gathered: Vec::new(),
            span: (Timestamp(0), Timestamp(0)),
            at: None,
            lines: 0,
            calls: 0,
            unknown: 0,
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
        let Ok(read) = serde_json::from_slice::<Read<'_>>(line) else { return Ok(()) };
        let was = match read.kind {
            "call.open" => "allowed",
            "call.denied" => "denied",
            _ => return Ok(()),
        };
        self.at = time(read.time);
        if read.method != "tools/call" || read.tenant != self.tenant {
            return Ok(());
        }
        self.calls = self.calls.saturating_add(1);
        let Some((place, prospect)) = self.prospect(&read) else {
            self.unknown = self.unknown.saturating_add(1);
            return Ok(());
        };
        let is = prospect.as_str();
        if was == is {
            self.same = self.same.saturating_add(1);
        } else if prospect != Prospect::Undecidable {
            let count = self.changed.entry((place, was, is)).or_default();
            *count = count.saturating_add(1);
        }
        let count = self.counts.entry((was, is)).or_default();
        *count = count.saturating_add(1);
        Ok(())
    }

    /// What would be decided; none where agent or tool are not there any more.
    fn prospect(&self, read: &Read<'_>) -> Option<(Place, Prospect)> {
        let place = (read.agent?.to_owned(), read.server?.to_owned(), read.tool?.to_owned());
        let (subject, grants) = self.agents.get(&place.0)?;
        let (server, tool, object) = self.tools.get(&(place.1.clone(), place.2.clone()))?;
        let user = read.user.and_then(|it| UserName::parse(it).ok());
        let token = read.token.and_then(|it| TokenId::parse(it).ok());
        let now = time(read.time)?;
        let peer = read.peer.and_then(peer).unwrap_or(at(now).peer);
        let circumstances = Circumstances {
            user: user.as_ref(),
            token: token.as_ref(),
            peer,
            transport: Transport::of(peer),
            now,
        };
        let (arguments, known) = (Map::new(), BTreeSet::new());
        let action = Action::Call;
        let (arguments, known, moment) = (&arguments, &known, Moment::Known);
        let recorded = Recorded { circumstances, moment, action, arguments, known };
        let about = (server, Some(tool));
        let prospect = self.policies.foresee(subject, object, grants, about, &recorded);
        Some((place, prospect))
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

fn time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(time.as_microsecond()))
}

/// The peer of a record: `127.0.0.1:50000`, `uid:1000` or `uid:1000,pid:77`.
fn peer(text: &str) -> Option<Peer> {
    let Some(unix) = text.strip_prefix("uid:") else {
        return text.parse().ok().map(Peer::Tcp);
    };
    let (uid, pid) = unix.split_once(",pid:").map_or((unix, None), |(uid, pid)| (uid, Some(pid)));
    Some(Peer::Unix { uid: uid.parse().ok()?, pid: pid.and_then(|it| it.parse().ok()) })
}
