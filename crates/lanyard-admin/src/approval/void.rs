//! Requests, and yeses that no call has used, that are good for nothing any more: a call that is made
//! now is another one to them. Nobody is asked to decide them.
//!
//! INVARIANT: nothing is allowed or refused by what is found here. What a yes fits is decided where
//! it is used; this tells people why it would not.

use lanyard_core::{Timestamp, ToolName};
use lanyard_store::{ApprovalRow, ApprovalState, Configuration, Role};

use crate::state::Shared;

/// A request with what it came to by now.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) row: ApprovalRow,
    /// The state, but for what made it void.
    pub(crate) state: ApprovalState,
    /// Why it is good for nothing any more, as the end of a sentence.
    pub(crate) void: Option<String>,
}

impl Judged {
    /// Whether it waits for somebody to decide it.
    pub(crate) fn waits(&self) -> bool {
        self.state == ApprovalState::Pending && self.void.is_none()
    }

    /// The word for what it came to.
    pub(crate) fn word(&self) -> &'static str {
        if self.void.is_some() { VOID } else { self.state.as_str() }
    }
}

/// The word for what is good for nothing any more.
pub(crate) const VOID: &str = "void";

impl Shared {
    /// Holds requests against what is in force.
    pub(crate) fn judged(
        &self,
        rows: Vec<ApprovalRow>,
        now: Timestamp,
    ) -> Result<Vec<Judged>, crate::error::ApiError> {
        let mut in_force = None;
        let mut judged = Vec::with_capacity(rows.len());
        for row in rows {
            let state = super::state(&row, now);
            let void = match state {
                ApprovalState::Pending | ApprovalState::Allowed => {
                    let in_force = match &in_force {
                        Some(in_force) => in_force,
                        None => in_force.insert(self.rows()?),
                    };
                    self.void(in_force, &row)
                }
                ApprovalState::Denied | ApprovalState::Used | ApprovalState::Expired => None,
            };
            judged.push(Judged { row, state, void });
        }
        Ok(judged)
    }

    fn void(&self, in_force: &Configuration, row: &ApprovalRow) -> Option<String> {
        agent_gone(in_force, row)
            .or_else(|| policy_changed(in_force, row))
            .or_else(|| self.tool_changed(in_force, row))
            .or_else(|| self.operator_gone(row))
    }

    fn tool_changed(&self, in_force: &Configuration, row: &ApprovalRow) -> Option<String> {
        let tool = ToolName::parse(&row.tool).ok();
        let pin = tool.and_then(|tool| self.parts.status.pin(&row.tenant, &row.server, &tool));
        let Some(pin) = pin else {
            return Some(
                "its tool is not there any more: removed, switched off, or in quarantine because \
                 it changed"
                    .to_owned(),
            );
        };
        if pin != row.pin {
            return Some("the definition of its tool was changed".to_owned());
        }
        let server = in_force.servers.iter().find(|server| server.name == row.server);
        let put = server.filter(|it| it.kind == "mcp" && it.updated_at > row.asked_at);
        put.map(|_| "its server was changed".to_owned())
    }

    fn operator_gone(&self, row: &ApprovalRow) -> Option<String> {
        let (by, at) = row.decided_by.as_ref().zip(row.decided_at)?;
        let operators = self.parts.store.operators().ok()?;
        let there = operators.iter().any(|operator| {
            let may = matches!(operator.role, Role::Owner | Role::Approver);
            operator.name == *by
                && operator.revoked_at.is_none()
                && may
                && operator.created_at <= at
        });
        (!there).then(|| format!("the operator {by}, who allowed it, was revoked"))
    }
}

fn agent_gone(in_force: &Configuration, row: &ApprovalRow) -> Option<String> {
    let agent = in_force.agents.iter().find(|agent| agent.name == row.agent);
    match agent {
        None => Some("its agent is gone".to_owned()),
        Some(agent) if agent.revoked_at.is_some() => Some("its agent was revoked".to_owned()),
        Some(agent) if agent.created_at > row.asked_at => {
            Some("its agent was revoked, and another one has its name".to_owned())
        }
        Some(_) => None,
    }
}

fn policy_changed(in_force: &Configuration, row: &ApprovalRow) -> Option<String> {
    let version = in_force.policies.first().map_or(0, |policy| policy.version);
    (version != row.policy).then(|| match version {
        0 => format!("version {} of the policy asked, and there is none any more", row.policy),
        _ => {
            format!("version {} of the policy asked, and version {version} is in force", row.policy)
        }
    })
}
