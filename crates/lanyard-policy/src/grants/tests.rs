//! Decisions as lines of data, and the two properties: a deny never allows more, and a naive
//! model agrees.

use expect_test::{Expect, expect};
use lanyard_core::{AgentName, ServerName, Timestamp, ToolName, UserName};
use proptest::prelude::*;

use super::who_can;
use crate::{Grant, Grants, PatternError, ToolPattern, UserPattern};

/// `SERVER ALLOW DENY UNTIL [USERS]`, where ALLOW and DENY are `*`, `-` for none or names with
/// commas, UNTIL is `-` or a time, and USERS is `*` or names with commas.
fn grant(line: &str) -> Grant {
    let fields: Vec<&str> = line.split(' ').collect();
    Grant {
        server: ServerName::parse(fields[0]).unwrap(),
        allow: pattern(fields[1]),
        deny: pattern(fields[2]),
        users: fields.get(4).map_or_else(UserPattern::none, |field| {
            UserPattern::parse(&field.split(',').collect::<Vec<_>>()).unwrap()
        }),
        expires_at: fields[3].parse().ok().map(Timestamp),
    }
}

fn pattern(text: &str) -> ToolPattern {
    let words: Vec<&str> = text.split(',').filter(|word| *word != "-").collect();
    ToolPattern::parse(&words).unwrap()
}

fn grants(agent: &str, lines: &[&str]) -> Grants {
    let grants = lines.iter().map(|line| grant(line)).collect();
    Grants::new(AgentName::parse(agent).unwrap(), grants)
}

#[track_caller]
fn check(lines: &[&str], server: &str, tool: &str, now: i64, expected: Expect) {
    let (server, tool) = (ServerName::parse(server).unwrap(), ToolName::parse(tool).unwrap());
    let grants = grants("alice", lines);
    let decision = grants.decide(&server, &tool, None, Timestamp(now));
    assert_eq!(decision.is_ok(), grants.lists(&server, &tool, Timestamp(now)));
    expected.assert_eq(&match decision {
        Ok(permit) => {
            format!(
                "allow by {} for {} {}",
                permit.by.join(", "),
                permit.server(),
                permit.tool().unwrap()
            )
        }
        Err(reason) => format!("deny: {reason}"),
    });
}

#[test]
fn silence_is_denial() {
    check(&[], "billing", "pay", 0, expect!["deny: no grant for this server"]);
    check(&["crm * - -"], "billing", "pay", 0, expect!["deny: no grant for this server"]);
    check(&["billing - - -"], "billing", "pay", 0, expect!["deny: no grant allows this tool"]);
    check(&["billing list - -"], "billing", "pay", 0, expect!["deny: no grant allows this tool"]);
    // Tool names are exact: neither case nor prefix counts.
    check(&["billing pay - -"], "billing", "Pay", 0, expect!["deny: no grant allows this tool"]);
    check(&["billing pay - -"], "billing", "pay2", 0, expect!["deny: no grant allows this tool"]);
}

#[test]
fn a_deny_wins() {
    check(&["billing * pay -"], "billing", "pay", 0, expect!["deny: a grant denies this tool"]);
    check(&["billing pay pay -"], "billing", "pay", 0, expect!["deny: a grant denies this tool"]);
    check(&["billing pay * -"], "billing", "pay", 0, expect!["deny: a grant denies this tool"]);
    let two = ["billing * - -", "billing - pay -"];
    check(&two, "billing", "pay", 0, expect!["deny: a grant denies this tool"]);
    check(&two, "billing", "list", 0, expect!["allow by grant:alice/billing for billing list"]);
    // Also when the grant that denies is over.
    let over = ["billing * - -", "billing - pay 5"];
    check(&over, "billing", "pay", 9, expect!["deny: a grant denies this tool"]);
}

#[test]
fn a_grant_ends_at_its_date() {
    check(&["billing * - 5"], "billing", "pay", 6, expect!["deny: the grant has expired"]);
    check(&["billing * - 5"], "billing", "pay", 5, expect!["deny: the grant has expired"]);
    let two = ["billing * - 5", "billing list - -"];
    check(&two, "billing", "pay", 5, expect!["deny: the grant has expired"]);
    check(&two, "billing", "list", 5, expect!["allow by grant:alice/billing for billing list"]);
    check(
        &["billing * - 5"],
        "billing",
        "pay",
        4,
        expect!["allow by grant:alice/billing for billing pay"],
    );
}

#[test]
fn what_is_named_passes() {
    check(
        &["billing pay,list - -"],
        "billing",
        "pay",
        0,
        expect!["allow by grant:alice/billing for billing pay"],
    );
    check(
        &["billing * refund -"],
        "billing",
        "anything/at.all",
        0,
        expect!["allow by grant:alice/billing for billing anything/at.all"],
    );
}

#[test]
fn a_server_is_seen_through_its_tools() {
    let tools: Vec<ToolName> =
        ["pay", "list"].iter().map(|name| ToolName::parse(name).unwrap()).collect();
    let server = ServerName::parse("billing").unwrap();
    for (line, now, seen) in [
        ("crm * - -", 0, false),
        ("billing - - -", 0, false),
        ("billing refund - -", 0, false),
        ("billing pay,list pay,list -", 0, false),
        ("billing * * -", 0, false),
        ("billing * - 5", 5, false),
        ("billing * - 5", 4, true),
        ("billing * pay -", 0, true),
        ("billing list - -", 0, true),
    ] {
        let grants = grants("alice", &[line]);
        let actual = grants.sees(&server, &mut tools.iter(), Timestamp(now));
        assert_eq!(actual, seen, "{line} at {now}");
    }
    let all = grants("alice", &["billing * - -"]);
    assert!(!all.sees(&server, &mut [].iter(), Timestamp(0)), "no tool, nothing to see");
}

#[test]
fn servers_are_those_with_a_grant_in_force() {
    let grants = grants("alice", &["crm * - 5", "billing pay - -", "archive * - -"]);
    let names = |now| grants.servers(Timestamp(now)).map(ServerName::as_str).collect::<Vec<_>>();
    assert_eq!(names(4), ["archive", "billing", "crm"]);
    assert_eq!(names(5), ["archive", "billing"]);
    assert_eq!(grants.iter().count(), 3);
}

#[test]
fn who_can_names_the_agents() {
    let agents = [
        grants("alice", &["billing * - -"]),
        grants("bob", &["billing list - -"]),
        grants("carol", &["billing * pay -"]),
        grants("dave", &["billing pay - 5"]),
    ];
    let (server, tool) = (ServerName::parse("billing").unwrap(), ToolName::parse("pay").unwrap());
    let names = |now| {
        let found = who_can(&mut agents.iter(), &server, &tool, Timestamp(now));
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(4), ["alice", "dave"]);
    assert_eq!(names(5), ["alice"]);
}

#[test]
fn patterns_are_read_and_written() {
    assert_eq!(ToolPattern::parse(&["*", "pay"]), Err(PatternError::StarBesideNames));
    assert_eq!(ToolPattern::parse(&["*", "*"]), Err(PatternError::StarBesideNames));
    assert!(matches!(ToolPattern::parse(&["pay*"]), Err(PatternError::Name(_))));
    assert!(matches!(ToolPattern::parse(&[""]), Err(PatternError::Name(_))));
    assert_eq!(ToolPattern::parse(&[]), Ok(ToolPattern::none()));
    assert_eq!(ToolPattern::parse(&["*"]), Ok(ToolPattern::All));
    assert_eq!(ToolPattern::parse(&["b", "a", "b"]).unwrap().to_string(), "a,b");
    assert_eq!(ToolPattern::All.to_string(), "*");
    assert_eq!(UserPattern::parse(&["*", "ann"]), Err(PatternError::StarBesideNames));
    assert!(matches!(UserPattern::parse(&["ann smith"]), Err(PatternError::Name(_))));
    assert_eq!(UserPattern::parse(&[]), Ok(UserPattern::none()));
    assert_eq!(UserPattern::parse(&["*"]), Ok(UserPattern::All));
}

#[test]
fn an_agent_calls_for_whom_a_grant_names() {
    let (billing, pay) = (ServerName::parse("billing").unwrap(), ToolName::parse("pay").unwrap());
    let decide = |lines: &[&str], user: Option<&str>| {
        let user = user.map(|user| UserName::parse(user).unwrap());
        let grants = grants("alice", lines);
        let whole = grants.decide_whole(&billing, user.as_ref(), Timestamp(5)).is_ok();
        let decision = grants.decide(&billing, &pay, user.as_ref(), Timestamp(5));
        assert_eq!(whole, decision.is_ok());
        if let (Some(user), Ok(_)) = (&user, &decision) {
            assert!(grants.names_users() && grants.calls_for(&billing, user, Timestamp(5)));
            assert!(!grants.calls_for(&ServerName::parse("crm").unwrap(), user, Timestamp(5)));
        }
        decision.map_or_else(|reason| reason.to_string(), |_| "allow".to_owned())
    };
    let no = "no grant allows it for this user";
    assert_eq!(decide(&["billing * - -"], None), "allow");
    assert_eq!(decide(&["billing * - -"], Some("ann")), no);
    assert_eq!(decide(&["billing * - - ann,bea"], Some("ann")), "allow");
    assert_eq!(decide(&["billing * - - ann,bea"], None), "allow");
    assert_eq!(decide(&["billing * - - ann,bea"], Some("Ann")), no);
    assert_eq!(decide(&["billing * - - ann,bea"], Some("carl")), no);
    assert_eq!(decide(&["billing * - - *"], Some("carl")), "allow");
    // For whom is a matter of the grant that allows the tool, and is in force.
    assert_eq!(decide(&["billing * - -", "billing - - - ann"], Some("ann")), no);
    assert_eq!(decide(&["billing * - -", "billing * - 5 ann"], Some("ann")), no);
    assert_eq!(decide(&["crm * - - ann"], Some("ann")), "no grant for this server");
}

fn any_pattern() -> impl Strategy<Value = ToolPattern> {
    let named = prop::collection::btree_set(any_tool(), 0..4).prop_map(ToolPattern::Named);
    prop_oneof![1 => Just(ToolPattern::All), 4 => named]
}

fn any_tool() -> impl Strategy<Value = ToolName> {
    "[a-e]".prop_map(|name| ToolName::parse(&name).unwrap())
}

fn any_server() -> impl Strategy<Value = ServerName> {
    "[x-z]".prop_map(|name| ServerName::parse(&name).unwrap())
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let end = prop::option::of((0_i64..4).prop_map(Timestamp));
    (any_server(), any_pattern(), any_pattern(), any_users(), end).prop_map(
        |(server, allow, deny, users, expires_at)| Grant { server, allow, deny, users, expires_at },
    )
}

fn any_users() -> impl Strategy<Value = UserPattern> {
    let named = prop::collection::btree_set(any_user(), 0..3).prop_map(UserPattern::Named);
    prop_oneof![1 => Just(UserPattern::All), 4 => named]
}

fn any_user() -> impl Strategy<Value = UserName> {
    "[p-r]".prop_map(|name| UserName::parse(&name).unwrap())
}

/// The decision as one would say it, without any structure.
fn model(
    grants: &[Grant],
    server: &ServerName,
    tool: &ToolName,
    user: Option<&UserName>,
    now: Timestamp,
) -> bool {
    let of_server = || grants.iter().filter(|grant| grant.server == *server);
    let has = |pattern: &ToolPattern| {
        pattern.words().iter().any(|word| *word == "*" || *word == tool.as_str())
    };
    let is_for = |users: &UserPattern| match (users, user) {
        (UserPattern::All, _) | (_, None) => true,
        (UserPattern::Named(names), Some(user)) => names.iter().any(|name| name == user),
    };
    of_server().any(|grant| {
        has(&grant.allow)
            && grant.expires_at.is_none_or(|end| now.0 < end.0)
            && is_for(&grant.users)
    }) && !of_server().any(|grant| has(&grant.deny))
}

proptest! {
    #[test]
    fn the_model_agrees(
        list in prop::collection::vec(any_grant(), 0..6),
        server in any_server(), tool in any_tool(), user in prop::option::of(any_user()),
        now in (0_i64..5).prop_map(Timestamp),
    ) {
        let grants = Grants::new(AgentName::parse("alice").unwrap(), list.clone());
        prop_assert_eq!(
            grants.decide(&server, &tool, user.as_ref(), now).is_ok(),
            model(&list, &server, &tool, user.as_ref(), now)
        );
    }

    #[test]
    fn a_deny_more_and_time_that_passes_never_allow_more(
        list in prop::collection::vec(any_grant(), 1..6), which in any::<prop::sample::Index>(),
        denied in any_tool(), server in any_server(), tool in any_tool(), user in prop::option::of(any_user()),
        now in 0_i64..5, later in 0_i64..3,
    ) {
        let agent = AgentName::parse("alice").unwrap();
        let before = Grants::new(agent.clone(), list.clone());
        let mut more = list;
        let index = which.index(more.len());
        if let ToolPattern::Named(names) = &mut more[index].deny {
            names.insert(denied);
        }
        let after = Grants::new(agent, more);
        let (now, later) = (Timestamp(now), Timestamp(now.saturating_add(later)));
        let user = user.as_ref();
        if after.decide(&server, &tool, user, now).is_ok()
            || before.decide(&server, &tool, user, later).is_ok()
        {
            prop_assert!(before.decide(&server, &tool, user, now).is_ok());
            // To call for somebody takes more than to call.
            prop_assert!(before.decide(&server, &tool, None, now).is_ok());
        }
    }
}

#[test]
fn what_is_no_tool_takes_all_of_a_server() {
    let billing = ServerName::parse("billing").unwrap();
    let whole =
        |lines: &[&str]| match grants("alice", lines).decide_whole(&billing, None, Timestamp(5)) {
            Ok(permit) => {
                assert_eq!(permit.tool(), None);
                "allow".to_owned()
            }
            Err(reason) => reason.to_string(),
        };
    assert_eq!(whole(&["billing * - -"]), "allow");
    assert_eq!(whole(&["billing * pay -"]), "allow");
    assert_eq!(whole(&["billing list - -"]), "no grant allows this tool");
    assert_eq!(whole(&["crm * - -"]), "no grant for this server");
    assert_eq!(whole(&["billing * - 5"]), "the grant has expired");
    assert_eq!(whole(&["billing * - 4", "billing * - 6"]), "allow");
    assert_eq!(whole(&["billing * - -", "billing - * -"]), "a grant denies this tool");
}
