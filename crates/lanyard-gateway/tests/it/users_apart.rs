//! Thousands of calls for users, and of tenants, mixed in every way, while credentials are set,
//! changed and removed: no answer, no credential, no session and no connection is ever another's.
//!
//! The server tells of each call which credential and which session it came with, and keeps every
//! request with the number of its connection. What is mixed is drawn from a seed, so that a run can
//! be repeated.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lanyard_connect::mcp::EraChoice;
use lanyard_core::Limits;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    AgentSetup, Conditions, HeldSetup, McpSetup, Setup, World, call, initialize, modern,
};
use crate::http::{Answer, Request};
use crate::mcp_server::{Mcp, Speaks};
use crate::serving::ConnectionNumber;

const FAKE: &str = "/servers/fake/mcp";

/// Calls at a time.
const AT_ONCE: usize = 8;

/// Numbers that look random and are the same each time (splitmix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((it ^ (it >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}

/// A user, of an agent, of a tenant.
#[derive(Debug, Clone)]
struct Somebody {
    tenant: &'static str,
    user: &'static str,
    token: String,
    /// Sessions of the agent, which its users share: one of a client that can be asked, one of
    /// another.
    sessions: Vec<String>,
    /// Which setting of the credential holds; `None` where there is none.
    held: Option<u32>,
    settings: u32,
}

impl Somebody {
    /// What the server tells of a call with this setting of the credential.
    fn label(&self, setting: u32) -> String {
        format!("{}_{}_{setting}", self.tenant, self.user)
    }

    fn credential(&self) -> Option<HeldParts> {
        let setting = self.held?;
        let secret = format!("{}.tst_5e7c1b{setting:06}", self.label(setting));
        Some(HeldParts { tenant: self.tenant, user: self.user, secret, setting })
    }

    /// Its credential is set, changed or removed.
    fn change(&mut self, draw: &mut Draw) {
        self.settings += 1;
        self.held = (self.held.is_none() || !draw.one_in(6)).then_some(self.settings);
    }
}

struct HeldParts {
    tenant: &'static str,
    user: &'static str,
    secret: String,
    setting: u32,
}

/// Puts what everybody holds into the configuration.
fn hold(setup: &mut Setup, everybody: &[Somebody], key: &'static str) {
    setup.held.clear();
    for parts in everybody.iter().filter_map(Somebody::credential) {
        let server = setup.mcp.iter().find(|server| server.tenant == parts.tenant).unwrap();
        let mut held = HeldSetup::new(parts.user, server, &parts.secret);
        held.key = key;
        // One number for all, as the store gives them out.
        let place =
            everybody.iter().position(|it| (it.tenant, it.user) == (parts.tenant, parts.user));
        held.version = parts.setting * 10 + u32::try_from(place.unwrap()).unwrap();
        setup.held.push(held);
    }
}

/// What a run is about.
struct Plan {
    calls: usize,
    seed: u64,
    /// Where a user's credential belongs.
    key: &'static str,
    /// One in so many rounds of calls changes a credential.
    rounds: usize,
}

/// How many calls were answered, and how many were refused because there was no credential.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    answered: usize,
    refused: usize,
    /// Calls that a change of their user's credential ended.
    cancelled: usize,
}

/// Calls for everybody in turns, and looks at each answer. `told` hears of each.
async fn mix(
    world: &Arc<World>,
    plan: &Plan,
    everybody: &mut [Somebody],
    mut told: impl FnMut(&Somebody, &Value),
) -> Counted {
    let (mut draw, mut counted, mut number) = (Draw(plan.seed), Counted::default(), 0);
    while number < plan.calls {
        let mut running = Vec::new();
        for _ in 0..AT_ONCE.min(plan.calls - number) {
            number += 1;
            let whose = draw.below(everybody.len());
            let request = request(world, &everybody[whose], number, &mut draw);
            running.push((whose, number, world.tasks.spawn(request.send())));
        }
        let before = everybody.to_vec();
        let changed = draw.one_in(plan.rounds).then(|| draw.below(everybody.len()));
        if let Some(whose) = changed {
            // While calls run, those of the same user among them.
            if draw.one_in(2) {
                tokio::task::yield_now().await;
            }
            everybody[whose].change(&mut draw);
            world.change(|setup| hold(setup, everybody, plan.key));
        }
        for (whose, number, answer) in running {
            let answer = answer.await.unwrap();
            let (then, now) = (&before[whose], &everybody[whose]);
            check(&answer, number, [then, now], &mut counted, &mut told);
        }
    }
    counted
}

/// A call of `who` in one of the ways that there are.
fn request(world: &World, who: &Somebody, number: usize, draw: &mut Draw) -> Request {
    let post = world.request("POST", FAKE).token(&who.token);
    let mut message = call("who", json!({"n": number}));
    let by_header = draw.one_in(2);
    let post = if by_header { post.header("X-Lanyard-User", who.user) } else { post };
    if draw.one_in(2) {
        let mut params = message["params"].take();
        let request = modern(post, "tools/call", params.clone());
        if by_header {
            return request;
        }
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.lanyard/user": who.user,
        });
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        return request.body(message);
    }
    if !by_header {
        message["params"]["_meta"] = json!({"io.lanyard/user": who.user});
    }
    let session = &who.sessions[draw.below(who.sessions.len())];
    post.header("Mcp-Session-Id", session).json(message)
}

/// What came back is what this user's call with this user's credential gives, and nothing else.
#[track_caller]
fn check(
    answer: &Answer,
    number: usize,
    whose: [&Somebody; 2],
    counted: &mut Counted,
    told: &mut impl FnMut(&Somebody, &Value),
) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.body.contains("tst_5e7c1b"), "a credential came back: {}", answer.body);
    let (is_error, text) = answer.result();
    let [then, now] = whose;
    if is_error {
        let missing = format!("user {} has no credential for this server", then.user);
        if text.starts_with(&missing) {
            assert!(then.held.is_none() || now.held.is_none(), "{text} {whose:?}");
            counted.refused += 1;
        } else {
            let ended = ["the call was cancelled", "the server ended before it answered"];
            assert!(ended.iter().any(|ended| text.starts_with(ended)), "{text} {whose:?}");
            assert_ne!(then.held, now.held, "nothing changed, and it was cancelled");
            counted.cancelled += 1;
        }
        return;
    }
    let text: Value = serde_json::from_str(&text).unwrap();
    let label = text["label"].as_str().unwrap();
    let expected: Vec<String> =
        whose.iter().filter_map(|it| it.held.map(|setting| it.label(setting))).collect();
    assert!(expected.iter().any(|it| it == label), "{label} answered a call of {expected:?}");
    assert_eq!(text["n"], number, "the answer to another call");
    told(now, &text);
    counted.answered += 1;
}

/// Each connection and each session carried one credential.
fn apart(server: &Mcp) {
    let mut connections: BTreeMap<ConnectionNumber, BTreeSet<String>> = BTreeMap::new();
    let mut sessions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for heard in server.heard() {
        let given = heard.header("authorization").expect("a credential").to_owned();
        if let Some(connection) = heard.connection {
            connections.entry(connection).or_default().insert(given.clone());
        }
        if let Some(session) = heard.header("mcp-session-id") {
            sessions.entry(session.to_owned()).or_default().insert(given);
        }
    }
    for (connection, given) in connections {
        assert_eq!(given.len(), 1, "{connection:?} carried {given:?}");
    }
    for (session, given) in sessions {
        assert_eq!(given.len(), 1, "{session} carried {given:?}");
    }
}

/// A session of an older version.
async fn session(world: &World, token: &str, capabilities: Value) -> String {
    let mut hello = initialize("2025-11-25");
    hello["params"]["capabilities"] = capabilities;
    let begun = world.request("POST", FAKE).token(token).json(hello).send().await;
    begun.header("mcp-session-id").unwrap().to_owned()
}

/// An agent `alice` with a server `fake`, in this tenant.
fn furnish(setup: &mut Setup, mut server: McpSetup, tenant: &'static str) -> String {
    (server.tenant, server.per_user) = (tenant, true);
    if let Some(members) = server.definition.as_object_mut() {
        members.remove("headers");
    }
    server.era = EraChoice::Auto;
    setup.mcp.push(server);
    let mut alice = AgentSetup::new("alice").granted("fake", &["*"], &[]);
    (alice.tenant, alice.users) = (tenant, &["*"]);
    let token = alice.token.plain.expose().to_owned();
    setup.agents.push(alice);
    token
}

/// The users of some tenants, who all use the server that `make` describes.
async fn people(
    tenants: &[&'static str],
    users: &[&'static str],
    make: impl Fn() -> McpSetup,
) -> (Arc<World>, Vec<Somebody>) {
    let mut tokens = Vec::new();
    let limits = Limits { server_calls_max: 64, ..Conditions::default().limits };
    let world = World::with(Conditions { limits, strict: false }, |setup| {
        setup.agents.clear();
        setup.servers.clear();
        tokens = tenants.iter().map(|tenant| furnish(setup, make(), tenant)).collect();
    })
    .await;
    let mut everybody = Vec::new();
    for (tenant, token) in tenants.iter().copied().zip(tokens) {
        let mut sessions = Vec::new();
        for capabilities in [json!({"elicitation": {}}), json!({})] {
            sessions.push(session(&world, &token, capabilities).await);
        }
        everybody.extend(users.iter().map(|user| Somebody {
            tenant,
            user,
            token: token.clone(),
            sessions: sessions.clone(),
            held: Some(1),
            settings: 1,
        }));
    }
    (Arc::new(world), everybody)
}

/// Calls over HTTP: 5,000 in each of the two eras of servers.
async fn over_http(speaks: Speaks, tenants: &[&'static str], users: &[&'static str], seed: u64) {
    let server = Mcp::start(speaks).await;
    let (world, mut everybody) = people(tenants, users, || McpSetup::new("fake", &server)).await;
    let plan = Plan { calls: 5000, seed, key: "bearer", rounds: 8 };
    world.change(|setup| hold(setup, &everybody, plan.key));
    let mut sessions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let counted = mix(&world, &plan, &mut everybody, |who, text| {
        if let Some(session) = text["session"].as_str() {
            let whose = format!("{}/{}", who.tenant, who.user);
            sessions.entry(session.to_owned()).or_default().insert(whose);
        }
    })
    .await;
    assert_eq!(counted.answered + counted.refused + counted.cancelled, plan.calls);
    assert!(counted.answered > 3000 && counted.refused > 100, "{counted:?}");
    assert!(sessions.values().all(|whose| whose.len() == 1), "{sessions:?}");
    assert_eq!(sessions.is_empty(), speaks == Speaks::Modern);
    apart(&server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_a_server_with_sessions_never_meet() {
    over_http(Speaks::Legacy, &["default"], &["ann", "bea"], 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_a_stateless_server_never_meet() {
    over_http(Speaks::Modern, &["default"], &["ann", "bea"], 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_with_equal_names_never_meet_over_sessions() {
    over_http(Speaks::Legacy, &["acme", "globex"], &["ann"], 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_with_equal_names_never_meet_over_a_stateless_server() {
    over_http(Speaks::Modern, &["acme", "globex"], &["ann"], 4).await;
}

/// A server that is a process, and tells with which credential it was started, and where.
const PROCESS: &str = r#"
while IFS= read -r line; do
  rest=${line#*\"id\":}
  id=${rest%%[,\}]*}
  answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
  case $line in
    *'"method":"initialize"'*)
      answer '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}' ;;
    *'"method":"tools/list"'*) answer '{"tools":[]}' ;;
    *'"method":"tools/call"'*)
      rest=${line#*\"n\":}
      n=${rest%%[,\}]*}
      text="{\\\"label\\\":\\\"${TOKEN%%.*}\\\",\\\"n\\\":$n,\\\"session\\\":\\\"$$\\\",\\\"home\\\":\\\"$HOME\\\",\\\"given\\\":\\\"$TOKEN\\\"}"
      [ "$PWD" = "$HOME" ] || text=wrong
      answer "{\"content\":[{\"type\":\"text\",\"text\":\"$text\"}]}" ;;
  esac
done
"#;

async fn over_processes(tenants: &[&'static str], users: &[&'static str], seed: u64) {
    let (server, directory) = (Mcp::start(Speaks::Legacy).await, TempDir::new().unwrap());
    let home = directory.path().canonicalize().unwrap();
    let make = || {
        let mut setup = McpSetup::new("fake", &server);
        setup.definition = json!({"type": "stdio", "command": "/bin/sh", "args": ["-c", PROCESS]});
        setup.directory = home.clone();
        setup
    };
    let (world, mut everybody) = people(tenants, users, make).await;
    let plan = Plan { calls: 400, seed, key: "env:TOKEN", rounds: 2 };
    world.change(|setup| hold(setup, &everybody, plan.key));
    let mut processes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let counted = mix(&world, &plan, &mut everybody, |who, text| {
        let process = text["session"].as_str().unwrap().to_owned();
        processes.entry(process).or_default().insert(text["label"].to_string());
        let own = home.join(who.tenant).join("fake.users").join(who.user);
        assert_eq!(text["home"], own.to_str().unwrap());
    })
    .await;
    assert!(counted.answered > 250 && counted.refused > 0, "{counted:?}");
    // Numbers of processes come again, but not so soon.
    assert!(processes.values().all(|labels| labels.len() == 1), "{processes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_a_process_never_meet() {
    over_processes(&["default"], &["ann", "bea"], 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_with_equal_names_never_meet_in_a_process() {
    over_processes(&["acme", "globex"], &["ann"], 6).await;
}
