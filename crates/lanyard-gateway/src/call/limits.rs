//! The limits on calls that a call takes its place with: after it was allowed, before its record is
//! opened. Without any limit in the tenant this looks at one pointer and does nothing else.

use lanyard_core::{Denial, ReachedLimit, Timestamp, whole_seconds};
use lanyard_policy::limit::{LimitReached, LimitedCall, Taken, Wait};

use super::Beside;
use crate::snapshot::{AgentEntry, ServerEntry, ToolEntry};

/// Takes a place for a tool's call with every limit that fits, or with none and says which lets
/// it not through.
pub(super) fn take_for_tool(
    agent: &AgentEntry,
    server: &ServerEntry,
    tool: &ToolEntry,
    now: Timestamp,
) -> Result<Taken, Denial> {
    take(agent, server, Some(tool), now)
}

/// The same for what is no tool. Only what brings something counts: a prompt that is got, a
/// resource that is read.
pub(super) fn take_beside(
    agent: &AgentEntry,
    server: &ServerEntry,
    (method, beside): (&str, &Beside<'_>),
    now: Timestamp,
) -> Result<Taken, Denial> {
    match (method, beside) {
        ("prompts/get", Beside::Prompt(_)) | ("resources/read", Beside::Resource(_)) => {
            take(agent, server, None, now)
        }
        (
            _,
            Beside::Prompt(_)
            | Beside::Resource(_)
            | Beside::PromptReference(_)
            | Beside::ResourceReference(_)
            | Beside::Task(_)
            | Beside::Other(_),
        ) => Ok(Taken::none()),
    }
}

fn take(
    agent: &AgentEntry,
    server: &ServerEntry,
    tool: Option<&ToolEntry>,
    now: Timestamp,
) -> Result<Taken, Denial> {
    let Some(limits) = &agent.limits else { return Ok(Taken::none()) };
    let call = LimitedCall {
        agent: &agent.name,
        server: &server.name,
        tool: tool.map(ToolEntry::name),
        cost: tool.map_or(server.cost, ToolEntry::cost),
    };
    limits.take(&call, now).map_err(denial)
}

fn denial(reached: LimitReached) -> Denial {
    let LimitReached { which, limit, wait } = reached;
    let retry_after = match wait {
        Wait::For(span) => Some(u32::try_from(whole_seconds(span)).unwrap_or(u32::MAX)),
        Wait::Never => None,
    };
    Denial::LimitReached(Box::new(ReachedLimit { which, limit, retry_after }))
}
