//! `lanyard skill` against a gateway with an API behind it: written, used, improved after a failure.

use crate::world::World;

/// The lines that the file says were run.
fn lines(text: &str) -> Vec<Vec<String>> {
    let mut within = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        match line {
            "```sh" => within = true,
            "```" => within = false,
            line if within => lines.push(line.split(' ').map(str::to_owned).collect()),
            _ => {}
        }
    }
    lines
}

fn ready() -> (World, String) {
    let mut world = World::up();
    let token = world.set_up();
    world.ok(&["grant", "alice", "billing", "--allow", "*"]);
    let url = world.addresses()["url"].as_str().unwrap().to_owned();
    world.set("LANYARD_URL", &url);
    world.set("LANYARD_TOKEN", &token);
    (world, token)
}

#[test]
fn a_skill_is_written_used_and_improved() {
    let (world, token) = ready();
    let before = world.api.keys_seen.lock().unwrap().len();
    world.ok(&["skill", "billing"]);
    let file = world.path("skills/billing/SKILL.md");
    let first = std::fs::read_to_string(&file).unwrap();
    assert!(first.starts_with("---\nname: billing\ndescription: \""), "{first}");
    assert!(first.contains("Not run: it may change data."), "{first}");
    assert!(!first.contains(&token) && !first.contains("Errors seen"), "{first}");
    // The one tool that changes nothing, once: refund is a POST.
    assert_eq!(world.api.keys_seen.lock().unwrap().len(), before + 1);
    let ran = lines(&first);
    assert_eq!(ran.len(), 1, "{first}");
    for line in ran {
        let words: Vec<&str> = line.iter().map(String::as_str).collect();
        assert_eq!(words[0], "lanyard");
        world.ok(&words[1..]);
    }
    let mine = first.replace("## Notes\n", "## Notes\n\nAsk Maria first.\n");
    world.write("skills/billing/SKILL.md", &mine);
    // What the schema refuses is refused by the gateway, too, and recorded without its value.
    let failed =
        world.run(&["call", "billing.get_invoice", "--args", r#"{"number":["SECRET-1"]}"#]);
    assert_eq!(failed.code, Some(5), "{failed:?}");
    world.ok(&["skill", "billing"]);
    let second = std::fs::read_to_string(&file).unwrap();
    assert!(second.contains("- the argument `number` was refused, once."), "{second}");
    assert!(second.contains("## Notes\n\nAsk Maria first.\n"), "{second}");
    assert!(!second.contains("SECRET-1") && !second.contains(&token), "{second}");
    assert_eq!(lines(&second).len(), 1, "{second}");
}

#[test]
fn another_agents_calls_and_tools_are_no_part_of_a_skill() {
    let (mut world, _) = ready();
    world.run(&["call", "billing.refund", "--args", r#"{"number":1}"#]);
    world.ok(&["call", "billing.refund", "number=INV-1"]);
    let bob = world.ok(&["agent", "add", "bob"]).trim().to_owned();
    world.ok(&["grant", "bob", "billing", "--allow", "get_invoice"]);
    world.set("LANYARD_TOKEN", &bob);
    let text = world.ok(&["skill", "billing", "--no-calls", "--out", "-"]);
    assert!(text.contains("### `get_invoice`"), "{text}");
    assert!(!text.contains("refund") && !text.contains("Your calls"), "{text}");
    let done = world.run(&["skill", "none"]);
    assert_eq!(done.code, Some(6), "{done:?}");
    assert!(!world.path("skills").exists());
}
