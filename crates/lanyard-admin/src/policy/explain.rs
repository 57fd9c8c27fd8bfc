//! A decision in words: of a call that could be made, or of a record.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use lanyard_core::{AgentName, RecordId, ServerName, ToolName, UserName};
use lanyard_policy::{
    Action, Ask, Circumstances, Explanation, RuleExplanation, SessionFacts, Verdict, Why,
};
use lanyard_store::audit::{self, Filter};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::check::at;
use super::world::{Thing, What, subject};
use crate::Admin;
use crate::actor::Reader;
use crate::asked::Asked;
use crate::error::ApiError;
use crate::grant::all_grants;
use crate::state::Shared;

/// What is to be explained: a record, or a call of an agent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainRequest {
    record: Option<String>,
    agent: Option<String>,
    server: Option<String>,
    tool: Option<String>,
    user: Option<String>,
    /// Arguments with their values as JSON.
    #[serde(default)]
    arguments: Map<String, Value>,
    /// Arguments as texts, read by the types of the tool's schema.
    #[serde(default)]
    texts: BTreeMap<String, String>,
}

pub(crate) async fn explain(
    State(admin): State<Admin>,
    _: Reader,
    Asked(request): Asked<ExplainRequest>,
) -> Result<Json<Value>, ApiError> {
    let explained = admin.blocking(move |shared| shared.explained(request)).await?;
    Ok(Json(explained))
}

impl Shared {
    fn explained(&self, request: ExplainRequest) -> Result<Value, ApiError> {
        if let Some(id) = &request.record {
            return self.recorded(&RecordId::parse(id)?);
        }
        let (Some(agent), Some(server), Some(tool)) =
            (&request.agent, &request.server, &request.tool)
        else {
            return Err(ApiError::invalid("name a record, or an agent with a server and a tool"));
        };
        let agent = AgentName::parse(agent)?;
        let about = (ServerName::parse(server)?, ToolName::parse(tool)?);
        let user = request.user.as_deref().map(UserName::parse).transpose()?;
        let rows = self.rows()?;
        let row = rows.agents.iter().find(|row| row.name == agent && row.revoked_at.is_none());
        let row = row.ok_or_else(|| crate::agent::no_agent(&agent))?;
        let things = self.things(&rows);
        let thing = things.iter().find(|it| it.about() == (&about.0, Some(&about.1)));
        let thing = thing.ok_or_else(|| {
            let (server, tool) = &about;
            ApiError::not_found(format!("server `{server}` has no tool `{tool}` that can be used"))
        })?;
        let mut arguments = request.arguments;
        arguments.extend(typed(thing, request.texts));
        let policies = self.policies(&rows.policies)?;
        let (object, subject) = (thing.rules(&policies, &self.tenant), subject(&policies, row));
        let grants = all_grants(&rows).map_err(ApiError::conflict)?.take(&self.tenant, &agent);
        let session = SessionFacts::default();
        let circumstances = Circumstances { user: user.as_ref(), ..at(self.parts.clock.now()) };
        let ask =
            Ask { circumstances, session: &session, action: Action::Call, arguments: &arguments };
        let explanation = policies.explain(&subject, &object, &grants, thing.about(), &ask);
        let mut shown = explanation_json(&explanation);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("policy".to_owned(), json!(policies.version()));
        }
        Ok(shown)
    }

    /// What a record says of its decision, with the rules as they were then. It holds no arguments.
    fn recorded(&self, id: &RecordId) -> Result<Value, ApiError> {
        let filter = Filter { id: Some(id.clone()), limit: Some(1), ..Filter::default() };
        let found = audit::search(&self.parts.audit_directory, &filter)
            .map_err(|error| ApiError::internal("the audit log could not be read", &error))?;
        let record = found.first().and_then(|it| serde_json::from_str::<Value>(&it.record).ok());
        let record = record.filter(|it| member(it, "tenant") == self.tenant.as_str());
        let record = record.ok_or_else(|| {
            ApiError::not_found(format!("there is no record `{id}`; see `lanyard audit search`"))
        })?;
        if !matches!(member(&record, "kind"), "call.open" | "call.denied") {
            return Err(ApiError::invalid(format!("record `{id}` is not of a call")));
        }
        let version = record.get("policy").and_then(Value::as_u64).unwrap_or(0);
        let rows = self.parts.store.policies(&self.tenant)?;
        let row = rows.iter().find(|row| row.version == version);
        let then = row.map(|row| self.policies(std::slice::from_ref(row))).transpose()?;
        let named = named(&record);
        let rules = then.iter().flat_map(|it| it.rules());
        let rules = rules.filter(|rule| named.contains(&rule.id)).map(super::rule_json);
        Ok(json!({ "record": record, "policy": version, "rules": rules.collect::<Vec<_>>() }))
    }
}

fn member<'a>(record: &'a Value, key: &str) -> &'a str {
    record.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The ids of the rules that a record names.
fn named(record: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    for key in ["allowed_by", "denied_by", "shadow"] {
        match record.get(key) {
            Some(Value::String(text)) => texts.push(text.as_str()),
            Some(Value::Array(list)) => texts.extend(list.iter().filter_map(Value::as_str)),
            Some(_) | None => {}
        }
    }
    texts.iter().filter_map(|text| text.strip_prefix("policy:")).map(str::to_owned).collect()
}

/// Texts of a command line as the schema of the tool wants them.
fn typed(thing: &Thing, texts: BTreeMap<String, String>) -> Vec<(String, Value)> {
    let of_schema = |name: &str| match &thing.what {
        What::Tool { input_schema, .. } => {
            input_schema.get("properties")?.get(name)?.get("type")?.as_str()
        }
        What::Prompt(_) | What::Resource(_) | What::Server => None,
    };
    let value = |name: &str, text: String| match of_schema(name) {
        Some("string") => Value::String(text),
        Some(_) | None => serde_json::from_str(&text).unwrap_or(Value::String(text)),
    };
    texts.into_iter().map(|(name, text)| (name.clone(), value(&name, text))).collect()
}

fn explanation_json(explanation: &Explanation) -> Value {
    let (verdict, why, by, shadow) = match &explanation.verdict {
        Verdict::Allowed(permit) => ("allowed", None, permit.by.clone(), permit.shadow.clone()),
        Verdict::NeedsApproval(need) => {
            ("needs approval", Some(need.reason.clone()), need.rules.clone(), Vec::new())
        }
        Verdict::Denied(no) => {
            let (why, by) = match &no.why {
                Why::NotGranted(why) => (Some(why.to_string()), Vec::new()),
                Why::Forbidden { rules, message } => (message.clone(), rules.clone()),
                Why::Undecidable { rules, problem } => (Some(problem.clone()), rules.clone()),
            };
            ("denied", why, by, no.shadow.clone())
        }
    };
    json!({
        "verdict": verdict,
        "why": why,
        "by": by,
        "shadow": shadow,
        "grant": explanation.grant.as_ref().map(ToString::to_string),
        "rules": explanation.rules.iter().map(said_json).collect::<Vec<_>>(),
    })
}

fn said_json(it: &RuleExplanation) -> Value {
    let mut shown = super::rule_json(&it.rule);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("said".to_owned(), json!(it.said.to_string()));
        shown.insert("because".to_owned(), json!(it.because));
        shown.insert("reading".to_owned(), json!(it.reading));
    }
    shown
}
