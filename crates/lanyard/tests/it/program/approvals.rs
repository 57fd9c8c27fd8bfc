//! A call that a policy holds back, from the request to the yes, by commands alone.

use serde_json::Value;

use crate::world::World;

const POLICY: &str = r#"
@id("invoices")
@approval("invoices are looked at by a person")
@approval_ttl("10m")
forbid (principal, action == Action::"call:billing/get_invoice", resource);
"#;

/// Where agents call, which differs from start to start.
fn meet(world: &mut World) {
    let url = world.addresses()["url"].as_str().unwrap().to_owned();
    world.set("LANYARD_URL", &url);
}

fn call(world: &World, number: &str) -> (Option<i32>, String) {
    let done = world.run(&["call", "billing.get_invoice", &format!("number={number}")]);
    (done.code, format!("{}{}", done.stdout, done.stderr))
}

#[track_caller]
fn pending(world: &World, number: &str) -> String {
    let (code, text) = call(world, number);
    assert_eq!(code, Some(5), "{text}");
    let (_, rest) = text.split_once("pending approval ID: ").unwrap_or_else(|| panic!("{text}"));
    rest.split(',').next().unwrap().to_owned()
}

fn state(world: &World, id: &str) -> String {
    let shown: Value = serde_json::from_str(&world.ok(&["approve", "show", id, "--json"])).unwrap();
    shown["state"].as_str().unwrap().to_owned()
}

fn api_calls(world: &World) -> usize {
    world.api.keys_seen.lock().unwrap().len()
}

#[test]
fn a_call_waits_for_a_named_operator_also_over_a_restart() {
    let mut world = World::up();
    let token = world.set_up();
    world.ok(&["server", "set", "billing", "timeout=1"]);
    world.write("held.cedar", POLICY);
    world.ok(&["policy", "apply", "held.cedar"]);
    let operator = |name: &str, role: &str| {
        world.ok(&["operator", "add", name, "--role", role]).trim().to_owned()
    };
    let (approver, auditor, caller) =
        (operator("ann", "approver"), operator("aud", "auditor"), operator("alice", "owner"));
    world.set("LANYARD_TOKEN", &token);
    meet(&mut world);
    let id = pending(&world, "INV-7");
    assert_eq!(pending(&world, "INV-7"), id, "the same call twice is one request");

    world.stop();
    world.start(&[]);
    meet(&mut world);
    let shown = world.ok(&["approve", "show", &id]);
    for part in ["alice", "billing", "get_invoice", "invoices are looked at", "INV-7"] {
        assert!(shown.contains(part), "{shown}");
    }
    // The data directory's owner, an auditor, an agent, and whoever has the caller's name.
    for (token, code) in [("", 6), (&*auditor, 6), (&*token, 3), (&*caller, 6)] {
        world.set("LANYARD_ADMIN_TOKEN", token);
        if token.is_empty() {
            world.unset("LANYARD_ADMIN_TOKEN");
        }
        let done = world.run(&["approve", "allow", &id]);
        assert_eq!(done.code, Some(code), "{done:?}");
        if token.is_empty() {
            assert!(done.stderr.contains("lanyard operator add NAME --role"), "{done:?}");
        }
    }
    world.set("LANYARD_ADMIN_TOKEN", &approver);
    world.ok(&["approve", "allow", &id, "--reason", "agreed"]);
    let done = world.run(&["approve", "deny", &id]);
    assert!(done.code == Some(1) && done.stderr.contains("it was allowed by ann"), "{done:?}");

    world.stop();
    world.start(&[]);
    meet(&mut world);
    assert_eq!((state(&world, &id), api_calls(&world)), ("allowed".to_owned(), 0));
    // Not with other arguments; once with these; and not again.
    assert_ne!(pending(&world, "INV-8"), id);
    assert_eq!(call(&world, "INV-7").0, Some(0));
    assert_eq!((state(&world, &id), api_calls(&world)), ("used".to_owned(), 1));
    let again = pending(&world, "INV-7");
    world.ok(&["approve", "deny", &again, "--reason", "once is enough"]);
    let (code, text) = call(&world, "INV-7");
    assert!(code == Some(5) && text.contains("once is enough"), "{text}");
    recorded(&world, &id);
}

fn recorded(world: &World, id: &str) {
    let all = world.ok(&["audit", "export", "--since", "1h"]);
    let records: Vec<Value> = all.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let subject = format!("approval:{id}");
    let about = records.iter().filter(|it| it["subject"] == subject.as_str());
    let told: Vec<String> =
        about.map(|it| format!("{} by {}", it["action"], it["actor"]).replace('"', "")).collect();
    assert_eq!(told, ["approval.request by agent:alice", "approval.allow by operator:ann"]);
    let used = records.iter().filter(|it| it["approval"] == id).count();
    assert_eq!(used, 1, "one call names it");
    assert!(!all.contains("INV-7"), "no record holds an argument");
}

#[test]
fn a_yes_is_for_the_policy_it_was_given_for() {
    let mut world = World::up();
    let token = world.set_up();
    world.ok(&["server", "set", "billing", "timeout=1"]);
    world.write("held.cedar", POLICY);
    world.ok(&["policy", "apply", "held.cedar"]);
    let approver = world.ok(&["operator", "add", "ann", "--role", "approver"]);
    world.set("LANYARD_TOKEN", &token);
    meet(&mut world);
    let id = pending(&world, "INV-7");
    world.set("LANYARD_ADMIN_TOKEN", approver.trim());
    world.ok(&["approve", "allow", &id]);
    world.unset("LANYARD_ADMIN_TOKEN");
    world.write("held.cedar", &format!("{POLICY}\n// the same in other words\n"));
    world.ok(&["policy", "apply", "held.cedar"]);
    assert_ne!(pending(&world, "INV-7"), id);
    assert_eq!(api_calls(&world), 0);
}
