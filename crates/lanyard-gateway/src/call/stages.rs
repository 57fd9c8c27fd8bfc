//! The stages of a call as types. What a stage proves is what its constructor checked; there is
//! no other way to get one.

use std::net::IpAddr;

use lanyard_core::{
    CallFacts, Caller, Denial, Failure, Peer, SecretError, ServerName, Timestamp, ToolName,
    UserName,
};
use lanyard_guard::{Clearance, CredentialFound, credential_in};
use lanyard_policy::{Need, NotGranted, Permit};
use lanyard_rest::{RenderContext, RenderError, Rendered, RequestPlan, ToolResult};
use lanyard_vault::{Masker, OpenSecrets};
use ring::rand::SecureRandom as _;

use super::Incoming;
use super::approval::Asking;
use super::continued::UsedYes;
use super::credentials::credential_uses;
use super::open::Subject;
use super::payload::Keeping;
use super::recorded::attributes;
use crate::edge::Core;
use crate::edge::authn::IdentityKey;
use crate::edge::route::Scope;
use crate::snapshot::{AgentEntry, Other, ServerEntry, Snapshot, ToolEntry, Viewer};
use lanyard_connect::http::{PoolKey, UpstreamAnswer, UpstreamRequest};

/// Where a call leads: a server that is switched on, and one of its tools.
#[derive(Debug)]
pub(super) struct Target<'a> {
    server: &'a ServerEntry,
    tool: &'a ToolEntry,
}

impl<'a> Target<'a> {
    /// Finds what the caller means. Whether it may is asked next.
    pub(super) fn route(
        snapshot: &'a Snapshot,
        incoming: &Incoming<'a>,
        now: Timestamp,
    ) -> Result<Self, Denial> {
        let unknown = || Denial::ToolUnknown { tool: incoming.tool.to_owned() };
        let tenant = &incoming.agent.tenant;
        let (server, tool) = match incoming.scope {
            Scope::All => snapshot.merged(tenant, incoming.tool).cloned().ok_or_else(unknown)?,
            Scope::One(name) => {
                let viewer = Viewer::new(incoming.agent, incoming.caller, now);
                let server = snapshot.server(viewer, name)?;
                own_or_borrowed(server, incoming.tool).ok_or_else(unknown)?
            }
        };
        let server = snapshot.find(tenant, &server).filter(|it| it.enabled).ok_or_else(unknown)?;
        let tool = server.tool(&tool).ok_or_else(unknown)?;
        Ok(Self { server, tool })
    }

    pub(super) fn server(&self) -> &'a ServerEntry {
        self.server
    }

    pub(super) fn tool(&self) -> &'a ToolEntry {
        self.tool
    }
}

/// The denial of what no grant allows: as if it were unknown, but for what the agent may use and not
/// for this user.
pub(super) fn not_granted(
    why: NotGranted,
    user: Option<&UserName>,
    unknown: impl FnOnce() -> Denial,
) -> Denial {
    match why {
        NotGranted::NotForUser => user
            .map_or(Denial::ServerNotGranted, |user| Denial::UserNotGranted { user: user.clone() }),
        NotGranted::NoGrant | NotGranted::Expired | NotGranted::NotAllowed | NotGranted::Denied => {
            unknown()
        }
    }
}

/// The server and tool behind a name on one server's endpoint: its own tool, or, for a tool set,
/// one it borrows (`server___tool`, or `server/tool`).
fn own_or_borrowed(server: &ServerEntry, name: &str) -> Option<(ServerName, ToolName)> {
    let tool = ToolName::parse(name).ok()?;
    if server.tool(&tool).is_some() {
        return Some((server.name.clone(), tool));
    }
    server
        .set_entries()
        .iter()
        .find(|entry| {
            entry.listed.as_str() == name
                || name.split_once('/').is_some_and(|(of, tool)| {
                    entry.server.as_str() == of && entry.tool.as_str() == tool
                })
        })
        .map(|entry| (entry.server.clone(), entry.tool.clone()))
}

/// A call whose arguments are those that will be sent: completed, converted, valid.
#[derive(Debug)]
pub(super) struct Cleared<'a> {
    target: Target<'a>,
    clearance: Clearance,
    /// What its record keeps of the arguments, raw JSON.
    attributes: Option<String>,
}

impl<'a> Cleared<'a> {
    /// Looks for credentials among the arguments, unless the server's tools take some, and holds them
    /// against the tool's schema. Before that nothing of them is kept or said.
    pub(super) fn new(target: Target<'a>, arguments: Option<&str>) -> Result<Self, Denial> {
        let found = match target.server.takes_credentials() {
            true => None,
            false => credential_in(arguments),
        };
        if let Some(CredentialFound { argument, kind }) = found {
            return Err(Denial::ArgumentCredential { argument, kind });
        }
        let clearance = target.tool.clear(arguments)?;
        Ok(Self { target, clearance, attributes: None })
    }

    /// The same with what its record keeps of the arguments, where that is switched on.
    pub(super) fn noted(self, snapshot: &Snapshot) -> Self {
        let arguments = self.clearance.arguments();
        let attributes = attributes(snapshot, self.target.server, self.target.tool, arguments);
        Self { attributes, ..self }
    }

    /// What its record keeps of the arguments, raw JSON.
    pub(super) fn attributes(&self) -> Option<&str> {
        self.attributes.as_deref()
    }

    pub(super) fn server(&self) -> &'a ServerEntry {
        self.target.server
    }

    pub(super) fn tool(&self) -> &'a ToolEntry {
        self.target.tool
    }

    pub(super) fn clearance(&self) -> &Clearance {
        &self.clearance
    }

    /// What the record is about, with the keyed digest of the arguments.
    fn subject(
        &self,
        core: &Core,
        snapshot: &Snapshot,
        incoming: &Incoming<'_>,
        (by, shadow): (Vec<String>, &[String]),
    ) -> Subject {
        let Target { server, tool } = &self.target;
        let user = incoming.caller.principal.user.as_ref();
        let facts = CallFacts {
            pin: Some(tool.pin().to_owned()),
            credentials: credential_uses(snapshot, server, Some(tool), user),
            policy: snapshot.policy(&server.tenant).map(|policy| policy.policies().version()),
            shadow: shadow.iter().map(|rule| format!("policy:{rule}")).collect(),
            attributes: self.attributes.clone(),
            ..CallFacts::default()
        };
        let about = tool.name().to_string();
        let subject = Subject {
            digest: Some(core.digester.digest(&self.clearance.canonical())),
            by,
            facts,
            ..Subject::new("tools/call", Some(server.name.clone()), about)
        };
        subject.told(incoming.client, incoming.trace, incoming.params)
    }
}

/// A call that is allowed but for a person's yes.
#[derive(Debug)]
pub(super) struct Needing<'a> {
    cleared: Cleared<'a>,
    need: Need,
}

impl<'a> Needing<'a> {
    /// Joins what was cleared with what it needs.
    pub(super) fn new(cleared: Cleared<'a>, need: Need) -> Self {
        Self { cleared, need }
    }

    /// What a person is asked.
    pub(super) fn asking(&self) -> Asking<'_> {
        let Self { cleared: Cleared { target, clearance, attributes: _ }, need } = self;
        Asking { server: target.server, tool: target.tool, clearance, need }
    }

    /// The call, now that it has used up this yes.
    pub(super) fn lift(self, yes: UsedYes) -> Permitted<'a> {
        let permit = self.need.lift(yes.approval.as_str());
        Permitted { cleared: self.cleared, permit, yes: Some(yes) }
    }

    /// What the record of its denial is about.
    pub(super) fn subject(
        &self,
        core: &Core,
        snapshot: &Snapshot,
        incoming: &Incoming<'_>,
    ) -> Subject {
        let by = self.need.rules.iter().map(|rule| format!("policy:{rule}")).collect();
        self.cleared.subject(core, snapshot, incoming, (by, &[]))
    }
}

/// A call that was decided: allowed, with these very arguments.
#[derive(Debug)]
pub(super) struct Permitted<'a> {
    cleared: Cleared<'a>,
    permit: Permit,
    /// The person's yes that it used up.
    yes: Option<UsedYes>,
}

impl<'a> Permitted<'a> {
    /// Joins what was cleared with what allows it.
    pub(super) fn new(cleared: Cleared<'a>, permit: Permit) -> Self {
        Self { cleared, permit, yes: None }
    }

    pub(super) fn server(&self) -> &'a ServerEntry {
        self.cleared.target.server
    }

    pub(super) fn tool(&self) -> &'a ToolEntry {
        self.cleared.target.tool
    }

    pub(super) fn clearance(&self) -> &Clearance {
        &self.cleared.clearance
    }

    pub(super) fn yes(&self) -> Option<&UsedYes> {
        self.yes.as_ref()
    }

    /// What the record is about, with the keyed digest of the arguments.
    pub(super) fn subject(
        &self,
        core: &Core,
        snapshot: &Snapshot,
        incoming: &Incoming<'_>,
    ) -> Subject {
        let told = (self.permit.by.clone(), self.permit.shadow.as_slice());
        let mut subject = self.cleared.subject(core, snapshot, incoming, told);
        subject.facts.approval = self.yes.as_ref().map(|yes| yes.approval.to_string());
        let arguments = self.clearance().arguments();
        subject.keeping = Keeping::of(snapshot, self.server(), incoming.caller, || {
            serde_json::to_string(arguments).unwrap_or_default()
        });
        subject
    }

    /// What a revocation would have to take away to end this call.
    pub(super) fn watched(&self, incoming: &Incoming<'_>) -> Watched {
        Watched {
            key: incoming.key.clone(),
            caller: incoming.caller.clone(),
            server: self.server().name.clone(),
            tool: Some(self.tool().name().clone()),
        }
    }
}

/// A running call as a revocation sees it.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) key: IdentityKey,
    pub(crate) caller: Caller,
    pub(crate) server: ServerName,
    /// `None` for what is no tool.
    pub(crate) tool: Option<ToolName>,
}

impl Watched {
    /// Whether a newer configuration still allows the call.
    pub(crate) fn still_allowed(&self, snapshot: &Snapshot, now: Timestamp) -> bool {
        let Ok(identity) = self.key.identify(snapshot, now) else { return false };
        let (agent, principal) = (&identity.agent, &self.caller.principal);
        let Some(server) = snapshot.find(&agent.tenant, &self.server) else { return false };
        // A user id can be given to another agent; a running call is not.
        agent.is(principal) && server.enabled && self.still_open(snapshot, agent, server, now)
    }

    /// Whether what it does may still be done. Policies are not asked again about its arguments:
    /// it ends when none would be allowed any more.
    fn still_open(
        &self,
        snapshot: &Snapshot,
        agent: &AgentEntry,
        server: &ServerEntry,
        now: Timestamp,
    ) -> bool {
        let user = self.caller.principal.user.as_ref();
        let viewer = Viewer::new(agent, &self.caller, now);
        let opens = snapshot.policy(&agent.tenant);
        let opens = opens.is_some_and(|policy| policy.policies().permits_anything());
        match &self.tool {
            Some(tool) => {
                let granted = agent.grants.decide(&self.server, tool, user, now).is_ok();
                (granted || opens)
                    && server.tool(tool).is_some_and(|it| snapshot.lists_tool(viewer, server, it))
            }
            None => {
                let granted = agent.grants.decide_whole(&self.server, user, now).is_ok();
                opens || (granted && snapshot.lists_other(viewer, server, Other::Server))
            }
        }
    }
}

/// A call with its secrets opened: the last step before anything can happen.
#[derive(Debug)]
pub(super) struct Armed<'a> {
    permitted: Permitted<'a>,
    secrets: OpenSecrets,
    masker: Masker,
}

impl<'a> Armed<'a> {
    /// Opens the secrets that the tool needs, as late as possible.
    pub(super) fn new(permitted: Permitted<'a>, snapshot: &Snapshot) -> Result<Self, Failure> {
        let tenant = &permitted.server().tenant;
        let names = permitted.tool().as_rest().ok_or(Failure::Bug)?.tool.secrets();
        let secrets = snapshot.vault.arm(tenant, names).map_err(secret_failure)?;
        let masker = snapshot.masker(permitted.server(), None);
        Ok(Self { permitted, secrets, masker })
    }

    /// Renders the request and sends it.
    pub(super) async fn forward(
        self,
        core: &Core,
        caller: &Caller,
    ) -> Result<RawAnswer<'a>, Failure> {
        let rendered = self.render(core, caller)?;
        let Self { permitted, secrets, masker } = self;
        // What the request needs of the secrets stands in it; nothing else needs them any more.
        drop(secrets);
        let Permitted { cleared: Cleared { target, clearance, attributes: _ }, permit: _, yes: _ } =
            permitted;
        let from = match rendered {
            Rendered::Direct(result) => From::Template(result),
            Rendered::Request(plan) => From::Upstream(send(core, target.server, plan).await?),
        };
        Ok(RawAnswer { target, clearance, masker, from })
    }

    fn render(&self, core: &Core, caller: &Caller) -> Result<Rendered, Failure> {
        let Permitted { cleared, .. } = &self.permitted;
        let (tool, clearance) = (cleared.target.tool, &cleared.clearance);
        render(core, tool, clearance, &self.secrets, client_ip(caller))
    }
}

/// Writes the request of a tool of a REST API.
pub(super) fn render(
    core: &Core,
    tool: &ToolEntry,
    clearance: &Clearance,
    secrets: &OpenSecrets,
    client_ip: Option<IpAddr>,
) -> Result<Rendered, Failure> {
    let random = |bytes: &mut [u8]| {
        // Ids of requests and boundaries of bodies come from here. Should the system have no
        // randomness to give, they repeat, which breaks nothing that anybody relies on.
        if core.random.fill(bytes).is_err() {
            tracing::warn!("The system gave no random bytes.");
        }
    };
    let context = RenderContext {
        secrets,
        now: core.clock.now(),
        random: &random,
        client_ip,
        limits: &core.limits,
    };
    let rest = tool.as_rest().ok_or(Failure::Bug)?;
    rest.tool.render(clearance.arguments(), &context).map_err(render_failure)
}

/// Sends the request of a tool of a REST API.
pub(super) async fn send(
    core: &Core,
    server: &ServerEntry,
    plan: RequestPlan,
) -> Result<UpstreamAnswer, Failure> {
    #[cfg(feature = "planted-leak")]
    tracing::debug!(headers = ?plan.headers, "A leak, planted for the test of the sweep.");
    let RequestPlan { method, origin, target, headers, body } = plan;
    let pool = PoolKey {
        tenant: server.tenant.clone(),
        server: server.name.clone(),
        // Every caller's requests carry the same credential, so they may share connections.
        principal: None,
        credential: 0,
    };
    core.upstream
        .send(UpstreamRequest {
            pool: &pool,
            origin: &origin,
            method: &method,
            target: &target,
            headers: &headers,
            body: body.into(),
            deadline: server.timeout,
            private: &server.private,
        })
        .await
}

/// What came back, unseen by anybody yet.
#[derive(Debug)]
pub(super) struct RawAnswer<'a> {
    pub(super) target: Target<'a>,
    pub(super) clearance: Clearance,
    pub(super) masker: Masker,
    pub(super) from: From,
}

/// Where an answer came from.
#[derive(Debug)]
pub(super) enum From {
    /// A direct response: no request was sent.
    Template(ToolResult),
    /// The server.
    Upstream(UpstreamAnswer),
}

impl RawAnswer<'_> {
    /// The upstream's HTTP status.
    pub(super) fn status(&self) -> Option<u16> {
        match &self.from {
            From::Template(_) => None,
            From::Upstream(answer) => Some(answer.status),
        }
    }

    /// The size of the upstream's answer.
    pub(super) fn bytes(&self) -> u64 {
        match &self.from {
            From::Template(_) => 0,
            From::Upstream(answer) => u64::try_from(answer.body.len()).unwrap_or(u64::MAX),
        }
    }
}

/// A result that may leave: masked and checked.
#[derive(Debug)]
pub(super) struct Answer {
    result: ToolResult,
    masked: u64,
    bytes: u64,
}

impl Answer {
    /// Only [`RawAnswer::screen`] makes one.
    pub(super) fn screened(result: ToolResult, masked: u64, bytes: u64) -> Self {
        Self { result, masked, bytes }
    }

    pub(super) fn masked(&self) -> u64 {
        self.masked
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn result(&self) -> &ToolResult {
        &self.result
    }

    pub(super) fn into_result(self) -> ToolResult {
        self.result
    }
}

fn client_ip(caller: &Caller) -> Option<IpAddr> {
    match caller.peer {
        Peer::Tcp(address) => Some(address.ip()),
        Peer::Unix { uid: _, pid: _ } => None,
    }
}

pub(super) fn secret_failure(error: SecretError) -> Failure {
    match error {
        SecretError::Unset(name) => Failure::SecretUnset { name },
        SecretError::Origin(name) => Failure::SecretOrigin { name },
        SecretError::Unreadable(name) => Failure::SecretUnreadable { name },
    }
}

pub(super) fn render_failure(error: RenderError) -> Failure {
    match error {
        RenderError::Secret(error) => secret_failure(error),
        RenderError::Unbuildable(problem) | RenderError::Limit(problem) => {
            Failure::RequestUnbuildable { problem }
        }
        RenderError::Answer(problem) => Failure::AnswerUnusable { problem },
    }
}
