//! `lanyard import`: servers of a client's file behind the gateway, and the file without its keys.

use std::os::unix::fs::PermissionsExt as _;

use expect_test::expect;
use serde_json::Value;

use super::typed;
use crate::world::{KEY, World};

/// A client's file with two keys in it, a variable, a program, and what cannot be imported.
const FILE: &str = r#"{
  // mine
  "mcpServers": {
    "GitHub": { "url": "https://github.example/mcp", "headers": { "Authorization": "Bearer @@" } },
    "search": { "command": "seeker", "args": ["-y"], "env": { "SEARCH_API_KEY": "@@", "LEVEL": "info" } }, // fast
    "tickets": { "url": "https://tickets.example/mcp", "headers": { "X-Api-Key": "${env:TICKETS_KEY}" } },
    "off": { "command": "seeker", "disabled": true },
    "missing": { "command": "no-such-program" },
    "broken": { "type": "websocket", "url": "wss://a" }
  },
  "other": [1,  2]
}
"#;

fn world() -> World {
    let mut world = World::up();
    let (program, path) = (world.path("bin/seeker"), world.path("bin").display().to_string());
    std::fs::create_dir(world.path("bin")).unwrap();
    world.write("bin/seeker", "#!/bin/sh\n");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    world.set("PATH", &path);
    std::fs::create_dir(world.path(".cursor")).unwrap();
    world.write(".cursor/mcp.json", &FILE.replace("@@", KEY));
    world
}

fn listed(world: &World, what: &str, key: &str) -> Vec<String> {
    let shown: Value = serde_json::from_str(&world.ok(&[what, "list", "--json"])).unwrap();
    let items = shown[key].as_array().unwrap();
    items.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_dry_run_shows_everything_and_changes_nothing() {
    let world = world();
    let before = std::fs::read(world.path(".cursor/mcp.json")).unwrap();
    expect![[r#"
        $ import .cursor/mcp.json --dry-run
        would add github: sends requests to https://github.example
          headers.authorization -> secret://github-token
        would add search: starts DIR/bin/seeker
          env.SEARCH_API_KEY -> secret://search-api-key
        would add tickets: sends requests to https://tickets.example
          headers.x-api-key: TICKETS_KEY -> secret://tickets-key, not set: `lanyard secret set tickets-key`
        would add off: starts DIR/bin/seeker, switched off as in the file
        In Cursor, one entry takes their place (--write puts it there):
          "lanyard": {"url":"http://HOST:PORT/mcp","headers":{"Authorization":"Bearer ${env:LANYARD_TOKEN}"}}
        .cursor/mcp.json:9: mcpServers.broken.type: `websocket` is no transport that Lanyard speaks
        missing was not imported:
          [lanyard] `no-such-program` is not on the PATH of this command; install it, or write its path into the file
        [lanyard] the token of an agent goes into LANYARD_TOKEN: `lanyard agent add NAME`, then `lanyard grant NAME SERVER --allow '*'`
        [lanyard] 2 servers were not imported; nothing of them was changed
        -- exit 1
    "#]].assert_eq(&typed(&world, "import .cursor/mcp.json --dry-run"));
    assert!(listed(&world, "server", "servers").is_empty());
    assert!(listed(&world, "secret", "secrets").is_empty());
    assert_eq!(std::fs::read(world.path(".cursor/mcp.json")).unwrap(), before);
}

#[test]
fn keys_leave_the_file_and_one_entry_takes_the_servers_place() {
    let world = world();
    expect![[r#"
        $ import .cursor/mcp.json --no-verify
        added github: sends requests to https://github.example
          headers.authorization -> secret://github-token
        added search: starts DIR/bin/seeker
          env.SEARCH_API_KEY -> secret://search-api-key
        added tickets: sends requests to https://tickets.example
          headers.x-api-key: TICKETS_KEY -> secret://tickets-key, not set: `lanyard secret set tickets-key`
        added off: starts DIR/bin/seeker, switched off as in the file
        In Cursor, one entry takes their place (--write puts it there):
          "lanyard": {"url":"http://HOST:PORT/mcp","headers":{"Authorization":"Bearer ${env:LANYARD_TOKEN}"}}
        .cursor/mcp.json:9: mcpServers.broken.type: `websocket` is no transport that Lanyard speaks
        missing was not imported:
          [lanyard] `no-such-program` is not on the PATH of this command; install it, or write its path into the file
        [lanyard] the keys still stand in the file, too, until it is rewritten
        [lanyard] the token of an agent goes into LANYARD_TOKEN: `lanyard agent add NAME`, then `lanyard grant NAME SERVER --allow '*'`
        [lanyard] 2 servers were not imported; nothing of them was changed
        -- exit 1
    "#]].assert_eq(&typed(&world, "import .cursor/mcp.json --no-verify"));
    assert_eq!(listed(&world, "server", "servers"), ["github", "off", "search", "tickets"]);
    assert_eq!(
        listed(&world, "secret", "secrets"),
        ["github-token", "search-api-key", "tickets-key"]
    );
    rewritten(&world);
}

/// A second time changes nothing, and then the file is rewritten.
fn rewritten(world: &World) {
    expect![[r#"
        $ import .cursor/mcp.json --no-verify --write
        github is there already, the same; its keys are not compared
        search is there already, the same; its keys are not compared
        tickets is there already, the same
        off is there already, the same
        wrote .cursor/mcp.json; the file as it was: DIR/.cursor/mcp.json.lanyard-backup-TIME
        .cursor/mcp.json:9: mcpServers.broken.type: `websocket` is no transport that Lanyard speaks
        missing was not imported:
          [lanyard] `no-such-program` is not on the PATH of this command; install it, or write its path into the file
        [lanyard] the backup still holds the keys; delete it when the client works
        [lanyard] the token of an agent goes into LANYARD_TOKEN: `lanyard agent add NAME`, then `lanyard grant NAME SERVER --allow '*'`
        [lanyard] 2 servers were not imported; nothing of them was changed
        -- exit 1
    "#]].assert_eq(&typed(world, "import .cursor/mcp.json --no-verify --write"));
    let written = std::fs::read_to_string(world.path(".cursor/mcp.json")).unwrap();
    assert!(!written.contains(KEY));
    expect![[r#"
        {
          // mine
          "mcpServers": {
            "lanyard": {
              "url": "http://HOST:PORT/mcp",
              "headers": {
                "Authorization": "Bearer ${env:LANYARD_TOKEN}"
              }
            },
            "missing": { "command": "no-such-program" },
            "broken": { "type": "websocket", "url": "wss://a" }
          },
          "other": [1,  2]
        }
    "#]]
    .assert_eq(&world.steady(&written));
    let backups: Vec<_> = std::fs::read_dir(world.path(".cursor"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().contains("lanyard-backup"))
        .collect();
    assert_eq!(backups.len(), 1);
    assert!(std::fs::read_to_string(&backups[0]).unwrap().contains(KEY));
    // What is left is what could not be imported.
    expect![[r#"
        $ import .cursor/mcp.json --no-verify
        .cursor/mcp.json:11: mcpServers.broken.type: `websocket` is no transport that Lanyard speaks
        missing was not imported:
          [lanyard] `no-such-program` is not on the PATH of this command; install it, or write its path into the file
        [lanyard] 2 servers were not imported; nothing of them was changed
        -- exit 1
    "#]].assert_eq(&typed(world, "import .cursor/mcp.json --no-verify"));
}

#[test]
fn what_was_asked_wrongly_is_refused() {
    let world = world();
    world.write("empty.json", "{}");
    world.write("bad.json", "{\"mcpServers\": {");
    expect![[r#"
        $ import nothing.json
        [lanyard] nothing.json: No such file or directory (os error 2)
        -- exit 1
        $ import empty.json
        [lanyard] DIR/empty.json holds no servers where a known client keeps them; say whose it is with --format
        -- exit 1
        $ import bad.json --format cursor
        bad.json:1: Unterminated object
        [lanyard] nothing was imported
        -- exit 1
        $ import empty.json --format emacs
        error: invalid value 'emacs' for '--format <CLIENT>': is none of mcporter, claude-code, claude-desktop, cursor, vscode, windsurf, codex, goclaw

        For more information, try '--help'.
        -- exit 1
        $ import .cursor/mcp.json --only GitHub,nobody
        [lanyard] DIR/.cursor/mcp.json has no server `nobody`
        -- exit 1
        $ import .cursor/mcp.json --dry-run --write
        error: the argument '--dry-run' cannot be used with '--write'

        Usage: lanyard import --dry-run <FILE>

        For more information, try '--help'.
        -- exit 1
        $ import .cursor/mcp.json --only GitHub --name-prefix team- --no-verify --url https://gate.example
        added team-github: sends requests to https://github.example
          headers.authorization -> secret://team-github-token
        In Cursor, one entry takes their place (--write puts it there):
          "lanyard": {"url":"https://gate.example/mcp","headers":{"Authorization":"Bearer ${env:LANYARD_TOKEN}"}}
        [lanyard] the keys still stand in the file, too, until it is rewritten
        [lanyard] the token of an agent goes into LANYARD_TOKEN: `lanyard agent add NAME`, then `lanyard grant NAME SERVER --allow '*'`
        $ import .cursor/mcp.json --only GitHub --name-prefix team- --no-verify --url https://gate.example/servers/x/mcp
        team-github is there already, the same; its keys are not compared
        In Cursor, one entry takes their place (--write puts it there):
          "lanyard": {"url":"https://gate.example/servers/x/mcp","headers":{"Authorization":"Bearer ${env:LANYARD_TOKEN}"}}
        [lanyard] the keys still stand in the file, too, until it is rewritten
        [lanyard] the token of an agent goes into LANYARD_TOKEN: `lanyard agent add NAME`, then `lanyard grant NAME SERVER --allow '*'`
    "#]].assert_eq(&typed(
        &world,
        "import nothing.json
         import empty.json
         import bad.json --format cursor
         import empty.json --format emacs
         import .cursor/mcp.json --only GitHub,nobody
         import .cursor/mcp.json --dry-run --write
         import .cursor/mcp.json --only GitHub --name-prefix team- --no-verify --url https://gate.example
         import .cursor/mcp.json --only GitHub --name-prefix team- --no-verify --url https://gate.example/servers/x/mcp",
    ));
    let mut stopped = world;
    stopped.stop();
    let done = stopped.run(&["import", ".cursor/mcp.json"]);
    assert_eq!(done.code, Some(4), "{done:?}");
}

#[test]
fn a_file_sends_no_key_that_is_stored_already_anywhere_new() {
    let world = world();
    let import = "--format cursor --only GitHub --no-verify";
    world.ok(&[&["import", ".cursor/mcp.json"], &import.split(' ').collect::<Vec<_>>()[..]].concat());
    let other = FILE.replace("github.example", "elsewhere.example");
    world.write("other.json", &other);
    expect![[r#"
        $ import other.json --format cursor --only GitHub --no-verify
        github was not imported:
          other.json: secret://github-token is not bound to https://elsewhere.example; bind it with `lanyard secret set github-token --origin https://elsewhere.example --no-value`, or name it to this command with --secret NAME=secret://github-token
          [lanyard] the definition has 1 problem; nothing was changed
        [lanyard] 1 server was not imported; nothing of it was changed
        -- exit 1
        $ import other.json --format cursor --only GitHub --no-verify --replace
        github was not imported:
          other.json: secret://github-token is not bound to https://elsewhere.example; bind it with `lanyard secret set github-token --origin https://elsewhere.example --no-value`, or name it to this command with --secret NAME=secret://github-token
          [lanyard] the definition has 1 problem; nothing was changed
        [lanyard] 1 server was not imported; nothing of it was changed
        -- exit 1
    "#]].assert_eq(&typed(
        &world,
        "import other.json --format cursor --only GitHub --no-verify
         import other.json --format cursor --only GitHub --no-verify --replace",
    ));
}
