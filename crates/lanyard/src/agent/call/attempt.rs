//! One call: the schema where it is needed, the check, the sending, the correction of a name.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::agent::arguments::{Given, Texts, coerce};
use crate::agent::client::{ClientError, Session, Tool};
use crate::agent::issue::{Issue, IssueKind};
use crate::agent::list::near_or_all;
use crate::agent::nearest::nearest;
use crate::agent::signature::short_signature;
use crate::agent::streams::Streams;
use crate::agent::target::Server;

/// JSON-RPC: the parameters of a request are refused; an unknown tool among them.
const INVALID_PARAMS: i64 = -32602;
/// Names that list the tools where no tool has them.
const LIST_INSTEAD: [&str; 2] = ["help", "list_tools"];
/// What is added to a failure after the call was sent.
pub(in crate::agent) const MAY_HAVE_HAPPENED: &str =
    " The call was sent and may have taken effect.";
/// How long the end of a session may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A call that is being made.
#[derive(Debug)]
pub(in crate::agent) struct Attempt<'a> {
    pub(in crate::agent) server: &'a Server,
    pub(in crate::agent) tool: String,
    /// The object of `--args`.
    pub(in crate::agent) base: Option<Map<String, Value>>,
    pub(in crate::agent) given: Given,
    pub(in crate::agent) texts: Texts,
    pub(in crate::agent) stage: Stage,
}

/// How far a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::agent) enum Stage {
    /// Nothing has reached the tool.
    Before,
    /// The call is out; what it did is not known before the answer.
    Sent,
}

impl Attempt<'_> {
    /// Makes the call. `None` where the tools are to be listed instead.
    pub(in crate::agent) async fn run(
        &mut self,
        streams: &mut Streams<'_>,
    ) -> Result<Option<Value>, Issue> {
        if !self.server.filter.shows(&self.tool) {
            return Err(Issue::other(format!("the configuration file hides {}", self.tool)));
        }
        let endpoint = self.server.endpoint.clone()?;
        let mut session = Session::open(endpoint).await.map_err(|it| self.issue(&it))?;
        let outcome = self.talk(&mut session, streams).await;
        let closed = tokio::time::timeout(CLOSE_TIMEOUT, session.close()).await;
        tracing::debug!(in_time = closed.is_ok(), "The conversation is over.");
        outcome
    }

    async fn talk(
        &mut self,
        session: &mut Session,
        streams: &mut Streams<'_>,
    ) -> Result<Option<Value>, Issue> {
        let mut tools = None;
        if self.needs_schema() {
            tools = Some(session.list_tools().await.map_err(|it| self.issue(&it))?);
        }
        let listed = tools.as_deref().and_then(|tools| find(tools, &self.tool)).cloned();
        if let (Some(tools), None, false) = (&tools, &listed, self.given.positional.is_empty()) {
            // Without a schema, values without a name have no place; there is nothing to send.
            return Err(self.not_found(tools));
        }
        let outcome = self.send(session, listed.as_ref()).await?;
        if listed.is_some() || !says_unknown(&outcome, &self.tool) {
            return outcome.map(Some).map_err(|it| self.issue(&it));
        }
        // Only now, when the server itself says that it has no such tool, is another one tried.
        let tools = match tools {
            Some(tools) => tools,
            None => session.list_tools().await.map_err(|it| self.issue(&it))?,
        };
        if find(&tools, &self.tool).is_some() {
            return outcome.map(Some).map_err(|it| self.issue(&it));
        }
        self.correct(session, &tools, streams).await
    }

    async fn correct(
        &mut self,
        session: &mut Session,
        tools: &[Tool],
        streams: &mut Streams<'_>,
    ) -> Result<Option<Value>, Issue> {
        let names = tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>();
        let server = &self.server.name;
        let near = nearest(&self.tool, names.iter().copied());
        if let Some(tool) = near.and_then(|name| find(tools, name)) {
            streams.notice(&format!(
                "Auto-corrected tool call to {server}.{} (input: {}).",
                tool.name, self.tool
            ));
            self.tool.clone_from(&tool.name);
            let outcome = self.send(session, Some(tool)).await?;
            return outcome.map(Some).map_err(|it| self.issue(&it));
        }
        if LIST_INSTEAD.contains(&self.tool.as_str()) {
            streams.notice(&format!("{server} has no tool {}; listing its tools.", self.tool));
            return Ok(None);
        }
        Err(self.not_found(tools))
    }

    fn not_found(&self, tools: &[Tool]) -> Issue {
        let names = tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>();
        let hint = near_or_all(&self.tool, &names);
        Issue::other(format!("Tool {} not found.{hint}", self.tool))
    }

    /// Checks the arguments and sends the call. The outer error is a call that was not sent.
    async fn send(
        &mut self,
        session: &mut Session,
        tool: Option<&Tool>,
    ) -> Result<Result<Value, ClientError>, Issue> {
        let schema = tool.map(|tool| &tool.input_schema);
        let base = self.base.clone().unwrap_or_default();
        let arguments = if self.needs_schema() {
            let coercion = coerce(base, &self.given, schema, self.texts);
            if !coercion.problems.is_empty() {
                let problems = coercion.problems.join("; ");
                let signature = tool.map(|tool| format!(". Signature: {}", short_signature(tool)));
                return Err(Issue::usage(format!("{problems}{}", signature.unwrap_or_default())));
            }
            coercion.arguments
        } else {
            base
        };
        self.stage = Stage::Sent;
        Ok(session.call_tool(&self.tool, &arguments, schema).await)
    }

    /// An object of `--args` alone is sent as given; everything else is read by the schema.
    fn needs_schema(&self) -> bool {
        let has_more = !self.given.named.is_empty() || !self.given.positional.is_empty();
        self.base.is_none() || has_more
    }

    fn issue(&self, problem: &ClientError) -> Issue {
        let mut issue = Issue::from_client(problem, self.server.answerer);
        if self.stage == Stage::Sent && issue.kind == IssueKind::Offline {
            let said = issue.message.trim_end_matches('.');
            issue.message = format!("{said}.{MAY_HAVE_HAPPENED}");
        }
        issue
    }
}

fn find<'a>(tools: &'a [Tool], name: &str) -> Option<&'a Tool> {
    tools.iter().find(|tool| tool.name == name)
}

/// Whether the answer is that there is no such tool. The wording is part of the contract with
/// mcporter: servers say it in an error or in a result.
fn says_unknown(outcome: &Result<Value, ClientError>, tool: &str) -> bool {
    let text = match outcome {
        Err(ClientError::Rpc { code: INVALID_PARAMS, message, .. }) => message.as_str(),
        Ok(result) if result.get("isError") == Some(&Value::Bool(true)) => {
            result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_default()
        }
        Ok(_) | Err(_) => return false,
    };
    let text = text.to_lowercase();
    let tool = tool.to_lowercase();
    [
        format!("tool {tool} not found"),
        format!("unknown tool: {tool}"),
        format!("unknown tool {tool}"),
    ]
    .iter()
    .any(|wording| text.contains(wording))
}
