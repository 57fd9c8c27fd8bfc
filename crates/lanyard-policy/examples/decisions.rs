//! How long a decision takes: `cargo run --release -p lanyard-policy --example decisions`.
//!
//! 1,000 agents and 500 tools, each pair met once before it is measured, so that what is worked out
//! once is worked out; then 200,000 decisions over all of them, and 200,000 times whether a tool is
//! shown. Every decision reads arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lanyard_core::{AgentName, Peer, ServerName, TenantName, Timestamp, ToolName};
use lanyard_policy::{
    Action, Ask, Circumstances, Grant, Grants, Hints, NoViews, Object, ObjectFacts, ObjectRules,
    Policies, PolicySource, SessionFacts, SubjectFacts, SubjectRules, ToolPattern, Transport,
    UserPattern, Verdict,
};
use serde_json::{Map, Value, json};

const AGENTS: usize = 1_000;
const SERVERS: usize = 25;
const TOOLS: usize = 20;
const DECISIONS: usize = 200_000;

struct World {
    policies: Policies,
    agents: Vec<(SubjectRules, Grants)>,
    tools: Vec<(ServerName, ToolName, ObjectRules)>,
}

/// Rules about all tools: every decision asks every one of them.
fn about_all(count: usize) -> String {
    (0..count)
        .map(|number| {
            format!(
                "@id(\"r{number}\") forbid(principal, action in Action::\"call\", resource) \
                 when {{ context.args.amount > {number}000009 && context.args.to == \"x{number}\" }};\n"
            )
        })
        .collect()
}

/// Rules about all tools that read something else than arguments, too: what is shown changes with
/// the time and the client.
fn about_moments(count: usize) -> String {
    (0..count)
        .map(|number| {
            format!(
                "@id(\"r{number}\") forbid(principal, action in Action::\"call\", resource) \
                 when {{ context.time.hour == 2{number} || context.client.transport == \"x\" \
                 || context.args.to == \"x{number}\" }};\n"
            )
        })
        .collect()
}

/// Rules about one tool each, as most are.
fn about_one(count: usize) -> String {
    (0..count)
        .map(|number| {
            let (server, tool) = (number % SERVERS, number / SERVERS % TOOLS);
            format!(
                "@id(\"r{number}\") forbid(principal, action in Action::\"call\", \
                 resource == Tool::\"s{server}/t{tool}\") when {{ context.args.amount > {number}000009 }};\n"
            )
        })
        .collect()
}

fn world(text: &str) -> Result<World, Box<dyn Error>> {
    let source = PolicySource { file: "p.cedar", text, version: 1, zone: "UTC", shadow: false };
    let policies = Policies::parse(&source, Arc::new(NoViews))
        .map_err(|problems| problems.first().map_or_else(String::new, ToString::to_string))?;
    let (tenant, tags) = (TenantName::default_tenant(), BTreeMap::new());
    let schema = json!({ "type": "object", "required": ["amount", "to"], "properties": {
        "amount": { "type": "integer" }, "to": { "type": "string" }, "note": { "type": "string" } } });
    let mut tools = Vec::new();
    for number in 0..SERVERS * TOOLS {
        let server = ServerName::parse(&format!("s{}", number / TOOLS))?;
        let tool = ToolName::parse(&format!("t{}", number % TOOLS))?;
        let object = Object::Tool {
            server: &server,
            tool: &tool,
            hints: Hints::default(),
            input_schema: &schema,
        };
        let rules = policies.object(&ObjectFacts { tenant: &tenant, object, tags: &tags });
        tools.push((server, tool, rules));
    }
    let mut agents = Vec::new();
    let teams = BTreeSet::from(["ops".to_owned()]);
    for number in 0..AGENTS {
        let agent = AgentName::parse(&format!("a{number}"))?;
        let facts = SubjectFacts { tenant: &tenant, agent: &agent, teams: &teams, tags: &tags };
        let subject = policies.subject(&facts);
        let grants = (0..SERVERS).map(|server| {
            Ok(Grant {
                server: ServerName::parse(&format!("s{server}"))?,
                allow: ToolPattern::All,
                deny: ToolPattern::none(),
                users: UserPattern::none(),
                expires_at: None,
            })
        });
        let grants = grants.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
        agents.push((subject, Grants::new(agent, grants)));
    }
    Ok(World { policies, agents, tools })
}

fn arguments() -> Map<String, Value> {
    let all = json!({ "amount": 5, "to": "somebody", "note": "hello" });
    all.as_object().cloned().unwrap_or_default()
}

/// The place after so many steps of a width, around and around.
fn nth(number: usize, width: usize, count: usize) -> usize {
    number.wrapping_mul(width).checked_rem(count).unwrap_or_default()
}

/// What is asked of every agent and tool.
#[derive(Debug, Clone, Copy)]
enum Question {
    Decide,
    Show,
}

fn run(world: &World, question: Question, count: usize) -> Result<Duration, Box<dyn Error>> {
    let (arguments, session) = (arguments(), SessionFacts::default());
    let began = Instant::now();
    for number in 0..count {
        // Both are walked through with steps that share no factor, so that pairs come in no order.
        let (subject, grants) = world.agents.get(nth(number, 7, AGENTS)).ok_or("no agent")?;
        let (server, tool, object) =
            world.tools.get(nth(number, 11, SERVERS * TOOLS)).ok_or("no tool")?;
        let circumstances = Circumstances {
            user: None,
            token: None,
            peer: Peer::Unix { uid: 1000, pid: None },
            transport: Transport::Unix,
            now: Timestamp(1_795_339_800_000_000),
        };
        let (policies, about) = (&world.policies, (server, Some(tool)));
        let yes = match question {
            Question::Decide => {
                let (session, action) = (&session, Action::Call);
                let ask = Ask { circumstances, session, action, arguments: &arguments };
                let verdict = policies.decide(subject, object, grants, about, &ask);
                matches!(verdict, Verdict::Allowed(_))
            }
            Question::Show => policies.lists(subject, object, grants, about, &circumstances),
        };
        if !yes {
            return Err(format!("{question:?}: no").into());
        }
    }
    Ok(began.elapsed())
}

#[expect(clippy::print_stdout, reason = "it is what this program is for")]
fn main() -> Result<(), Box<dyn Error>> {
    for (name, text) in [
        ("no policies", String::new()),
        ("10 policies, each about all tools", about_all(10)),
        ("10 policies, each about all tools, time and client", about_moments(10)),
        ("10 policies, each about one tool", about_one(10)),
        ("1,000 policies, each about one tool", about_one(1_000)),
        ("1,000 policies, each about all tools", about_all(1_000)),
    ] {
        let count = if name.starts_with("1,000") { DECISIONS / 10 } else { DECISIONS };
        let began = Instant::now();
        let world = world(&text)?;
        let compiled = began.elapsed();
        let each = |question| -> Result<f64, Box<dyn Error>> {
            run(&world, question, count)?;
            let took = run(&world, question, count)?;
            Ok(took.as_secs_f64() * 1e6 / f64::from(u32::try_from(count)?))
        };
        let (decided, shown) = (each(Question::Decide)?, each(Question::Show)?);
        println!(
            "{name}: {decided:.2} µs a decision, {shown:.2} µs to show it ({:.0} ms to compile)",
            compiled.as_secs_f64() * 1e3
        );
    }
    Ok(())
}
