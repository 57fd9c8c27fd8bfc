//! What one rule does with one call: permits, forbids, messages, approvals, and what cannot be decided.

use serde_json::json;

use super::*;

const BIG: &str = r#"
@id("big") @message("ask your manager")
forbid(principal, action in Action::"call", resource) when { context.args.count > 1000 };
"#;

#[test]
fn grants_alone_decide_without_policies() {
    assert_eq!(World::new("").check(json!({})), "allowed by grant:alice/bank");
    assert_eq!(
        World::ungranted("").check(json!({})),
        "denied and hidden: no grant for this server"
    );
}

#[test]
fn a_forbid_stops_what_it_is_about() {
    let world = World::new(BIG);
    assert_eq!(world.check(json!({})), "allowed by grant:alice/bank");
    assert_eq!(world.check(json!({ "count": 1001 })), "denied: big ask your manager");
    assert_eq!(world.check(json!({ "count": 1e30 })), "denied: big ask your manager");
    let huge: Value = serde_json::from_str(r#"{"count": 99999999999999999999999}"#).unwrap();
    assert_eq!(world.check(huge), "denied: big ask your manager");
    assert_eq!(
        world.check(json!({ "count": "1001" })),
        "undecidable: big: `count` is not of the type that its schema says"
    );
}

#[test]
fn a_permit_opens_what_no_grant_names() {
    let world = World::ungranted(
        r#"@id("ops") permit(principal in Team::"ops", action in Action::"call", resource in Server::"bank")
           when { context.args.name == "a" };"#,
    );
    assert_eq!(world.check(json!({})), "allowed by policy:ops");
    assert_eq!(world.check(json!({ "name": "b" })), "denied: no grant for this server");
    assert!(world.lists());
}

#[test]
fn what_is_always_forbidden_does_not_exist() {
    let world = World::new(r#"@id("no") forbid(principal, action in Action::"call", resource);"#);
    assert_eq!(world.check(json!({})), "denied and hidden: no");
    assert!(!world.lists());
    let world = World::new(r#"@id("no") forbid(principal, action == Action::"list", resource);"#);
    assert_eq!(world.check(json!({})), "allowed by grant:alice/bank");
    assert!(!world.lists());
}

#[test]
fn everything_that_a_policy_sees_is_there() {
    for condition in [
        r#"principal.hasTag("department") && resource.hasTag("owner") && principal.getTag("department") == resource.getTag("owner")"#,
        r#"principal in Team::"ops" && principal in Tenant::"default""#,
        r#"principal has user && principal.user == User::"ann""#,
        r#"principal has token && principal.token == "t1""#,
        r#"principal has peer && principal.peer has address && principal.peer.address.isInRange(ip("10.0.0.0/8"))"#,
        r#"context.client has address && context.client.address == ip("10.1.2.3")"#,
        r#"context.client.transport == "http""#,
        r#"context.time.hour == 10 && context.time.minute == 30 && context.time.weekday == 7"#,
        r#"context has time && context has client.transport && context has args && context has url && !(context has other)"#,
        r#"context.time.date == "2026-11-22" && context.time.at < datetime("2026-11-23")"#,
        r#"context.session.calls == 0 && context.session.servers.isEmpty()"#,
        r#"resource.name == "pay" && resource in Server::"bank" && resource.hints has readOnly && !resource.hints.readOnly"#,
        r#"context.args.name like "a*" && context.args.count == 1 && context.args.sure"#,
        r#"context.args.amount.lessThan(decimal("1.6")) && context.args.amount == decimal("1.5")"#,
        r#"!(context.args has note) && !(context.args has share) && context.args.mode == "fast""#,
        r#"context.path.file.ancestors.contains("/data") && context.path.file.absolute"#,
        r#"!(context.sql has query) && context.undeclared.isEmpty()"#,
        r#"if context.args has where then context.args.where.city == "x" else true"#,
        r#"action == Action::"call:bank/pay" && action in Action::"call""#,
        r#"{a: 1, "b c": context.args.count}["b c"] == 1 && [1, -2].contains(-2)"#,
    ] {
        let text = format!(
            r#"@id("p") permit(principal, action in Action::"call", resource) when {{ {condition} }};"#
        );
        assert_eq!(World::ungranted(&text).check(json!({})), "allowed by policy:p", "{condition}");
    }
}

#[test]
fn a_human_can_be_asked() {
    let world = World::new(
        r#"@id("ask") @approval("large") @approval_ttl("5m")
           forbid(principal, action in Action::"call", resource) when { context.args.count > 10 };
           @id("never") forbid(principal, action in Action::"call", resource) when { context.args.count > 100 };"#,
    );
    assert_eq!(world.check(json!({})), "allowed by grant:alice/bank");
    assert_eq!(world.check(json!({ "count": 11 })), "asks: ask (large, 300s)");
    assert_eq!(world.check(json!({ "count": 101 })), "denied: never");
    let arguments = changed(json!({ "count": 11 }));
    let Verdict::NeedsApproval(need) = world.verdict(&arguments, &SessionFacts::default()) else {
        panic!("it asks");
    };
    assert_eq!(need.lift("7").by, ["grant:alice/bank", "approval:7"]);
}

#[test]
fn a_rule_in_shadow_is_told_and_not_enforced() {
    let world = World::new(&format!(r#"@shadow {BIG}"#));
    assert_eq!(
        world.check(json!({ "count": 1001 })),
        "allowed by grant:alice/bank; in shadow: big"
    );
}

#[test]
fn texts_are_read_in_every_form() {
    let world = World::new(
        r#"@id("no") forbid(principal, action in Action::"call", resource) when { context.args.name == "café" };"#,
    );
    for name in ["caf\u{e9}", "cafe\u{301}", "\u{ff43}af\u{e9}"] {
        assert_eq!(world.check(json!({ "name": name })), "denied: no", "{name}");
    }
    // And what only looks like what is allowed is not.
    let world = World::new(
        r#"@id("only") forbid(principal, action in Action::"call", resource)
           unless { context.path.file.ancestors.contains("/data") };"#,
    );
    assert_eq!(world.check(json!({})), "allowed by grant:alice/bank");
    assert_eq!(world.check(json!({ "file": "\u{ff0f}data/x" })), "denied: only");
}

#[test]
fn decimals_that_cedar_cannot_hold_are_held_on_both_sides() {
    let world = World::new(
        r#"@id("no") forbid(principal, action in Action::"call", resource)
           when { context.args.amount.greaterThan(decimal("52.5200")) };"#,
    );
    for (amount, expected) in [
        ("52.52", "allowed by grant:alice/bank"),
        ("52.51999999", "allowed by grant:alice/bank"),
        ("52.520008", "denied: no"),
        ("1e300", "denied: no"),
        ("-1e300", "allowed by grant:alice/bank"),
    ] {
        let changes = serde_json::from_str(&format!(r#"{{"amount": {amount}}}"#)).unwrap();
        assert_eq!(world.check(changes), expected, "{amount}");
    }
}

fn fails(text: &str, expected: &[&str]) {
    let problems = parse(text).unwrap_err();
    for part in expected {
        assert!(problems.contains(part), "{problems}\nlacks: {part}");
    }
}

#[test]
fn problems_name_their_place() {
    fails("permit(principal, action, resource) when { ", &["p.cedar:1:"]);
    fails("\n  permit(principal, action, resource);", &["p.cedar:2:3", "@id"]);
    fails(
        r#"@id("a") forbid(principal, action, resource) when { context.time.houre == 1 };"#,
        &["p.cedar:1:", "rule `a`", "houre"],
    );
    fails(
        r#"@id("a") forbid(principal, action, resource) when { context.args.x == 1 };"#,
        &["not for calls alone"],
    );
    fails(r#"@id("a") forbid(principal, action == Action::"call", resource);"#, &["never true"]);
    fails(
        r#"@id("a") forbid(principal, action in Action::"call", resource) when { context == {} };"#,
        &["read as a whole"],
    );
    fails(
        r#"@id("a") forbid(principal, action, resource) when { context.time == context.time };"#,
        &["`context.time` is read as a whole"],
    );
    fails(
        r#"@id("a") forbid(principal, action in Action::"call", resource) when { context.args.x == "ﬁ" };"#,
        &["\"fi\""],
    );
    fails(
        r#"@id("a") forbid(principal, action in Action::"call", resource) when { context.args.x == 9223372036854775807 };"#,
        &["stand for all that lie beyond"],
    );
    fails(r#"@id("a") @aproval("x") forbid(principal, action, resource);"#, &["@aproval"]);
    fails(r#"@id("a") permit(principal == ?principal, action, resource);"#, &["templates"]);
    fails(
        r#"@id("a") forbid(principal, action, resource); @id("a") forbid(principal, action, resource);"#,
        &["same @id"],
    );
}

#[test]
fn a_rule_that_makes_no_sense_for_a_tool_is_a_no_there() {
    let world = World::new(
        r#"@id("a") forbid(principal, action in Action::"call", resource) when { context.args.note == "x" };"#,
    );
    let problems = world.object.problems(&world.policies);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(world.check(json!({})).starts_with("undecidable and hidden: a"));
    let world = World::new(
        r#"@id("a") forbid(principal, action in Action::"call", resource) when { context.args has anything && context.args.anything == "x" };"#,
    );
    let problems = world.object.problems(&world.policies);
    assert!(problems[0].problem.to_string().contains("does not say of what type"), "{problems:?}");
}

#[test]
fn an_argument_that_no_schema_declares_is_not_passed_over() {
    let world = World::with(
        r#"@id("a") forbid(principal, action in Action::"call", resource) when { context.args has path && context.args.path == "/etc" };"#,
        true,
        &json!({ "type": "object", "properties": { "other": { "type": "string" } } }),
    );
    let problem = "undecidable: a: `path` came, and the schema does not declare it";
    assert_eq!(world.check(json!({ "path": "/etc" })), problem);
    assert_eq!(world.check(json!({})), "allowed by grant:alice/bank");
}

/// What a check says does not depend on when it is made, over what, and for whom.
#[test]
fn what_some_time_allows_can_be_reached() {
    let forbid = r#"forbid(principal, action in Action::"call", resource)"#;
    for (condition, listed, reached) in [
        ("unless { context.time.weekday <= 5 && context.time.hour >= 9 }", false, true),
        ("unless { context.client.transport == \"unix\" }", false, true),
        ("unless { principal has user && principal.user == User::\"bob\" }", false, true),
        ("when { context.time.weekday == 7 || context.args.count >= 0 }", false, true),
        ("when { context.args.count >= 0 || context.args.count < 5 }", false, false),
        (
            "when { context.time.hour >= 0 && (context.args.count >= 0 || context.args.count < 5) }",
            false,
            true,
        ),
        (
            "when { context.args.count >= 0 } unless { context.time.hour < 9 && context.args.count == -5 }",
            true,
            true,
        ),
        (
            "when { context.time.hour >= 9 } unless { context.args.count > 5 && context.args.count < 5 }",
            false,
            true,
        ),
        (
            "unless { context.time.hour < 9 && context.args.count > 5 && context.args.count < 5 }",
            false,
            false,
        ),
    ] {
        let world = World::new(&format!("@id(\"a\") {forbid} {condition};"));
        assert_eq!((world.lists(), world.reaches()), (listed, reached), "{condition}");
    }
}
