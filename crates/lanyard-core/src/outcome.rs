//! How a call can end other than by an answer: a denial is a decision, a failure is somebody's
//! fault. Each variant has one code (for records and logs) and one text (for the agent).
//!
//! INVARIANT: no text of a denial tells whether something exists that the agent may not see.

use thiserror::Error;

use crate::{RecordId, SecretName, ServerName, UserName};

/// A limit on calls that let one not through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReachedLimit {
    /// Which limit, in words that name nobody: `calls per day of this agent`.
    pub which: String,
    /// The same as records name it: `limit:alice/*/*`.
    pub limit: String,
    /// The seconds until it may be tried again; `None` where the call costs more than the limit
    /// ever allows.
    pub retry_after: Option<u32>,
}

/// A no by decision. `Display` is what the agent is told.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Denial {
    /// No token came with the request.
    #[error("a valid token is needed")]
    TokenMissing,
    /// A token came that nobody has, or that is damaged.
    #[error("a valid token is needed")]
    TokenUnknown,
    /// The token's time is over.
    #[error("a valid token is needed")]
    TokenExpired,
    /// The token or its agent was revoked.
    #[error("a valid token is needed")]
    TokenRevoked,
    /// A web page of another origin sent the request.
    #[error("requests from this origin are not accepted")]
    OriginForeign,
    /// The request names a host that this listener does not serve.
    #[error("this listener does not serve that host")]
    HostForeign,
    /// No such server.
    #[error("server not found")]
    ServerUnknown,
    /// The server exists and is switched off.
    #[error("server not found")]
    ServerDisabled,
    /// The server exists and nothing of it is granted to this agent.
    #[error("server not found")]
    ServerNotGranted,
    /// The server has no such tool, or its definition does not expose it.
    #[error("Tool {tool} not found")]
    ToolUnknown {
        /// The name as the agent wrote it.
        tool: String,
    },
    /// The tool exists and is not granted to this agent.
    #[error("Tool {tool} not found")]
    ToolNotGranted {
        /// The name as the agent wrote it.
        tool: String,
    },
    /// An operator put another definition of the tool in force after the client was shown one.
    #[error(
        "the definition of {tool} has changed since it was listed; list the tools again and read it before you call it"
    )]
    ToolChanged {
        /// The name as the agent wrote it.
        tool: String,
    },
    /// The agent may use it, and not for the user that it names.
    #[error(
        "this agent may not call for user {user} here; an operator can allow it with `lanyard grant --users`"
    )]
    UserNotGranted {
        /// The user as the agent named them.
        user: UserName,
    },
    /// Policies forbid it, with these arguments.
    #[error("{}", forbidden(.rules, .message.as_deref()))]
    PolicyForbids {
        /// The rules, in the order of the policy file.
        rules: Vec<String>,
        /// What they want to be said.
        message: Option<String>,
    },
    /// Policies that are about it cannot be evaluated.
    #[error(
        "the policy cannot be evaluated for this call ({}), so it was not made; an operator must look at it",
        named(.rules)
    )]
    PolicyUndecidable {
        /// The rules, in the order of the policy file.
        rules: Vec<String>,
    },
    /// No such prompt, or none that this agent may use.
    #[error("Prompt {prompt} not found")]
    PromptUnknown {
        /// The name as the agent wrote it.
        prompt: String,
    },
    /// No such resource or task, or none that this agent may use.
    #[error("Resource {uri} not found")]
    ResourceUnknown {
        /// The URI as the agent wrote it.
        uri: String,
    },
    /// No server of this agent has the method, or none that this agent may use as a whole.
    #[error("Method {method} not found")]
    MethodUnknown {
        /// The method as the agent wrote it.
        method: String,
    },
    /// The arguments break the tool's schema.
    #[error("{problem}")]
    ArgumentsInvalid {
        /// Which argument, which rule, and what kind of value came: never the value itself.
        problem: String,
    },
    /// An argument holds what looks like a credential.
    #[error(
        "{argument} holds what looks like a credential ({kind}), and credentials are not given to tools through agents; nothing was sent. Ask an operator to make an intake link with `lanyard secret intake NAME`: the person who has it types it there, where no model sees it"
    )]
    ArgumentCredential {
        /// Which argument, in words; nothing of its value.
        argument: String,
        /// What kind of credential.
        kind: &'static str,
    },
    /// A policy wants a person's yes, and nobody has decided yet.
    #[error(
        "a person has to approve this call first: {reason}; pending approval ID: {id}, retry the same call with the same arguments once it is approved"
    )]
    ApprovalNeeded {
        /// The approval that is waited for.
        id: RecordId,
        /// Why, in the policy's words.
        reason: String,
    },
    /// A person said no to exactly this call.
    #[error("a person refused this call{} (approval {id})", why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    ApprovalRefused {
        /// The approval.
        id: RecordId,
        /// What they said about it.
        why: Option<String>,
    },
    /// As many calls of this agent wait for a person as may.
    #[error(
        "a person has to approve this call first: {reason}; {waiting} calls of this agent wait for that already, retry when they are decided"
    )]
    ApprovalsFull {
        /// Why, in the policy's words.
        reason: String,
        /// How many wait.
        waiting: u64,
    },
    /// A limit on calls lets this one not through, or not now.
    #[error("{}", limit_reached(.0))]
    LimitReached(Box<ReachedLimit>),
}

impl Denial {
    /// The stable code in records, logs and `docs/ERRORS.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TokenMissing => "token_missing",
            Self::TokenUnknown => "token_unknown",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "token_revoked",
            Self::OriginForeign => "origin_foreign",
            Self::HostForeign => "host_foreign",
            Self::ServerUnknown => "server_unknown",
            Self::ServerDisabled => "server_disabled",
            Self::ServerNotGranted => "server_not_granted",
            Self::ToolUnknown { tool: _ } => "tool_unknown",
            Self::ToolNotGranted { tool: _ } => "tool_not_granted",
            Self::ToolChanged { tool: _ } => "tool_changed",
            Self::UserNotGranted { user: _ } => "user_not_granted",
            Self::PolicyForbids { .. } => "policy_forbids",
            Self::PolicyUndecidable { .. } => "policy_undecidable",
            Self::PromptUnknown { prompt: _ } => "prompt_unknown",
            Self::ResourceUnknown { uri: _ } => "resource_unknown",
            Self::MethodUnknown { method: _ } => "method_unknown",
            Self::ArgumentsInvalid { problem: _ } => "arguments_invalid",
            Self::ArgumentCredential { argument: _, kind: _ } => "argument_credential",
            Self::ApprovalNeeded { id: _, reason: _ } => "approval_needed",
            Self::ApprovalRefused { id: _, why: _ } => "approval_refused",
            Self::ApprovalsFull { reason: _, waiting: _ } => "approvals_full",
            Self::LimitReached(_) => "limit_reached",
        }
    }
}

/// Rules by their names.
fn named(rules: &[String]) -> String {
    let names: Vec<String> = rules.iter().map(|rule| format!("`{rule}`")).collect();
    let noun = if names.len() == 1 { "rule" } else { "rules" };
    format!("{noun} {}", names.join(", "))
}

fn forbidden(rules: &[String], message: Option<&str>) -> String {
    match message {
        Some(message) => format!("forbidden by policy ({}): {message}", named(rules)),
        None => format!("forbidden by policy ({})", named(rules)),
    }
}

/// Which limit, and when to come again.
fn limit_reached(reached: &ReachedLimit) -> String {
    let which = &reached.which;
    match reached.retry_after {
        None => format!("this call costs more than the limit on {which} ever allows"),
        Some(seconds) => {
            format!("the limit on {which} is reached; try again in {}", about(seconds))
        }
    }
}

/// A span of time as people say it, rounded up: who waits that long has waited long enough.
fn about(seconds: u32) -> String {
    match seconds {
        0..=1 => String::from("1 second"),
        2..=119 => format!("{seconds} seconds"),
        120..=7199 => format!("{} minutes", seconds.div_ceil(60)),
        7200.. => format!("{} hours", seconds.div_ceil(3600)),
    }
}

/// What is missing, and the command that sets it.
fn no_user_credential(server: &ServerName, user: Option<&UserName>) -> String {
    match user {
        Some(user) => format!(
            "user {user} has no credential for this server; an operator can set it with `lanyard user credential set {server} {user}`"
        ),
        None => format!(
            "this server is called with users' own credentials, and the call names no user: the header X-Lanyard-User names one whose credential an operator set with `lanyard user credential set {server} USER`"
        ),
    }
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The agent's arguments or its connection.
    Caller,
    /// The definition or a secret: an operator can put it right.
    Operator,
    /// The server behind the gateway.
    Upstream,
    /// Lanyard itself.
    Gateway,
}

/// A call that was allowed and could not be carried out. `Display` is what the agent is told:
/// whose fault it is, and nothing of the upstream's internals.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// The arguments cannot be written into a request (an empty path segment, a line break in a
    /// header, a body that would be no JSON).
    #[error("the request cannot be built: {problem}")]
    RequestUnbuildable {
        /// What is wrong, without any value.
        problem: String,
    },
    /// A secret that the request needs has no value yet.
    #[error("the credential {} is not set; an operator can set it with `lanyard secret set {}`", .name.reference(), .name)]
    SecretUnset {
        /// The secret.
        name: SecretName,
    },
    /// A secret may not go where this request goes.
    #[error("the credential {} is not bound to the origin of this request; an operator can bind it", .name.reference())]
    SecretOrigin {
        /// The secret.
        name: SecretName,
    },
    /// A secret could not be opened.
    #[error("the credential {} cannot be opened; the gateway's log says why", .name.reference())]
    SecretUnreadable {
        /// The secret.
        name: SecretName,
    },
    /// The host's name leads to an address that this server may not use.
    #[error("the server's address is private or reserved and was not allowed for it")]
    AddressForbidden,
    /// No connection: name not found, refused, reset, or TLS not agreed.
    #[error("the server cannot be reached")]
    Unreachable,
    /// No answer within the server's time limit.
    #[error("the server did not answer in time; the call may have taken effect")]
    TimedOut,
    /// The server answered with a redirect, which is never followed.
    #[error("the server answered with a redirect, which is not followed")]
    Redirected,
    /// The answer passed the size limit.
    #[error("the server's answer is larger than the limit")]
    AnswerTooLarge,
    /// The answer is not what the definition expects.
    #[error("the server's answer cannot be used: {problem}")]
    AnswerUnusable {
        /// What is wrong, without any value.
        problem: String,
    },
    /// The server is known to be down; it is tried again on its own.
    #[error("the server is not available at the moment; try again later")]
    ServerUnavailable,
    /// As much runs on the server as may at a time.
    #[error("the server is busy with as many calls as it may have; try again later")]
    ServerBusy,
    /// The server's process cannot be started.
    #[error("the server's process cannot be started: {problem}")]
    ServerStart {
        /// Why, without arguments and environment.
        problem: String,
    },
    /// The server's process, or its conversation, ended before the answer.
    #[error("the server ended before it answered; the call may have taken effect")]
    ServerEnded,
    /// The server refused the credential.
    #[error("the server refused the credential; an operator can set another")]
    CredentialRejected,
    /// The server is called with users' own credentials, and the user has none, or was not named.
    #[error("{}", no_user_credential(.server, .user.as_ref()))]
    UserCredentialMissing {
        /// The server.
        server: ServerName,
        /// The user; `None` where the call names none.
        user: Option<UserName>,
    },
    /// The server asked the client for something that it did not offer, or did not answer.
    #[error("the server asked the client for something it cannot give: {problem}")]
    ClientUnable {
        /// What.
        problem: String,
    },
    /// The agent went away, or its access ended, before the answer.
    #[error("the call was cancelled")]
    Cancelled,
    /// The record could not be written, so the call was not made.
    #[error(
        "the call cannot be recorded, so it was not made; an operator must look at the gateway's disk"
    )]
    Unrecordable,
    /// A defect of Lanyard.
    #[error("the gateway failed; its log says more")]
    Bug,
}

impl Failure {
    /// The stable code in records, logs and `docs/ERRORS.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::RequestUnbuildable { problem: _ } => "request_unbuildable",
            Self::SecretUnset { name: _ } => "secret_unset",
            Self::SecretOrigin { name: _ } => "secret_origin",
            Self::SecretUnreadable { name: _ } => "secret_unreadable",
            Self::AddressForbidden => "address_forbidden",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Redirected => "redirected",
            Self::AnswerTooLarge => "answer_too_large",
            Self::AnswerUnusable { problem: _ } => "answer_unusable",
            Self::ServerUnavailable => "server_unavailable",
            Self::ServerBusy => "server_busy",
            Self::ServerStart { problem: _ } => "server_start",
            Self::ServerEnded => "server_ended",
            Self::CredentialRejected => "credential_rejected",
            Self::UserCredentialMissing { server: _, user: _ } => "user_credential_missing",
            Self::ClientUnable { problem: _ } => "client_unable",
            Self::Cancelled => "cancelled",
            Self::Unrecordable => "unrecordable",
            Self::Bug => "bug",
        }
    }

    /// Whose fault it is.
    pub fn blame(&self) -> Blame {
        match self {
            Self::RequestUnbuildable { problem: _ }
            | Self::ClientUnable { problem: _ }
            | Self::Cancelled => Blame::Caller,
            Self::SecretUnset { name: _ }
            | Self::SecretOrigin { name: _ }
            | Self::ServerStart { problem: _ }
            | Self::CredentialRejected
            | Self::UserCredentialMissing { server: _, user: _ }
            | Self::AddressForbidden => Blame::Operator,
            Self::Unreachable
            | Self::ServerUnavailable
            | Self::ServerBusy
            | Self::ServerEnded
            | Self::TimedOut
            | Self::Redirected
            | Self::AnswerTooLarge
            | Self::AnswerUnusable { problem: _ } => Blame::Upstream,
            Self::SecretUnreadable { name: _ } | Self::Unrecordable | Self::Bug => Blame::Gateway,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Denial, ReachedLimit};

    #[test]
    fn a_limit_says_when_to_come_again_and_never_too_early() {
        for (seconds, expected) in [
            (0, "1 second"),
            (1, "1 second"),
            (2, "2 seconds"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (121, "3 minutes"),
            (7199, "120 minutes"),
            (7200, "2 hours"),
            (54_001, "16 hours"),
        ] {
            let denial = Denial::LimitReached(Box::new(ReachedLimit {
                which: "calls per day of this agent".to_owned(),
                limit: "limit:alice/*/*".to_owned(),
                retry_after: Some(seconds),
            }));
            let text = "the limit on calls per day of this agent is reached; try again in";
            assert_eq!(denial.to_string(), format!("{text} {expected}"));
        }
    }
}
