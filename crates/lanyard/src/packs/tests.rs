//! Packs: each allows what it is for and stops what it is against, whatever the arguments look like.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lanyard_core::{AgentName, Peer, ServerName, TenantName, Timestamp, ToolName};
use lanyard_policy::{
    Action, Ask, Circumstances, Grant, Grants, Hints, Object, ObjectFacts, Policies, PolicySource,
    SessionFacts, SubjectFacts, ToolPattern, Transport, UserPattern, Verdict,
};
use serde_json::{Map, Value, json};

use super::*;
use crate::views::GuardViews;

/// Sunday, 2026-11-22, 09:30 in UTC.
const SUNDAY: i64 = 1_795_339_800_000_000;

const HOUR: i64 = 3_600_000_000;

/// A call of `bank/pay` by alice of the team ops.
struct Call {
    agent_tags: &'static [(&'static str, &'static str)],
    tool_tags: &'static [(&'static str, &'static str)],
    read_only: Option<bool>,
    now: i64,
}

const CALL: Call = Call { agent_tags: &[], tool_tags: &[], read_only: None, now: SUNDAY };

fn filled(name: &str, given: &[(&str, &str)]) -> String {
    let given = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    find(name).unwrap().fill(&given.collect()).unwrap()
}

fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

impl Call {
    /// Whether a policy allows the call with these arguments to an agent that is granted all.
    fn allowed(&self, policy: &str, arguments: &Value) -> bool {
        let source =
            PolicySource { file: "pack", text: policy, version: 1, zone: "UTC", shadow: false };
        let policies = Policies::parse(&source, Arc::new(GuardViews)).unwrap();
        let (tenant, agent) = (TenantName::default_tenant(), AgentName::parse("alice").unwrap());
        let (server, tool) = (ServerName::parse("bank").unwrap(), ToolName::parse("pay").unwrap());
        let teams = BTreeSet::from(["ops".parse().unwrap()]);
        let facts = SubjectFacts {
            tenant: &tenant,
            agent: &agent,
            teams: &teams,
            tags: &tags(self.agent_tags),
        };
        let subject = policies.subject(&facts);
        let schema = schema();
        let hints = Hints { read_only: self.read_only, ..Hints::default() };
        let object = Object::Tool { server: &server, tool: &tool, hints, input_schema: &schema };
        let tags = tags(self.tool_tags);
        let object = policies.object(&ObjectFacts { tenant: &tenant, object, tags: &tags });
        let grant = Grant {
            server: server.clone(),
            allow: ToolPattern::All,
            deny: ToolPattern::none(),
            users: UserPattern::All,
            expires_at: None,
        };
        let circumstances = Circumstances {
            user: None,
            token: None,
            peer: Peer::Tcp("10.1.2.3:5000".parse().unwrap()),
            transport: Transport::Http,
            now: Timestamp(self.now),
        };
        let arguments: Map<String, Value> = arguments.as_object().unwrap().clone();
        let session = SessionFacts::default();
        let ask =
            Ask { circumstances, session: &session, action: Action::Call, arguments: &arguments };
        let grants = Grants::new(agent, vec![grant]);
        let about = (&server, Some(&tool));
        matches!(policies.decide(&subject, &object, &grants, about, &ask), Verdict::Allowed(_))
    }
}

/// None of the arguments is required, so that a policy cannot rely on it.
fn schema() -> Value {
    json!({ "type": "object", "properties": {
        "path": { "type": "string" },
        "paths": { "type": "array", "items": { "type": "string" } },
        "sql": { "type": "string" },
        "amount": { "type": "number" },
        "count": { "type": "integer" },
    } })
}

#[track_caller]
fn check(policy: &str, argument: &str, allowed: &[Value], refused: &[Value]) {
    for (values, expected) in [(allowed, true), (refused, false)] {
        for value in values {
            let arguments = json!({ argument: value });
            assert_eq!(CALL.allowed(policy, &arguments), expected, "{arguments}");
        }
    }
    flips(policy, argument);
}

/// Whatever stands in the place of the argument, and nothing at all, is stopped.
#[track_caller]
fn flips(policy: &str, argument: &str) {
    let others = [
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!([null]),
        json!({ "a": 1 }),
        json!(""),
        json!("\u{fe52}"),
        json!("１"),
        json!("1e999"),
        json!([["/data/a"]]),
        json!([1]),
        json!({ "value": "/data/a" }),
    ];
    for other in others {
        let is_empty_list = argument == "paths" && other == json!([]);
        let arguments = json!({ argument: other });
        assert!(is_empty_list || !CALL.allowed(policy, &arguments), "{arguments}");
    }
    assert!(!CALL.allowed(policy, &json!({})), "{argument} is missing");
    let upper = json!({ argument.to_uppercase(): "/data/a" });
    assert!(!CALL.allowed(policy, &upper), "{upper}");
}

#[test]
fn path_under_root() {
    let policy = filled("path-under-root", &[("tool", "bank/pay"), ("root", "/data/")]);
    check(
        &policy,
        "path",
        &[json!("/data"), json!("/data/a/b.txt"), json!("/data/./a"), json!("/data//a")],
        &[
            json!("/"),
            json!("/etc/passwd"),
            json!("/database/x"),
            json!("data/a"),
            json!("a"),
            json!("/data/../etc/passwd"),
            json!("/data/a/../../etc"),
            json!("../data/a"),
            json!("/data/%2e%2e/etc"),
            json!("/data\\..\\etc"),
            json!("/data/a\u{0}"),
            json!("~/data/a"),
            json!("file:///data/a"),
            json!("/data/\u{ff0e}\u{ff0e}/etc"),
            json!(" /data/a"),
            json!("//data/a"),
            json!("/DATA/a"),
        ],
    );
    let parameters = [("tool", "bank/pay"), ("root", "/data"), ("argument", "paths")];
    check(
        &filled("path-under-root", &parameters),
        "paths",
        &[json!(["/data/a"]), json!(["/data/a", "/data/b"])],
        &[json!(["/data/a", "/etc/passwd"]), json!(["/data/a", "/data/../x"]), json!(["a"])],
    );
}

#[test]
fn read_only_sql() {
    check(
        &filled("read-only-sql", &[("tool", "bank/pay")]),
        "sql",
        &[json!("SELECT * FROM t"), json!("with x as (select 1) select * from x")],
        &[
            json!("DELETE FROM t"),
            json!("SELECT 1; DELETE FROM t"),
            json!("SELECT pg_sleep(9)"),
            json!("SELECT /*! 1 INTO OUTFILE '/x' */"),
            json!("select"),
            json!("/data/a"),
            json!("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x"),
        ],
    );
}

#[test]
fn amounts() {
    let policy = filled("amount-limit", &[("tool", "bank/pay"), ("most", "1000.5")]);
    check(
        &policy,
        "amount",
        &[json!(0), json!(1), json!(1000.5), json!(999.9999), json!(1e2)],
        &[
            json!(1000.51),
            json!(1001),
            json!(-1),
            json!(-0.0001),
            json!(1e30),
            json!(-1e30),
            json!("10"),
            json!(1000.50001),
        ],
    );
    let huge: Value = serde_json::from_str("99999999999999999999999999").unwrap();
    check(
        &filled(
            "whole-amount-limit",
            &[("tool", "bank/pay"), ("most", "10"), ("argument", "count")],
        ),
        "count",
        &[json!(0), json!(10)],
        &[json!(11), json!(-1), huge, json!(1.5), json!("1")],
    );
}

#[test]
fn business_hours() {
    let policy = filled("business-hours", &[("server", "bank")]);
    let at = |hours: i64| Call { now: SUNDAY + hours * HOUR, ..CALL };
    // Sunday 09:30, Monday 09:30, Monday 08:30, 16:30 and 17:30, Friday 09:30, Saturday 09:30.
    let expected =
        [(0, false), (24, true), (23, false), (31, true), (32, false), (120, true), (144, false)];
    for (hours, allowed) in expected {
        assert_eq!(at(hours).allowed(&policy, &json!({})), allowed, "{hours}");
    }
}

#[test]
fn tags_that_must_be_the_same() {
    let departments = filled("department-is-owner", &[("server", "bank")]);
    let regions = filled("data-residency", &[]);
    for (policy, of_agent, of_tool) in
        [(&departments, "department", "owner"), (&regions, "region", "region")]
    {
        let call = |agent: Option<&str>, tool: Option<&str>| {
            let agent: Vec<_> = agent.map(|value| (of_agent, value)).into_iter().collect();
            let tool: Vec<_> = tool.map(|value| (of_tool, value)).into_iter().collect();
            let agent_tags = leaked(&agent);
            let tool_tags = leaked(&tool);
            Call { agent_tags, tool_tags, ..CALL }.allowed(policy, &json!({}))
        };
        assert!(call(Some("eu"), Some("eu")));
        for (agent, tool) in [
            (None, None),
            (Some("eu"), None),
            (None, Some("eu")),
            (Some("eu"), Some("us")),
            (Some("EU"), Some("eu")),
        ] {
            assert!(!call(agent, tool), "{of_agent} {agent:?} {tool:?}");
        }
    }
}

fn leaked(tags: &[(&str, &str)]) -> &'static [(&'static str, &'static str)] {
    let own = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    let tags: Vec<_> = tags.iter().map(|(key, value)| (own(key), own(value))).collect();
    Box::leak(tags.into_boxed_slice())
}

#[test]
fn only_read_only_tools() {
    let policy = filled("only-read-only-tools", &[("team", "ops")]);
    for (read_only, allowed) in [(Some(true), true), (Some(false), false), (None, false)] {
        let call = Call { read_only, ..CALL };
        assert_eq!(call.allowed(&policy, &json!({})), allowed, "{read_only:?}");
    }
    let others = filled("only-read-only-tools", &[("team", "dev")]);
    assert!(CALL.allowed(&others, &json!({})), "alice is not in the team");
}

#[test]
fn values_stay_in_their_places() {
    let cases = [
        ("tool", "bank/pay\""),
        ("tool", "bank"),
        ("tool", "bank/*"),
        ("root", "data"),
        ("root", "/data/.."),
        ("root", "/da\"ta"),
        ("root", "/da\\ta"),
        ("argument", "a\"] || true"),
        ("argument", ""),
        ("id", "a b"),
        ("rot", "/data"),
    ];
    for (key, value) in cases {
        let mut given = tags(&[("tool", "bank/pay"), ("root", "/data")]);
        given.insert(key.to_owned(), value.to_owned());
        assert!(find("path-under-root").unwrap().fill(&given).is_err(), "{key}={value}");
    }
    for most in ["", "1e3", "1.00001", "+1", "1.", ".5", "--1", "NaN", "1\")"] {
        let given = tags(&[("tool", "bank/pay"), ("most", most)]);
        assert!(find("amount-limit").unwrap().fill(&given).is_err(), "{most}");
    }
    assert!(find("nothing").unwrap_err().contains("read-only-sql"));
}

#[test]
fn every_pack_is_whole() {
    let given = tags(&[
        ("tool", "bank/pay"),
        ("server", "bank"),
        ("team", "ops"),
        ("root", "/data"),
        ("most", "10"),
    ]);
    let mut all = String::new();
    for pack in PACKS {
        let own = |key: &&String| pack.parameters.iter().any(|it| it.key == key.as_str());
        let mine = given.iter().filter(|(key, _)| own(key));
        let text = pack.fill(&mine.map(|(key, value)| (key.clone(), value.clone())).collect());
        let text = text.unwrap();
        assert!(!text.contains("{{") && text.starts_with("// "), "{}", pack.name);
        all.push_str(&text);
    }
    // They also stand together, each under its own id.
    let source = PolicySource { file: "all", text: &all, version: 1, zone: "UTC", shadow: false };
    assert_eq!(
        Policies::parse(&source, Arc::new(GuardViews)).unwrap().rules().count(),
        PACKS.len()
    );
}
