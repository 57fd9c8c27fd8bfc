//! What is launched is what was pinned, whoever writes into the database.

use std::os::unix::fs::PermissionsExt as _;

use expect_test::expect_file;
use regex::Regex;

use super::typed;
use crate::world::World;

/// A server that notes what it was started with.
const SERVER: &str = r#"#!/bin/sh
echo "$1" >> "$0.starts"
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"initialize"'*) answer='{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}' ;;
    *'"tools/list"'*) answer='{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}' ;;
    *'"tools/call"'*) answer='{"content":[{"type":"text","text":"done"}]}' ;;
    *'"id"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}\n' "$id"; continue ;;
    *) continue ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$answer"
done
"#;

/// What the server was started with, each way once.
fn started(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.path("server.sh.starts")).unwrap();
    let mut words: Vec<String> = text.lines().map(str::to_owned).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Puts other arguments into the row of the server, past the program. Rows are plain text in the
/// database, and the new text is as long as the old one, so no other byte has to change. The pin of
/// the server stands elsewhere, with its arguments in the middle.
fn change_arguments(world: &World) {
    // Opened and closed once, so that nothing waits in the database's log.
    drop(lanyard_store::Store::open(&world.data()).unwrap());
    let path = world.data().join("lanyard.db");
    let bytes = std::fs::read(&path).unwrap();
    let (before, after) = (br#""args":["harmless"]}"#, br#""args":["harmful!"]}"#);
    let mut changed = Vec::with_capacity(bytes.len());
    let mut rest = &*bytes;
    while let Some(place) = rest.windows(before.len()).position(|window| window == before) {
        changed.extend(&rest[..place]);
        changed.extend(after);
        rest = &rest[place..][after.len()..];
    }
    assert!(!changed.is_empty(), "the row is not there");
    changed.extend(rest);
    #[expect(clippy::disallowed_methods, reason = "another hand than the program's")]
    std::fs::write(&path, changed).unwrap();
}

/// The server, a set that borrows its tool, and an agent that may call it.
fn set_up(world: &mut World) {
    world.write("server.sh", SERVER);
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(world.path("server.sh"), mode).unwrap();
    let add = "server add s --stdio --keep always -- ./server.sh harmless";
    world.ok(&add.split(' ').collect::<Vec<_>>());
    let set = "toolSet:\n  name: desk\n  serverTools:\n  - {serverName: s, tools: [echo]}\n";
    world.write("desk.yaml", set);
    world.ok(&["server", "add", "desk", "--yaml", "desk.yaml"]);
    let token = world.ok(&["agent", "add", "alice"]).trim().to_owned();
    world.ok(&["grant", "alice", "s", "--allow", "*"]);
    world.set("LANYARD_TOKEN", &token);
}

/// Whether an agent can call it.
fn calls(world: &mut World) -> bool {
    let url = world.addresses()["url"].as_str().unwrap().to_owned();
    world.set("LANYARD_URL", &url);
    let own = world.run(&["call", "s.echo"]).code == Some(0);
    assert_eq!(own, world.run(&["call", "desk.s___echo"]).code == Some(0));
    own
}

#[test]
fn a_row_that_was_changed_past_the_program_starts_nothing() {
    let mut world = World::up();
    set_up(&mut world);
    assert!(calls(&mut world));
    assert_eq!(world.stop(), Some(0));

    change_arguments(&world);
    world.start(&[]);
    assert!(!calls(&mut world));
    let commands = "
        server list
        server test s
        server reconnect s
        pin list
        pin diff s
        pin approve s launch --digest 00";
    let shown = typed(&world, commands);
    assert_eq!(started(&world), ["harmless"]);

    // Somebody who looked may want just that.
    world.ok(&["pin", "approve", "s", "launch", "--yes"]);
    assert!(calls(&mut world));
    assert_eq!(started(&world), ["harmful!", "harmless"]);
    let shown = shown + &typed(&world, "pin list");
    // It covers the place of the program, which is another in each run.
    let digest = Regex::new(r"digest [0-9a-f]{32}").unwrap();
    expect_file!["./pins.txt"].assert_eq(&digest.replace_all(&shown, "digest DIGEST"));
}
