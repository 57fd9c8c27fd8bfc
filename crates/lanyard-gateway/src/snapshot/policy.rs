//! One tenant's policies, with what has been worked out of them for this configuration: agents and
//! tools are held against them when they are first met. Of 20,000 tools most are never called.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use lanyard_core::{AgentName, Caller, ServerName, TenantName, Timestamp, ToolName};
use lanyard_guard::hides_any_of;
use lanyard_policy::{
    Action, Ask, Circumstances, Object, ObjectFacts, ObjectRules, Policies, SubjectFacts,
    SubjectRules, Transport, Verdict,
};
use serde_json::Value;

use super::{AgentEntry, ServerEntry, ToolEntry};

/// A tenant's policies at work.
#[derive(Debug)]
pub(crate) struct PolicyEntry {
    policies: Arc<Policies>,
    subjects: RwLock<HashMap<AgentName, Arc<SubjectRules>>>,
    tools: RwLock<HashMap<ServerName, HashMap<ToolName, Arc<ObjectRules>>>>,
    others: RwLock<HashMap<OtherKey, Arc<ObjectRules>>>,
    recording: Recording,
    /// Of each tool the arguments that stay in records.
    recorded: RwLock<HashMap<ToolKey, Arc<BTreeSet<String>>>>,
}

/// One tenant's policies, for a snapshot.
#[derive(Debug)]
pub struct PolicyParts {
    /// The tenant.
    pub tenant: TenantName,
    /// Its policies.
    pub policies: Arc<Policies>,
    /// What of calls stays in their records.
    pub recording: Recording,
}

/// What of a call's arguments stays in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recording {
    /// Nothing: a keyed digest is all.
    #[default]
    Digest,
    /// Those that policies read, as far as they may be shown.
    Read,
}

/// A tool in its server.
type ToolKey = (ServerName, ToolName);

/// What is no tool: its kind, its server, its name.
type OtherKey = (Action, ServerName, String);

/// How many prompts and resources are remembered: agents choose the URIs that they ask for.
const OTHERS_MAX: usize = 20_000;

/// Who looks, and from where: what decides what is seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Viewer<'a> {
    /// The agent.
    pub(crate) agent: &'a AgentEntry,
    /// When, for whom, from where.
    pub(crate) circumstances: Circumstances<'a>,
}

impl<'a> Viewer<'a> {
    /// A caller, as whoever it was recognised as.
    pub(crate) fn new(agent: &'a AgentEntry, caller: &'a Caller, now: Timestamp) -> Self {
        let circumstances = Circumstances {
            user: caller.principal.user.as_ref(),
            token: caller.token.as_ref(),
            peer: caller.peer,
            transport: Transport::of(caller.peer),
            now,
        };
        Self { agent, circumstances }
    }
}

/// What is asked about beside tools.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Other<'a> {
    /// A prompt, by its own name.
    Prompt(&'a str),
    /// A resource, by its URI.
    Resource(&'a str),
    /// The server as a whole: what is asked of it that is none of these.
    Server,
}

impl Other<'_> {
    fn key(self) -> (Action, String) {
        match self {
            Self::Prompt(name) => (Action::Get, name.to_owned()),
            Self::Resource(uri) => (Action::Read, uri.to_owned()),
            Self::Server => (Action::Sample, String::new()),
        }
    }
}

impl PolicyEntry {
    pub(crate) fn new(policies: Arc<Policies>, recording: Recording) -> Self {
        Self {
            policies,
            subjects: RwLock::default(),
            tools: RwLock::default(),
            others: RwLock::default(),
            recording,
            recorded: RwLock::default(),
        }
    }

    /// The arguments that stay in the records of a tool's calls: those that rules read and that the
    /// tool's schema does not hide. None of them where that is not switched on.
    pub(crate) fn recorded(
        &self,
        server: &ServerEntry,
        tool: &ToolEntry,
    ) -> Option<Arc<BTreeSet<String>>> {
        if self.recording == Recording::Digest {
            return None;
        }
        let key = (server.name.clone(), tool.name().clone());
        Some(remembered(&self.recorded, usize::MAX, &key, || {
            let read = self.tool(server, tool).arguments_read(&self.policies, Action::Call);
            let schema: Value = serde_json::from_str(tool.input_schema()).unwrap_or_default();
            read.into_iter().filter(|name| !hides_any_of(&schema, name)).collect()
        }))
    }

    pub(crate) fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Decides on a call of a tool.
    pub(crate) fn decide(
        &self,
        agent: &AgentEntry,
        server: &ServerEntry,
        tool: &ToolEntry,
        ask: &Ask<'_>,
    ) -> Verdict {
        let (subject, object) = (self.subject(agent), self.tool(server, tool));
        let about = (&server.name, Some(tool.name()));
        self.policies.decide(&subject, &object, &agent.grants, about, ask)
    }

    /// Whether a list shows a tool.
    pub(crate) fn lists(&self, viewer: Viewer<'_>, server: &ServerEntry, tool: &ToolEntry) -> bool {
        let (subject, object) = (self.subject(viewer.agent), self.tool(server, tool));
        let about = (&server.name, Some(tool.name()));
        let Viewer { agent, circumstances } = viewer;
        self.policies.lists(&subject, &object, &agent.grants, about, &circumstances)
    }

    /// Decides on what is no tool.
    pub(crate) fn decide_other(
        &self,
        agent: &AgentEntry,
        server: &ServerEntry,
        other: Other<'_>,
        ask: &Ask<'_>,
    ) -> Verdict {
        let (subject, object) = (self.subject(agent), self.other(server, other));
        self.policies.decide(&subject, &object, &agent.grants, (&server.name, None), ask)
    }

    /// Whether a list shows what is no tool.
    pub(crate) fn lists_other(
        &self,
        viewer: Viewer<'_>,
        server: &ServerEntry,
        other: Other<'_>,
    ) -> bool {
        let (subject, object) = (self.subject(viewer.agent), self.other(server, other));
        let Viewer { agent, circumstances } = viewer;
        let about = (&server.name, None);
        self.policies.lists(&subject, &object, &agent.grants, about, &circumstances)
    }

    fn subject(&self, agent: &AgentEntry) -> Arc<SubjectRules> {
        remembered(&self.subjects, usize::MAX, &agent.name, || {
            self.policies.subject(&SubjectFacts {
                tenant: &agent.tenant,
                agent: &agent.name,
                teams: &agent.teams,
                tags: &agent.tags,
            })
        })
    }

    /// A tool, held against the policies.
    pub(crate) fn tool(&self, server: &ServerEntry, tool: &ToolEntry) -> Arc<ObjectRules> {
        let tools = self.tools.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = tools.get(&server.name).and_then(|of| of.get(tool.name())) {
            return Arc::clone(rules);
        }
        drop(tools);
        let input_schema: Value = serde_json::from_str(tool.input_schema()).unwrap_or_default();
        let object = Object::Tool {
            server: &server.name,
            tool: tool.name(),
            hints: tool.hints(),
            input_schema: &input_schema,
        };
        let facts = ObjectFacts { tenant: &server.tenant, object, tags: tool.tags() };
        let rules = Arc::new(self.policies.object(&facts));
        let mut tools = self.tools.write().unwrap_or_else(PoisonError::into_inner);
        let of_server = tools.entry(server.name.clone()).or_default();
        Arc::clone(of_server.entry(tool.name().clone()).or_insert(rules))
    }

    fn other(&self, server: &ServerEntry, other: Other<'_>) -> Arc<ObjectRules> {
        let (action, name) = other.key();
        let key = (action, server.name.clone(), name);
        remembered(&self.others, OTHERS_MAX, &key, || {
            let server_name = &server.name;
            let object = match other {
                Other::Prompt(name) => Object::Prompt { server: server_name, name },
                Other::Resource(uri) => Object::Resource { server: server_name, uri },
                Other::Server => Object::Server { server: server_name },
            };
            self.policies.object(&ObjectFacts {
                tenant: &server.tenant,
                object,
                tags: &server.tags,
            })
        })
    }
}

/// What is remembered under a key, or made now.
fn remembered<K: Hash + Eq + Clone, V>(
    known: &RwLock<HashMap<K, Arc<V>>>,
    most: usize,
    key: &K,
    make: impl FnOnce() -> V,
) -> Arc<V> {
    let read = known.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(value) = read.get(key) {
        return Arc::clone(value);
    }
    drop(read);
    let value = Arc::new(make());
    let mut write = known.write().unwrap_or_else(PoisonError::into_inner);
    if write.len() >= most {
        write.clear();
    }
    Arc::clone(write.entry(key.clone()).or_insert(value))
}
