//! One world for the tests: an agent, a tool with arguments of every kind, and a policy text.

mod basics;
mod flips;
mod properties;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lanyard_core::{
    AgentName, Peer, ServerName, TenantName, Timestamp, TokenId, ToolName, UserName,
};
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    Action, Ask, Circumstances, Grant, Grants, Hints, Object, ObjectFacts, PathView, SessionFacts,
    SqlView, SubjectFacts, ToolPattern, Transport, UrlView, UserPattern, Verdict, Views,
};

/// Views that are simple enough to be seen through.
#[derive(Debug)]
pub(crate) struct PlainViews;

impl Views for PlainViews {
    fn path(&self, text: &str) -> PathView {
        let mut ancestors = vec!["/".to_owned()];
        for (at, _) in text.match_indices('/').filter(|(at, _)| *at > 0) {
            ancestors.extend(text.get(..at).map(str::to_owned));
        }
        ancestors.push(text.to_owned());
        let odd = text.contains('\\');
        PathView {
            absolute: text.starts_with('/'),
            clean: text.to_owned(),
            ancestors,
            odd,
            ..PathView::default()
        }
    }

    fn sql(&self, text: &str) -> SqlView {
        let read_only = text.starts_with("select");
        SqlView { parsed: true, read_only, statements: 1, ..SqlView::default() }
    }

    fn url(&self, _text: &str) -> UrlView {
        UrlView::default()
    }
}

/// A tool with arguments of every kind.
pub(crate) fn schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "count", "amount", "sure", "file"],
        "properties": {
            "name": { "type": "string" },
            "count": { "type": "integer" },
            "amount": { "type": "number" },
            "sure": { "type": "boolean" },
            "file": { "type": "string" },
            "note": { "type": "string" },
            "limit": { "type": "integer" },
            "share": { "type": ["number", "null"] },
            "mode": { "enum": ["fast", "slow"], "default": "fast" },
            "query": { "type": "string" },
            "tags": { "type": "array", "items": { "type": "string" } },
            "files": { "type": "array", "items": { "type": "string" } },
            "where": { "type": "object", "required": ["city"], "properties": {
                "city": { "type": "string" }, "zip": { "type": "integer" } } },
            "anything": {},
        },
    })
}

/// Arguments that are there when a test does not say otherwise.
pub(crate) fn usual() -> Value {
    json!({ "name": "a", "count": 1, "amount": 1.5, "sure": true, "file": "/data/a" })
}

/// A tenant with one tool.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) policies: Policies,
    pub(crate) subject: SubjectRules,
    pub(crate) object: ObjectRules,
    pub(crate) grants: Grants,
    pub(crate) server: ServerName,
    pub(crate) tool: ToolName,
}

pub(crate) fn parse(text: &str) -> Result<Policies, String> {
    let source =
        PolicySource { file: "p.cedar", text, version: 7, zone: "Europe/Berlin", shadow: false };
    Policies::parse(&source, Arc::new(PlainViews))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

impl World {
    /// Granted everything of the server.
    pub(crate) fn new(text: &str) -> Self {
        Self::with(text, true, &schema())
    }

    pub(crate) fn ungranted(text: &str) -> Self {
        Self::with(text, false, &schema())
    }

    pub(crate) fn with(text: &str, granted: bool, schema: &Value) -> Self {
        let policies = parse(text).unwrap();
        let (tenant, agent) = (TenantName::default_tenant(), AgentName::parse("alice").unwrap());
        let (server, tool) = (ServerName::parse("bank").unwrap(), ToolName::parse("pay").unwrap());
        let teams = BTreeSet::from(["ops".to_owned()]);
        let tags = BTreeMap::from([("department".to_owned(), "sales".to_owned())]);
        let facts = SubjectFacts { tenant: &tenant, agent: &agent, teams: &teams, tags: &tags };
        let subject = policies.subject(&facts);
        let tags = BTreeMap::from([("owner".to_owned(), "sales".to_owned())]);
        let hints = Hints { read_only: Some(false), ..Hints::default() };
        let object = Object::Tool { server: &server, tool: &tool, hints, input_schema: schema };
        let object = policies.object(&ObjectFacts { tenant: &tenant, object, tags: &tags });
        let grant = Grant {
            server: server.clone(),
            allow: ToolPattern::All,
            deny: ToolPattern::none(),
            users: UserPattern::All,
            expires_at: None,
        };
        let grants = Grants::new(agent, if granted { vec![grant] } else { Vec::new() });
        Self { policies, subject, object, grants, server, tool }
    }

    pub(crate) fn verdict(
        &self,
        arguments: &Map<String, Value>,
        session: &SessionFacts,
    ) -> Verdict {
        self.asked(arguments, session, Action::Call)
    }

    fn asked(
        &self,
        arguments: &Map<String, Value>,
        session: &SessionFacts,
        action: Action,
    ) -> Verdict {
        let (user, token) = (UserName::parse("ann").unwrap(), TokenId::parse("t1").unwrap());
        let circumstances = circumstances(&user, &token);
        let ask = Ask { circumstances, session, action, arguments };
        let about = (&self.server, Some(&self.tool));
        self.policies.decide(&self.subject, &self.object, &self.grants, about, &ask)
    }

    /// The verdict in one line, for the usual arguments with these changes: null takes one away.
    pub(crate) fn check(&self, changes: Value) -> String {
        line(&self.verdict(&changed(changes), &SessionFacts::default()))
    }

    pub(crate) fn lists(&self) -> bool {
        let (user, token) = (UserName::parse("ann").unwrap(), TokenId::parse("t1").unwrap());
        let about = (&self.server, Some(&self.tool));
        let circumstances = circumstances(&user, &token);
        self.policies.lists(&self.subject, &self.object, &self.grants, about, &circumstances)
    }

    pub(crate) fn reaches(&self) -> bool {
        let (user, token) = (UserName::parse("ann").unwrap(), TokenId::parse("t1").unwrap());
        let about = (&self.server, Some(&self.tool));
        let circumstances = circumstances(&user, &token);
        self.policies.reaches(&self.subject, &self.object, &self.grants, about, &circumstances)
    }
}

pub(crate) fn changed(changes: Value) -> Map<String, Value> {
    let mut arguments = usual().as_object().unwrap().clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            arguments.remove(name);
        } else {
            arguments.insert(name.clone(), value.clone());
        }
    }
    arguments
}

/// Sunday, 2026-11-22, 09:30 in UTC and 10:30 in Berlin.
pub(crate) fn circumstances<'a>(user: &'a UserName, token: &'a TokenId) -> Circumstances<'a> {
    Circumstances {
        user: Some(user),
        token: Some(token),
        peer: Peer::Tcp("10.1.2.3:5000".parse().unwrap()),
        transport: Transport::Http,
        now: Timestamp(1_795_339_800_000_000),
    }
}

pub(crate) fn line(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allowed(permit) => {
            with_shadow(format!("allowed by {}", permit.by.join(", ")), &permit.shadow)
        }
        Verdict::NeedsApproval(need) => {
            format!("asks: {} ({}, {:?})", need.rules.join(", "), need.reason, need.ttl)
        }
        Verdict::Denied(No { why, hidden, shadow }) => {
            let hidden = if *hidden { " and hidden" } else { "" };
            let line = match why {
                Why::NotGranted(why) => format!("denied{hidden}: {why}"),
                Why::Forbidden { rules, message } => format!(
                    "denied{hidden}: {} {}",
                    rules.join(", "),
                    message.clone().unwrap_or_default()
                ),
                Why::Undecidable { rules, problem } => {
                    format!("undecidable{hidden}: {}: {problem}", rules.join(", "))
                }
            };
            with_shadow(line.trim_end().to_owned(), shadow)
        }
    }
}

fn with_shadow(line: String, shadow: &[String]) -> String {
    if shadow.is_empty() { line } else { format!("{line}; in shadow: {}", shadow.join(", ")) }
}
