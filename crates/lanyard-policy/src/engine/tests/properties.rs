//! What holds of every policy and every call: tried on many of both.

use cedar_policy::{Authorizer, Decision, PolicySet};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::engine::context::{NoticedBy, Reading, Source};
use crate::engine::plan::{Asked, entities};
use crate::text::expression::View;

/// A condition on arguments of [`schema`], well typed.
fn condition() -> impl Strategy<Value = String> {
    let text = || select(vec!["a", "b", "prod", ""]);
    let whole = || select(vec![0_i64, 1, 5, 1000]);
    let decimal = || select(vec!["0.0", "1.5", "52.52"]);
    let atom = prop_oneof![
        text().prop_map(|it| format!(r#"context.args.name == "{it}""#)),
        text().prop_map(|it| format!(r#"context.args.name like "{it}*""#)),
        whole().prop_map(|it| format!("context.args.count > {it}")),
        whole().prop_map(|it| format!("context.args.count == {it}")),
        decimal().prop_map(|it| format!(r#"context.args.amount.lessThan(decimal("{it}"))"#)),
        decimal().prop_map(|it| format!(r#"context.args.amount == decimal("{it}")"#)),
        Just("context.args.sure".to_owned()),
        Just("context.args has note".to_owned()),
        text().prop_map(|it| format!(r#"(context.args has note && context.args.note == "{it}")"#)),
        whole().prop_map(|it| format!("(context.args has limit && context.args.limit < {it})")),
        Just(r#"context.args.mode == "slow""#.to_owned()),
        text().prop_map(|it| {
            format!(r#"(context.args has tags && context.args.tags.contains("{it}"))"#)
        }),
        Just(r#"principal in Team::"ops""#.to_owned()),
        Just(r#"principal in Team::"dev""#.to_owned()),
        Just("context.time.hour < 12".to_owned()),
        Just(r#"principal.hasTag("department")"#.to_owned()),
    ];
    atom.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, two)| format!("({one} && {two})")),
            (inner.clone(), inner.clone()).prop_map(|(one, two)| format!("({one} || {two})")),
            inner.clone().prop_map(|one| format!("!({one})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(one, two, three)| format!("(if {one} then {two} else {three})")),
        ]
    })
}

fn rule(effect: &'static str) -> impl Strategy<Value = String> {
    let head = select(vec![
        r#"principal, action in Action::"call", resource"#,
        r#"principal in Team::"ops", action in Action::"call", resource"#,
        r#"principal is Agent in Team::"dev", action in Action::"call", resource"#,
        r#"principal, action == Action::"call:bank/pay", resource in Server::"bank""#,
        r#"principal == Agent::"alice", action in [Action::"call", Action::"call:x/y"], resource is Tool"#,
        r#"principal, action in Action::"call", resource == Tool::"bank/other""#,
    ]);
    (head, proptest::option::weighted(0.9, condition()), any::<bool>()).prop_map(
        move |(head, condition, when)| {
            let word = if when { "when" } else { "unless" };
            let clause = condition.map(|it| format!(" {word} {{ {it} }}")).unwrap_or_default();
            format!("{effect}({head}){clause};")
        },
    )
}

/// A few rules, with names.
fn rules() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(prop_oneof![rule("forbid"), rule("permit")], 0..4)
}

fn text(rules: &[String]) -> String {
    let named = rules.iter().enumerate().map(|(number, rule)| format!("@id(\"r{number}\") {rule}"));
    named.collect::<Vec<_>>().join("\n")
}

/// Arguments that the schema allows, from few values, so that they meet those of the policies.
fn arguments() -> impl Strategy<Value = Value> {
    let name = select(vec!["a", "b", "ab", "prod", "", "production"]);
    let count = select(vec![0_i64, 1, 2, 5, 6, 1000, 1001]);
    let amount = select(vec!["0.0", "1.5", "1.50004", "52.52", "52.520008"]);
    let note = proptest::option::of(select(vec!["a", "b", "prod"]));
    let limit = proptest::option::of(select(vec![0_i64, 4, 1000]));
    let mode = proptest::option::of(select(vec!["fast", "slow"]));
    let tags = proptest::option::of(proptest::collection::vec(select(vec!["a", "b"]), 0..3));
    (name, count, amount, any::<bool>(), note, limit, mode, tags).prop_map(
        |(name, count, amount, sure, note, limit, mode, tags)| {
            let amount: Value = serde_json::from_str(amount).unwrap();
            json!({
                "name": name, "count": count, "amount": amount, "sure": sure, "note": note,
                "limit": limit, "mode": mode, "tags": tags, "file": "/data/a",
            })
        },
    )
}

fn is_allowed(world: &World, arguments: &Value) -> bool {
    let line = world.check(arguments.clone());
    line.starts_with("allowed")
}

/// What Cedar's own authorizer says of the same rules: for numbers that it can hold.
fn cedar_allows(world: &World, policies: &str, granted: bool, arguments: &Value) -> Decision {
    let (user, token) = (UserName::parse("ann").unwrap(), TokenId::parse("t1").unwrap());
    let session = SessionFacts::default();
    let arguments = changed(arguments.clone());
    let ask = Ask {
        circumstances: circumstances(&user, &token),
        session: &session,
        action: Action::Call,
        arguments: &arguments,
    };
    let mut reads = BTreeSet::from([Read::Session, Read::Undeclared]);
    reads.extend(["at", "date", "hour", "minute", "weekday"].map(|it| Read::Time(it.to_owned())));
    reads.extend(["address", "transport"].map(|it| Read::Client(it.to_owned())));
    for name in ["name", "count", "amount", "sure", "note", "limit", "mode", "tags"] {
        reads.insert(Read::Argument(name.to_owned()));
    }
    reads.insert(Read::View(View::Path, "file".to_owned()));
    let source = Source {
        ask: &ask,
        fields: &world.object.fields,
        reads: &reads,
        views: &PlainViews,
        zone: &world.policies.zone,
    };
    let context = source.context(&Reading::plain(), &mut NoticedBy::new()).unwrap();
    let entities = entities(&world.subject, &world.object, Some(&ask.circumstances)).unwrap();
    let asked =
        Asked::new(&world.subject, &world.object, Action::Call, context, Some(entities)).unwrap();
    let all = if granted { "permit(principal, action, resource);" } else { "" };
    let set: PolicySet = format!("{policies}\n{all}").parse().unwrap();
    let response = Authorizer::new().is_authorized(asked.request(), &set, asked.entities());
    assert_eq!(response.diagnostics().errors().count(), 0, "well typed policies do not fail");
    response.decision()
}

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, max_shrink_iters: 200, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn what_is_decided_is_what_cedar_decides(
        rules in rules(), granted: bool, calls in proptest::collection::vec(arguments(), 4),
    ) {
        let text = text(&rules);
        let world = World::with(&text, granted, &schema());
        for call in calls {
            // Numbers that Cedar cannot hold have no answer of Cedar's.
            let exact = call["amount"].to_string().len() < 7;
            if exact {
                let cedar = cedar_allows(&world, &text, granted, &call) == Decision::Allow;
                prop_assert_eq!(is_allowed(&world, &call), cedar, "{} {}", text, call);
            }
        }
    }

    #[test]
    fn another_forbid_never_allows_more(
        rules in rules(), more in rule("forbid"), granted: bool,
        calls in proptest::collection::vec(arguments(), 4),
    ) {
        let before = World::with(&text(&rules), granted, &schema());
        let after = World::with(&text(&[rules, vec![more]].concat()), granted, &schema());
        for call in calls {
            prop_assert!(is_allowed(&before, &call) || !is_allowed(&after, &call));
        }
        prop_assert!(before.lists() || !after.lists());
    }

    #[test]
    fn what_is_remembered_decides_as_what_is_new(
        rules in rules(), granted: bool, calls in proptest::collection::vec(arguments(), 4),
    ) {
        let text = text(&rules);
        let kept = World::with(&text, granted, &schema());
        for call in calls.iter().chain(&calls) {
            let new = World::with(&text, granted, &schema());
            prop_assert_eq!(kept.check(call.clone()), new.check(call.clone()));
            prop_assert_eq!(kept.lists(), new.lists());
        }
    }

    #[test]
    fn a_list_shows_what_some_arguments_could_call_and_nothing_else(
        rules in rules(), granted: bool, calls in proptest::collection::vec(arguments(), 24),
    ) {
        let text = text(&rules);
        let world = World::with(&text, granted, &schema());
        let called = calls.iter().any(|call| is_allowed(&world, call));
        prop_assert!(world.lists() || !called, "hidden, and can be called: {}", text);
        if world.lists() {
            let found = every().any(|call| is_allowed(&world, &call));
            prop_assert!(found, "shown, and nothing can be called: {}", text);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,80}") {
        drop(parse(&text));
    }
}

/// Arguments in every combination of values that make a difference to [`condition`]s.
fn every() -> impl Iterator<Item = Value> {
    let names = ["a", "b", "ab", "prod", "", "x"];
    let counts = [-1_i64, 0, 1, 2, 5, 6, 1000, 1001];
    let amounts = ["-1", "0", "1", "1.5", "2", "52.52", "99"];
    let notes = [None, Some("a"), Some("b"), Some("prod"), Some(""), Some("x")];
    let limits = [None, Some(-1_i64), Some(0), Some(1), Some(5), Some(1000)];
    let tags = [
        json!([]),
        json!(["a"]),
        json!(["b"]),
        json!(["prod"]),
        json!([""]),
        json!(["a", "b"]),
        json!(["a", "prod", "b", ""]),
    ];
    let mut number = 0_u64;
    // Not all combinations, which are too many, but a walk that meets every pair of them.
    std::iter::from_fn(move || {
        number = number.wrapping_add(1);
        if number > 4_000 {
            return None;
        }
        let mut random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut pick = |count: usize| {
            random ^= random >> 29;
            random = random.wrapping_mul(0xBF58_476D_1CE4_E5B9);
            random ^= random >> 32;
            let count = u64::try_from(count).unwrap();
            usize::try_from(random.checked_rem(count).unwrap()).unwrap()
        };
        let amount: Value = serde_json::from_str(amounts[pick(amounts.len())]).unwrap();
        Some(json!({
            "name": names[pick(names.len())], "count": counts[pick(counts.len())],
            "amount": amount, "sure": pick(2) == 0, "note": notes[pick(notes.len())],
            "limit": limits[pick(limits.len())], "mode": (["fast", "slow"][pick(2)]),
            "tags": tags[pick(tags.len())], "file": "/data/a",
        }))
    })
}
