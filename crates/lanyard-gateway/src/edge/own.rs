//! `GET /v1/agent/servers/NAME`: what an agent may know of one server beyond what its tools' lists
//! say: which tools change nothing, the whole text of their descriptions, and what became of its own
//! calls, in numbers.
//!
//! INVARIANT: an answer tells of tools that the agent is shown, and of calls that it made itself.
//! It holds no argument, no answer, and nothing of another agent or tenant.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use lanyard_core::{AgentName, Limits, ServerName, TenantName, Timestamp};
use lanyard_store::audit::{CallError, ToolUsage, Usage, Whose, usage};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::reply::{self, Reply};
use super::request::Context;
use crate::snapshot::{Offered, ServerEntry};

/// Reads of the log for agents that run at a time, so that they do not take the disk from calls.
const READS_MAX: usize = 2;

/// Who reads its own records now.
#[derive(Debug, Clone)]
pub(super) struct OwnReads {
    /// One read of an agent at a time: one that asks on and on keeps nobody else waiting.
    reading: Arc<Mutex<HashSet<Reader>>>,
    places: Arc<Semaphore>,
}

type Reader = (TenantName, AgentName);

impl Default for OwnReads {
    fn default() -> Self {
        Self { reading: Arc::default(), places: Arc::new(Semaphore::new(READS_MAX)) }
    }
}

/// An agent's one read, from its question to the end of the reading.
#[derive(Debug)]
struct Turn {
    reads: OwnReads,
    whose: Reader,
}

impl OwnReads {
    fn turn(&self, whose: Reader) -> Option<Turn> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        // Not made where another one runs: its end would end that one's turn.
        reading.insert(whose.clone()).then(|| Turn { reads: self.clone(), whose })
    }
}

impl Turn {
    /// Reads where blocking is allowed, once there is a place. A read that runs goes on when whoever
    /// asked has hung up, so the turn and the place end with it, and not with the request.
    async fn read<T: Send + 'static>(self, read: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let place = Arc::clone(&self.reads.places).acquire_owned().await.ok()?;
        let held = (self, place);
        let read = tokio::task::spawn_blocking(move || {
            let read = read();
            drop(held);
            read
        });
        read.await.ok()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut reading = self.reads.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.remove(&self.whose);
    }
}

/// Answers for one server.
pub(super) async fn agent_server(mut context: Context, name: &ServerName) -> Reply {
    if let Err(denial) = context.reachable() {
        return context.deny(&denial);
    }
    let agent = &context.identity.agent;
    let turn = context.core.own_reads.turn((agent.tenant.clone(), agent.name.clone()));
    let Some(turn) = turn else { return reply::too_many() };
    let read = read(&context, turn, name).await;
    // Reading takes its time, and access can end meanwhile.
    if let Err(denial) = context.renew().and_then(|()| context.reachable()) {
        return context.deny(&denial);
    }
    let Some(read) = read else {
        let text = "the records cannot be read; the gateway's log says why";
        return reply::text(StatusCode::INTERNAL_SERVER_ERROR, text);
    };
    let viewer = context.viewer();
    let server = match context.snapshot.server(viewer, name) {
        Ok(server) => server,
        Err(denial) => return context.deny(&denial),
    };
    let tools: Vec<Value> =
        context.snapshot.tools_of(viewer, server).map(|offered| tool(&offered, &read)).collect();
    let limits = &context.core.limits;
    let body = json!({
        "agent": viewer.agent.name.as_str(),
        "name": server.name.as_str(),
        "description": server.description,
        "limits": limits_of(server, limits),
        "records": {
            "days": Limits::span(limits.own_records_ms_max).as_secs() / SECONDS_A_DAY,
            "more": read.more,
        },
        "tools": tools,
    });
    reply::json(StatusCode::OK, body.to_string())
}

const SECONDS_A_DAY: u64 = 86_400;

/// The limits that a call of a server meets.
fn limits_of(server: &ServerEntry, limits: &Limits) -> Value {
    json!({
        "call_ms_max": u64::try_from(server.timeout.as_millis()).unwrap_or(u64::MAX),
        "request_body_bytes_max": limits.request_body_bytes_max,
        "answer_bytes_max": limits.answer_bytes_max,
        "agent_calls_max": limits.agent_calls_max,
    })
}

/// Reads what became of the agent's calls.
async fn read(context: &Context, turn: Turn, server: &ServerName) -> Option<Usage> {
    let core = Arc::clone(&context.core);
    let agent = &context.identity.agent;
    let whose =
        Whose { tenant: agent.tenant.clone(), agent: agent.name.clone(), server: server.clone() };
    let since = before(core.clock.now(), Limits::span(core.limits.own_records_ms_max));
    let read = turn.read(move || {
        usage(core.log.directory(), &whose, since, core.limits.own_records_bytes_max)
    });
    match read.await? {
        Ok(usage) => Some(usage),
        Err(error) => {
            tracing::error!(%error, "An agent's own records could not be read.");
            None
        }
    }
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    Timestamp(now.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
}

/// One tool: what is said of it, and what became of its calls.
fn tool(offered: &Offered<'_>, read: &Usage) -> Value {
    let long = offered.tool.as_rest().and_then(|rest| rest.tool.long_description.as_deref());
    let mut said = json!({
        "name": offered.listed_as,
        "long_description": long,
    });
    // On an endpoint of all servers a tool has another name; its records have its own.
    let used =
        read.tools.get(offered.listed_as).or_else(|| read.tools.get(offered.tool.name().as_str()));
    if let (Some(used), Some(said)) = (used, said.as_object_mut()) {
        said.insert("calls".to_owned(), used.calls.into());
        said.insert("answered".to_owned(), used.answered.into());
        said.insert("took_micros".to_owned(), spread(&used.took_micros));
        said.insert("result_bytes".to_owned(), spread(&used.result_bytes));
        said.insert("errors".to_owned(), used.errors.iter().map(error).collect());
    }
    said
}

/// Half of all, nearly all, and the most.
fn spread(sorted: &[u64]) -> Value {
    match sorted.last() {
        Some(most) => json!({
            "p50": ToolUsage::percentile(sorted, 50),
            "p95": ToolUsage::percentile(sorted, 95),
            "max": most,
        }),
        None => Value::Null,
    }
}

fn error((error, count): (&CallError, &u64)) -> Value {
    let CallError { code, upstream_status, field, limit } = error;
    json!({
        "code": code,
        "status": upstream_status,
        "argument": field,
        "limit": limit,
        "count": count,
    })
}

#[cfg(test)]
mod tests;
