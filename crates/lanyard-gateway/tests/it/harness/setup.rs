//! A configuration as a test describes it, and what the gateway makes of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lanyard_connect::http::PrivateAllowance;
use lanyard_connect::mcp::{EraChoice, ServerFacts, Target};
use lanyard_core::{
    AgentName, Binding, Limits, SecretName, ServerName, Tags, TenantName, Timestamp, ToolName,
    UserName,
};
use lanyard_gateway::fleet::Keep;
use lanyard_gateway::snapshot::{
    AgentLoad, Item, Marks, McpEntry, McpOptions, McpParts, PolicyParts, Recording, Scrub,
    ServerOptions, UserCredential, UserEntry, Wrap,
};
use lanyard_gateway::{AgentEntry, Identity, ServerEntry, Snapshot, SnapshotParts, ToolEntry};
use lanyard_mcp::{Definition, UserKey};
use lanyard_policy::limit::{
    CallLimit, CallLimits, LimitScope, LimitTerms, SharedMeter, TermsAsked,
};
use lanyard_policy::{Grant, Grants, NoViews, Policies, PolicySource, ToolPattern, UserPattern};
use lanyard_rest::{ParseOptions, Schemas, SetTools};
use lanyard_vault::{
    MasterKey, Minted, SealedVersion, SecretEntry, SecretPlace, SecretText, TokenKind, Vault,
    fill_random, mint,
};
use serde_json::{Value, json};

use crate::http::PATIENCE;
use crate::mcp_server::Mcp;
use crate::server::{Api, KEY};

struct GuardSchemas;

impl Schemas for GuardSchemas {
    fn check_schema(&self, schema: &Value) -> Result<(), String> {
        lanyard_guard::check_schema(schema)
    }

    fn check_value(&self, schema: &Value, value: &Value) -> Result<(), String> {
        lanyard_guard::check_value(schema, value)
    }
}

/// A server that speaks MCP as a test describes it.
#[derive(Debug)]
pub(crate) struct McpSetup {
    pub(crate) tenant: &'static str,
    pub(crate) name: &'static str,
    pub(crate) generation: u64,
    /// The definition, with the server's URL in it.
    pub(crate) definition: Value,
    pub(crate) era: EraChoice,
    pub(crate) capabilities: Value,
    pub(crate) wrap: Option<Wrap>,
    pub(crate) timeout: Duration,
    pub(crate) concurrency: usize,
    pub(crate) tools: Vec<Value>,
    pub(crate) per_user: bool,
    pub(crate) scrub: Scrub,
    /// Whether it was listed: what it said of itself is known.
    pub(crate) is_listed: bool,
    /// Where its processes have their directories.
    pub(crate) directory: std::path::PathBuf,
}

impl McpSetup {
    pub(crate) fn new(name: &'static str, server: &Mcp) -> Self {
        let schema = json!({"type": "object"});
        let tool = |name: &str| json!({"name": name, "description": format!("The tool {name}"), "inputSchema": schema, "x-vendor": [1.0]});
        Self {
            tenant: "default",
            name,
            generation: 1,
            definition: json!({
                "type": "http", "url": format!("{}/mcp", server.origin),
                "headers": {"authorization": "Bearer secret://billing-key"},
            }),
            era: EraChoice::Auto,
            capabilities: json!({
                "tools": {}, "prompts": {}, "resources": {"subscribe": true}, "logging": {}, "completions": {},
            }),
            wrap: None,
            timeout: PATIENCE,
            concurrency: 64,
            tools: [
                "echo", "steps", "ask", "slow", "poll", "leak", "fail", "break", "who", "script",
            ]
            .map(tool)
            .to_vec(),
            per_user: false,
            scrub: Scrub::Exact,
            is_listed: true,
            directory: "/nonexistent".into(),
        }
    }

    fn compile(&self) -> ServerEntry {
        let tenant = TenantName::parse(self.tenant).unwrap();
        let name = ServerName::parse(self.name).unwrap();
        let item = |name: &str, raw: Value| Item { name: name.to_owned(), raw: raw.to_string() };
        let mcp = McpEntry::new(McpParts {
            target: Arc::new(Target {
                tenant: tenant.clone(),
                server: name.clone(),
                generation: self.generation,
                definition: Definition::parse(&self.definition.to_string()).unwrap(),
                era: self.era,
                spoken: None,
                private: PrivateAllowance::none(),
                connect_max: PATIENCE,
                directory: self.directory.join(self.tenant).join(self.name),
            }),
            options: McpOptions {
                wrap: self.wrap,
                keep: Keep::Idle(PATIENCE),
                concurrency: self.concurrency,
                per_user: self.per_user,
                inline: std::collections::BTreeSet::new(),
            },
            facts: self.is_listed.then(|| ServerFacts {
                version: lanyard_wire::Version::V2025_11_25,
                capabilities: self.capabilities.to_string(),
                info: json!({"name": "fake", "version": "1"}).to_string(),
                instructions: Some("Be kind.".to_owned()),
            }),
            prompts: vec![item("greet", json!({"name": "greet", "x-p": 1.0}))],
            resources: vec![item("fake://one", json!({"uri": "fake://one", "name": "one"}))],
            templates: vec![item(
                "fake://{id}",
                json!({"uriTemplate": "fake://{id}", "name": "any"}),
            )],
        });
        let tools = self.tools.iter().map(|definition| {
            let name = ToolName::parse(definition["name"].as_str().unwrap()).unwrap();
            ToolEntry::mcp(name, &definition.to_string(), true)
        });
        let options = ServerOptions {
            prefix: format!("{}__", self.name),
            timeout: self.timeout,
            private: PrivateAllowance::none(),
            enabled: true,
            marks: Marks::default(),
        };
        ServerEntry::mcp(tenant, name, options, tools.collect(), mcp).scrubbed(self.scrub)
    }
}

/// An agent as a test describes it.
#[derive(Debug)]
pub(crate) struct AgentSetup {
    pub(crate) tenant: &'static str,
    pub(crate) name: &'static str,
    pub(crate) token: Minted,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked: bool,
    pub(crate) uid: Option<u32>,
    pub(crate) search_above: Option<u64>,
    pub(crate) teams: &'static [&'static str],
    pub(crate) tags: Tags,
    /// Server, what is allowed, what is denied.
    pub(crate) grants: Vec<(&'static str, &'static [&'static str], &'static [&'static str])>,
    /// For whom it may call, wherever it may call at all.
    pub(crate) users: &'static [&'static str],
    load: Arc<AgentLoad>,
}

/// A server as a test describes it.
#[derive(Debug)]
pub(crate) struct ServerSetup {
    pub(crate) yaml: String,
    pub(crate) prefix: Option<&'static str>,
    pub(crate) enabled: bool,
    pub(crate) timeout: Duration,
    pub(crate) tools: &'static [&'static str],
}

/// A configuration as a test describes it.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) version: u64,
    pub(crate) agents: Vec<AgentSetup>,
    pub(crate) servers: Vec<ServerSetup>,
    pub(crate) mcp: Vec<McpSetup>,
    /// The value of `billing-key`; `None` while it is unset.
    pub(crate) key: Option<&'static str>,
    /// Where the key may go.
    pub(crate) origins: Vec<String>,
    /// Whether the key is sealed for another place than where it stands.
    pub(crate) key_moved: bool,
    /// What users themselves hold.
    pub(crate) held: Vec<HeldSetup>,
    /// The policies of the default tenant; none where it is empty.
    pub(crate) policy: String,
    /// Their version, where it is another than the configuration's.
    pub(crate) policy_version: Option<u64>,
    /// What of arguments stays in records.
    pub(crate) recording: Recording,
    pub(crate) limits: Vec<LimitSetup>,
    /// Whether arguments and answers are kept, of every server.
    pub(crate) payloads: bool,
    /// Whether arguments may hold credentials, of every server.
    pub(crate) takes_credentials: bool,
}

/// A limit on calls as a test describes it.
#[derive(Debug, Clone)]
pub(crate) struct LimitSetup {
    pub(crate) tenant: &'static str,
    /// `AGENT/SERVER/TOOL`, each `*` where it is any.
    pub(crate) calls: &'static str,
    pub(crate) terms: TermsAsked<'static>,
    pub(crate) meter: Arc<SharedMeter>,
}

impl LimitSetup {
    pub(crate) fn new(calls: &'static str, terms: TermsAsked<'static>) -> Self {
        Self { tenant: "default", calls, terms, meter: Arc::default() }
    }

    /// The calls of the day, and those that run.
    pub(crate) fn counted(&self, now: Timestamp) -> (u64, u64) {
        let (used, running) = self.meter.used(now);
        (used.calls, running)
    }
}

/// The limits of each tenant.
fn limits(setup: &[LimitSetup]) -> HashMap<&'static str, Arc<CallLimits>> {
    let mut of: HashMap<_, Vec<CallLimit>> = HashMap::new();
    for limit in setup {
        let scope = LimitScope::parse(limit.calls).unwrap();
        let terms = LimitTerms::of(limit.terms).unwrap();
        let limits = of.entry(limit.tenant).or_default();
        limits.push(CallLimit::new(scope, terms, Arc::clone(&limit.meter)));
    }
    of.into_iter().map(|(tenant, of)| (tenant, Arc::new(CallLimits::new(of)))).collect()
}

/// A credential of a user as a test describes it.
#[derive(Debug, Clone)]
pub(crate) struct HeldSetup {
    pub(crate) tenant: &'static str,
    pub(crate) server: &'static str,
    pub(crate) user: &'static str,
    pub(crate) key: &'static str,
    pub(crate) value: String,
    pub(crate) version: u32,
    /// Where it may go.
    pub(crate) bound: Vec<String>,
}

impl HeldSetup {
    /// A user's own token for a server at a URL.
    pub(crate) fn new(user: &'static str, server: &McpSetup, value: &str) -> Self {
        let mut bound = vec![Binding::Server(ServerName::parse(server.name).unwrap()).to_string()];
        if let Some((origin, _)) =
            server.definition["url"].as_str().and_then(|url| url.rsplit_once('/'))
        {
            bound.push(origin.to_owned());
        }
        Self {
            tenant: server.tenant,
            server: server.name,
            user,
            key: "bearer",
            value: value.to_owned(),
            version: 1,
            bound,
        }
    }

    fn place(&self) -> (TenantName, ServerName, UserName) {
        (
            TenantName::parse(self.tenant).unwrap(),
            ServerName::parse(self.server).unwrap(),
            UserName::parse(self.user).unwrap(),
        )
    }

    fn name(&self) -> SecretName {
        let place = format!("{}-{}-{}", self.server, self.user, self.key);
        let slug: String = place
            .chars()
            .map(|one| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '-' })
            .collect();
        SecretName::parse(&slug).unwrap()
    }

    fn secret(&self, master: &MasterKey) -> SecretEntry {
        let (tenant, name, number) =
            (TenantName::parse(self.tenant).unwrap(), self.name(), self.version);
        let place = SecretPlace { tenant: &tenant, name: &name, version: number };
        let text = SecretText::from_input(self.value.as_bytes()).unwrap();
        let current = Some(SealedVersion { number, sealed: master.seal(&place, &text).unwrap() });
        let bound = self.bound.iter().map(|text| Binding::parse(text).unwrap()).collect();
        SecretEntry { tenant, name, bound, current, retained: Vec::new() }
    }
}

impl AgentSetup {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            tenant: "default",
            name,
            token: mint(TokenKind::Agent, &fill_random).unwrap(),
            expires_at: None,
            revoked: false,
            uid: None,
            grants: Vec::new(),
            users: &[],
            search_above: None,
            teams: &[],
            tags: Tags::new(),
            load: Arc::default(),
        }
    }

    pub(crate) fn granted(
        mut self,
        server: &'static str,
        allow: &'static [&'static str],
        deny: &'static [&'static str],
    ) -> Self {
        self.grants.push((server, allow, deny));
        self
    }
}

impl ServerSetup {
    pub(crate) fn new(yaml: impl Into<String>, tools: &'static [&'static str]) -> Self {
        let timeout = PATIENCE;
        Self { yaml: yaml.into(), prefix: None, enabled: true, timeout, tools }
    }
}

impl Setup {
    /// Billing, a wiki and a set of both; `alice` may use all of billing, `bob` its note alone,
    /// `eve` nothing.
    pub(crate) fn standard(api: &Api) -> Self {
        Self {
            version: 1,
            agents: vec![
                AgentSetup::new("alice").granted("billing", &["*"], &[]),
                AgentSetup::new("bob").granted("billing", &["note"], &[]),
                AgentSetup::new("eve"),
            ],
            servers: vec![
                ServerSetup::new(billing(&api.origin), TOOLS),
                ServerSetup::new(WIKI, &["find_page"]),
                ServerSetup::new(DESK, &[]),
            ],
            mcp: Vec::new(),
            key: Some(KEY),
            origins: vec![api.origin.clone()],
            key_moved: false,
            held: Vec::new(),
            policy: String::new(),
            policy_version: None,
            recording: Recording::Digest,
            limits: Vec::new(),
            payloads: false,
            takes_credentials: false,
        }
    }

    pub(crate) fn agent(&mut self, name: &str) -> &mut AgentSetup {
        self.agents.iter_mut().find(|agent| agent.name == name).unwrap()
    }

    fn policies(&self) -> Arc<Policies> {
        let source = PolicySource {
            file: "test.cedar",
            text: &self.policy,
            version: self.policy_version.unwrap_or(self.version),
            zone: "UTC",
            shadow: false,
        };
        Arc::new(Policies::parse(&source, Arc::new(NoViews)).unwrap())
    }

    /// The configuration in force.
    pub(super) fn compile(&self, master: &Arc<MasterKey>) -> Snapshot {
        let (mut tokens, mut uids) = (Vec::new(), Vec::new());
        let limits = limits(&self.limits);
        for setup in &self.agents {
            let name = AgentName::parse(setup.name).unwrap();
            let grants = setup.grants.iter().map(|(server, allow, deny)| Grant {
                server: ServerName::parse(server).unwrap(),
                allow: ToolPattern::parse(allow).unwrap(),
                deny: ToolPattern::parse(deny).unwrap(),
                users: UserPattern::parse(setup.users).unwrap(),
                expires_at: None,
            });
            let agent = Arc::new(AgentEntry {
                tenant: TenantName::parse(setup.tenant).unwrap(),
                name: name.clone(),
                grants: Grants::new(name, grants.collect()),
                search_above: setup.search_above,
                teams: setup.teams.iter().map(ToString::to_string).collect(),
                tags: setup.tags.clone(),
                limits: limits.get(setup.tenant).cloned(),
                load: Arc::clone(&setup.load),
            });
            let identity = |token| Identity {
                agent: Arc::clone(&agent),
                token,
                expires_at: setup.expires_at,
                revoked: setup.revoked,
            };
            tokens.push((setup.token.hash, Arc::new(identity(Some(setup.token.id.clone())))));
            uids.extend(setup.uid.map(|uid| (uid, Arc::new(identity(None)))));
        }
        let rest = self.servers.iter().map(|server| self.server(server));
        let servers = rest.chain(self.mcp.iter().map(McpSetup::compile));
        let servers = servers
            .map(|it| it.keeping_payloads(self.payloads))
            .map(|it| Arc::new(it.taking_credentials(self.takes_credentials)))
            .collect();
        let held = self.held.iter().map(|held| held.secret(master));
        let secrets = std::iter::once(self.secret(master)).chain(held).collect();
        let vault = Arc::new(Vault::build(master, secrets).unwrap());
        let version = self.version;
        let parts = SnapshotParts {
            version,
            vault,
            tokens,
            uids,
            servers,
            policies: vec![PolicyParts {
                tenant: TenantName::default_tenant(),
                policies: self.policies(),
                recording: self.recording,
            }],
            users: self.users(),
        };
        Snapshot::build(parts).unwrap()
    }

    fn users(&self) -> Vec<((TenantName, ServerName, UserName), UserEntry)> {
        let mut held: std::collections::BTreeMap<_, Vec<UserCredential>> = Default::default();
        for one in &self.held {
            held.entry(one.place()).or_default().push(UserCredential {
                key: UserKey::parse(one.key).unwrap(),
                secret: one.name(),
                version: one.version.into(),
            });
        }
        held.into_iter().map(|(place, held)| (place, UserEntry::new(held))).collect()
    }

    fn server(&self, setup: &ServerSetup) -> ServerEntry {
        let tools = |name: &ServerName| {
            let marker = format!("name: {name}\n");
            let server = self.servers.iter().find(|server| server.yaml.contains(&marker))?;
            let tools = server.tools.iter().map(|tool| ToolName::parse(tool).unwrap());
            Some(SetTools::These(tools.collect()))
        };
        let options = ParseOptions {
            name: None,
            base_url: None,
            secrets: &[],
            secret_known: &|_| true,
            schemas: &GuardSchemas,
            limits: &Limits::standard(),
            servers: &tools,
        };
        let parsed = lanyard_rest::parse("test.yaml", &setup.yaml, &options);
        let definition = parsed.unwrap_or_else(|problems| panic!("{problems:#?}")).definition;
        let prefix = setup.prefix.map_or(format!("{}__", definition.name), str::to_owned);
        let options = ServerOptions {
            prefix,
            timeout: setup.timeout,
            private: PrivateAllowance::none(),
            enabled: setup.enabled,
            marks: Marks::default(),
        };
        let tenant = TenantName::default_tenant();
        ServerEntry::compile(tenant, definition, &setup.yaml, options).unwrap()
    }

    fn secret(&self, master: &MasterKey) -> SecretEntry {
        let (tenant, name) =
            (TenantName::default_tenant(), SecretName::parse("billing-key").unwrap());
        let version = if self.key_moved { 2 } else { 1 };
        let place = SecretPlace { tenant: &tenant, name: &name, version };
        let current = self.key.map(|key| SealedVersion {
            number: 1,
            sealed: master.seal(&place, &SecretText::from_input(key.as_bytes()).unwrap()).unwrap(),
        });
        let bound = self.origins.iter().map(|origin| Binding::parse(origin).unwrap()).collect();
        SecretEntry { tenant, name, bound, current, retained: Vec::new() }
    }
}

const TOOLS: &[&str] = &[
    "get_invoice",
    "total",
    "wrong",
    "echo",
    "refused",
    "redirect",
    "garbage",
    "huge",
    "slow",
    "nowhere",
    "metadata",
    "note",
    "line",
];

/// The billing API. Every tool needs the key but `note`, which sends nothing.
fn billing(origin: &str) -> String {
    let mut yaml = format!(
        r#"server:
  name: billing
  description: Invoices
  baseUrl: "{origin}"
  securitySchemes:
  - {{id: Key, type: apiKey, in: header, name: X-Api-Key, defaultCredential: "secret://billing-key"}}
  defaultUpstreamSecurity: {{id: Key}}
tools:
- name: get_invoice
  description: One invoice by number
  args:
  - {{name: number, description: Its number, type: string, pattern: "^INV-[0-9]+$", required: true, position: path}}
  requestTemplate: {{url: "/invoices/{{number}}", method: GET}}
- name: total
  description: The total
  args: []
  requestTemplate: {{url: "/total", method: GET}}
  outputSchema: {{type: object, properties: {{total: {{type: integer}}}}, required: [total]}}
- name: wrong
  description: A total that is none
  args: []
  requestTemplate: {{url: "/wrong", method: GET}}
  outputSchema: {{type: object, properties: {{total: {{type: integer}}}}, required: [total]}}
- name: echo
  description: What was sent
  args:
  - {{name: text, description: Any text, type: string, default: "", position: body}}
  requestTemplate:
    url: "/echo"
    method: POST
    headers:
    - {{key: Content-Type, value: application/json}}
- name: refused
  description: An error that names the key
  args: []
  requestTemplate: {{url: "/refused", method: GET}}
  errorResponseTemplate: 'Billing said: {{{{ .error.message }}}}, {{{{gjson "_headers.x-echo"}}}}'
- name: line
  description: A text in a header
  args:
  - {{name: text, description: Any text, type: string, required: true, position: header}}
  requestTemplate: {{url: "/line", method: GET}}
- name: nowhere
  description: Nobody listens there
  args: []
  requestTemplate: {{url: "http://127.0.0.1:1/", method: GET, security: {{id: ""}}}}
- name: metadata
  description: A name that leads to this machine
  args: []
  requestTemplate: {{url: "http://metadata.internal/", method: GET}}
- name: note
  description: Nothing is sent
  args:
  - {{name: text, description: Any text, type: string, default: none}}
  responseTemplate:
    body: "Noted: {{{{ .args.text }}}}"
"#
    );
    yaml = yaml.replace(", security: {id: \"\"}", "");
    for tool in ["redirect", "garbage", "huge", "slow"] {
        yaml.push_str(&format!(
            "- name: {tool}\n  description: The page {tool}\n  args: []\n  requestTemplate: {{url: \"/{tool}\", method: GET}}\n"
        ));
    }
    // A body that cannot be rendered as JSON is what makes an answer unusable.
    yaml.replace(
        "{url: \"/garbage\", method: GET}",
        "{url: \"/garbage\", method: GET}\n  responseTemplate: {body: \"{{ .total }}\"}",
    )
}

const WIKI: &str = "server:\n  name: wiki\ntools:\n- name: find_page\n  description: A page\n  \
    args:\n  - {name: title, description: Its title, type: string, required: true}\n  \
    responseTemplate: {body: \"Page {{ .args.title }}\"}\n";

const DESK: &str = "toolSet:\n  name: desk\n  serverTools:\n  - {serverName: billing, tools: \
    [note, get_invoice]}\n  - {serverName: wiki, tools: [find_page]}\n";
