//! `audit prune` by the program itself: whole segments go, with what was kept in them, and what is left
//! is still proved.

use serde_json::{Value, json};

use super::typed;
use crate::world::{World, copy};

/// Calls whose arguments are kept, until a second segment has begun.
fn until_a_second_segment(world: &World, token: &str) {
    let number = "7".repeat(60_000);
    let params = json!({ "name": "billing__refund", "arguments": { "number": number } });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let message = message.to_string();
    for _ in 0..400 {
        if world.data().join("audit/00000002.log").exists() {
            return;
        }
        let (status, answer) = world.message(token, &message);
        assert!(status == 200 && answer.contains("INV-7"), "{status} {answer}");
    }
    panic!("there is no second segment");
}

fn listed(world: &World) -> Vec<Value> {
    let args = ["audit", "payloads", "--json", "--limit", "10000"];
    let listed: Value = serde_json::from_str(&world.ok(&args)).unwrap();
    listed["payloads"].as_array().unwrap().clone()
}

#[test]
fn old_segments_go_with_what_was_kept_in_them() {
    let mut world = World::up();
    let token = world.set_up();
    world.ok(&["grant", "alice", "billing", "--allow", "refund"]);
    world.ok(&["server", "set", "billing", "payloads=on"]);
    let note = world.ok(&["audit", "witness"]);
    world.write("early.note", &note);
    let key = world.ok(&["audit", "key"]);
    world.write("key.pub", &key);
    until_a_second_segment(&world, &token);
    let note = world.ok(&["audit", "witness"]);
    world.write("late.note", &note);
    let before = listed(&world);
    let oldest = before.last().unwrap()["call"].as_str().unwrap().to_owned();
    assert!(before.len() > 100, "{}", before.len());

    // Nothing is that old; and a trial removes nothing.
    let said = world.ok(&["audit", "prune", "--keep", "1d"]);
    assert_eq!(said, "no segment is that old; nothing was removed\n");
    let said = world.ok(&["audit", "prune", "--before", "2100-01-01", "--dry-run"]);
    assert!(said.starts_with("would remove records 1 to "), "{said}");
    assert!(world.data().join("audit/00000001.log").exists());
    let said = world.ok(&["audit", "prune", "--before", "2100-01-01"]);
    assert!(
        said.starts_with("removed records 1 to ") && said.contains("segments 1 to 1"),
        "{said}"
    );
    assert!(!world.data().join("audit/00000001.log").exists());
    assert!(world.data().join("audit/00000001.tombstone").exists());

    for start in [false, true] {
        if start {
            world.kill();
            world.start(&[]);
        }
        let said = world.ok(&["audit", "verify", "--against", "late.note"]);
        assert!(said.contains("the log holds"), "{said}");
        assert!(said.contains("removed records 1 to "), "{said}");
        assert!(said.contains("it only grew since the checkpoint that was kept"), "{said}");
        // One that is older than what is left can prove nothing, and says so.
        let done = world.run(&["audit", "verify", "--against", "early.note"]);
        assert!(
            done.code == Some(1) && done.stderr.contains("a later checkpoint is needed"),
            "{done:?}"
        );
    }
    let left = listed(&world);
    assert!(left.len() < before.len(), "{} of {}", left.len(), before.len());
    assert!(left.iter().all(|it| it["state"] == "readable"));
    let said = typed(&world, &format!("audit payload {oldest}"));
    assert!(said.contains("nothing is kept of a call"), "{said}");
    let changes = world.ok(&["audit", "search", "--kind", "change", "--since", "1h", "--json"]);
    let pruned = changes.matches("\"audit.prune\"").count();
    assert_eq!(pruned, 1, "a trial is no change: {changes}");

    // A copy without its tombstone is no longer a log.
    let taken = world.path("copy");
    copy(&world.data().join("audit"), &taken);
    let args = ["audit", "verify", "--dir", "copy", "--key", "key.pub", "--against", "late.note"];
    assert!(world.ok(&args).contains("removed records 1 to"));
    std::fs::remove_file(taken.join("00000001.tombstone")).unwrap();
    let done = world.run(&args);
    assert!(done.code == Some(1) && done.stderr.contains("00000001.log"), "{done:?}");
}
