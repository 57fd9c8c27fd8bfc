//! Limits on calls by their commands, and that a budget survives what ends the gateway.

use std::time::{SystemTime, UNIX_EPOCH};

use expect_test::expect_file;

use super::typed;
use crate::world::World;

#[test]
fn limits_are_set_shown_and_taken_away() {
    let world = World::up();
    world.set_up();
    let commands = "
        limit list
        limit set --agent alice --calls-per-day 1000
        limit set --server billing --rate 10/s --burst 20
        limit set --agent alice --server billing --tool get_invoice --concurrency 4 --json
        limit set --cost-per-day 500 --calls-per-day 100 --concurrency 9 --rate 6/m
        limit set --server billing --rate 600/m
        limit list
        limit set --agent alice
        limit set --tool refund --concurrency 1
        limit set --burst 4
        limit set --server billing --tool pay --concurrency 1
        limit set --agent bob --concurrency 1
        limit set --rate 10/d
        limit rm --agent alice
        limit rm --agent alice
        limit rm
        audit search --kind change --limit 2";
    expect_file!["./limits.txt"].assert_eq(&typed(&world, commands));
}

#[test]
fn a_budget_survives_a_stop_and_a_kill() {
    let before = day();
    let mut world = World::up();
    let token = world.set_up();
    world.set("LANYARD_TOKEN", &token);
    world.ok(&["limit", "set", "--agent", "alice", "--calls-per-day", "3"]);
    let call = |world: &mut World| {
        let url = world.addresses()["url"].as_str().unwrap().to_owned();
        world.set("LANYARD_URL", &url);
        world.run(&["call", "billing.get_invoice", "number=INV-7"])
    };
    assert_eq!(call(&mut world).code, Some(0));
    assert_eq!(world.stop(), Some(0));
    world.start(&[]);
    assert_eq!(call(&mut world).code, Some(0));
    world.kill();
    world.start(&[]);
    assert_eq!(call(&mut world).code, Some(0));
    let refused = call(&mut world);
    world.kill();
    world.start(&[]);
    let again = call(&mut world);
    if day() != before {
        // Midnight in the middle: the budget is another one.
        return;
    }
    for refused in [refused, again] {
        assert_eq!(refused.code, Some(5), "{refused:?}");
        let told = format!("{}{}", refused.stdout, refused.stderr);
        assert!(told.contains("the limit on calls per day of this agent is reached"), "{told}");
    }
    assert_eq!(world.api.keys_seen.lock().unwrap().len(), 3, "the API was called within the limit");
    let listed = world.ok(&["limit", "list"]);
    assert!(listed.contains("3 a day  0        3      3"), "{listed}");
}

#[test]
fn a_call_costs_what_its_tool_costs() {
    let before = day();
    let mut world = World::up();
    let token = world.set_up();
    let url = world.addresses()["url"].as_str().unwrap().to_owned();
    world.set("LANYARD_TOKEN", &token);
    world.set("LANYARD_URL", &url);
    world.ok(&["limit", "set", "--cost-per-day", "9"]);
    let ends = ["cost=3", "tool.get_invoice.cost=5", "tool.get_invoice.cost=10"].map(|cost| {
        world.ok(&["server", "set", "billing", cost]);
        let done = world.run(&["call", "billing.get_invoice", "number=INV-7"]);
        (done.code, format!("{}{}", done.stdout, done.stderr))
    });
    if day() != before {
        return;
    }
    let listed = world.ok(&["limit", "list"]);
    assert!(listed.contains("9 cost a day  0        2      8"), "{listed}");
    let codes: Vec<_> = ends.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [Some(0), Some(0), Some(5)], "{ends:?}");
    let never = "this call costs more than the limit on cost per day of all agents together ever \
                 allows";
    assert!(ends[2].1.contains(never), "{ends:?}");
    let records = world.ok(&["audit", "export", "--format", "jsonl"]);
    assert!(records.contains(r#""obligations":["limit:*/*/*","cost:5"]"#), "{records}");
}

/// Days since 1970, in UTC.
#[expect(clippy::disallowed_methods, reason = "the program under test looks at the same clock")]
fn day() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().div_euclid(86_400)
}
