//! What is refused, in which words, and that nothing changed.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use expect_test::{Expect, expect, expect_file};

use super::typed;
use crate::world::World;

#[test]
fn exit_codes_tell_the_reason() {
    let mut world = World::new();
    for (args, expected) in [
        (&[][..], 1),
        (&["nonsense"], 1),
        (&["up", "--nonsense"], 1),
        (&["grant", "alice", "billing"], 1),
        (&["agent", "add", "a", "--ttl", "soon"], 1),
        (&["--help"], 0),
        (&["server", "add", "--help"], 0),
        (&["--version"], 0),
        (&["limits"], 0),
        (&["server", "list"], 4),
    ] {
        assert_eq!(world.run(args).code, Some(expected), "{args:?}");
    }
    world.set("LANYARD_EXIT_CODES", "simple");
    assert_eq!(world.run(&["server", "list"]).code, Some(1));
}

#[track_caller]
fn refused(world: &World, more: &[&str], expected: Expect) {
    let mut args = vec!["up", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    args.extend(more);
    let done = world.run(&args);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert_eq!(done.stdout, "");
    expected.assert_eq(&world.steady(&done.stderr));
}

fn refused_addresses(world: &World, listen: &str, admin: &str, more: &[&str], expected: Expect) {
    let mut args = vec!["up", "--listen", listen, "--admin-listen", admin];
    args.extend(more);
    let done = world.run(&args);
    assert_eq!(done.code, Some(1), "{done:?}");
    expected.assert_eq(&world.steady(&done.stderr));
}

#[test]
fn a_start_is_refused_before_anything_is_opened() {
    let world = World::new();
    let local = "127.0.0.1:0";
    refused_addresses(
        &world,
        "0.0.0.0:0",
        local,
        &[],
        expect![[r#"
        [lanyard] --listen 0.0.0.0:0 can be reached by other machines, and tokens would cross the network unencrypted; add --tls-cert and --tls-key, or --tls-local-ca, or listen on 127.0.0.1 (--insecure-plaintext REASON overrides this, and the reason is recorded)
    "#]],
    );
    refused_addresses(
        &world,
        local,
        "0.0.0.0:0",
        &["--tls-local-ca"],
        expect![[r#"
        [lanyard] --admin-listen 0.0.0.0:0 can be reached by other machines; say under which address with --public-url, https://mcp.example.com for instance
    "#]],
    );
    refused_addresses(
        &world,
        "0.0.0.0:0",
        local,
        &["--insecure-plaintext", " ", "--public-url", "http://a"],
        expect![[r#"
        [lanyard] --insecure-plaintext needs a reason; it is recorded
    "#]],
    );
    refused_addresses(
        &world,
        "nowhere",
        local,
        &[],
        expect![[r#"
        [lanyard] --listen nowhere is not an address; write HOST:PORT for instance
    "#]],
    );
    refused(
        &world,
        &["--agent-socket-mode", "999"],
        expect![[r#"
        [lanyard] --agent-socket-mode is an octal mode, 660 for instance
    "#]],
    );
    refused(
        &world,
        &["--public-url", "mcp.example.com"],
        expect![[r#"
        [lanyard] --public-url mcp.example.com: an origin starts with http:// or https://
    "#]],
    );
    assert!(!world.data().exists(), "a refused start leaves nothing");
}

#[test]
fn a_taken_address_and_a_data_directory_in_use() {
    let world = World::up();
    refused(
        &world,
        &[],
        expect![[r#"
            [lanyard] another lanyard (process PID) uses this data directory
        "#]],
    );
    let other = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    refused_addresses(
        &other,
        &taken,
        "127.0.0.1:0",
        &[],
        expect![[r#"
        [lanyard] HOST:PORT is taken by another program (another lanyard?); choose another with --listen, HOST:PORT for any free port
    "#]],
    );
    assert!(!other.data().join("run/admin.sock").exists(), "a failed start leaves a socket");
    other.write("file", "mine");
    let socket = other.path("file");
    refused(
        &other,
        &["--agent-socket", socket.to_str().unwrap()],
        expect![[r#"
        [lanyard] DIR/file is there already, and no socket
    "#]],
    );
    assert_eq!(std::fs::read_to_string(socket).unwrap(), "mine");
}

#[test]
fn a_data_directory_that_is_not_as_it_should_be() {
    let mut world = World::up();
    world.set_up();
    assert_eq!(world.stop(), Some(0));
    let mode = |path: &std::path::Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let key = world.data().join("key");
    mode(&key, 0o640);
    refused(
        &world,
        &[],
        expect![[r#"
        [lanyard] DIR/data/key is open to other users (mode 640); run `chmod 600 DIR/data/key`, and consider who may have read it
    "#]],
    );
    mode(&key, 0o600);
    mode(&world.data(), 0o755);
    refused(
        &world,
        &[],
        expect![[r#"
        [lanyard] the data directory DIR/data can be reached by others than its owner (mode 0755); run `chmod 700 DIR/data`
    "#]],
    );
    mode(&world.data(), 0o700);
    let away = world.path("key");
    std::fs::rename(&key, &away).unwrap();
    refused(
        &world,
        &[],
        expect![[r#"
        [lanyard] the key file DIR/data/key is missing, and the secrets in DIR/data/lanyard.db are sealed with it; put the key back from your backup
    "#]],
    );
    assert!(!key.exists(), "no new key is made beside an old database");
    let mut other = World::up();
    assert_eq!(other.stop(), Some(0));
    std::fs::copy(other.data().join("key"), &key).unwrap();
    mode(&key, 0o600);
    refused(
        &world,
        &[],
        expect![[r#"
            [lanyard] the audit log was written with another key: checkpoint-X belongs to lanyard/audit/ID, this key's log is lanyard/audit/ID
        "#]],
    );
    std::fs::rename(&away, &key).unwrap();
    world.start(&[]);
    let mut file = World::new();
    file.write("plain", "");
    let plain = file.path("plain");
    file.set("LANYARD_DATA", plain.to_str().unwrap());
    refused(
        &file,
        &[],
        expect![[r#"
        [lanyard] DIR/plain is not a directory
    "#]],
    );
}

const BAD: &str = r#"server:
  name: bad
  securitySchemes:
  - {id: K, type: apiKey, in: header, name: X-Key, defaultCredential: "tst_key_of_the_api_4711"}
  surprise: 1
tools:
- name: one
  description: d
  requestTemplate: {url: "https://a.example/{{ .args.x", method: GET}
- name: one
  description: d
  requestTemplate: {url: "https://a.example", method: FETCH}
"#;

#[test]
fn every_problem_of_a_definition_is_told_and_nothing_changes() {
    let world = World::up();
    world.set_up();
    let look = || {
        let [servers, secrets, records] =
            [["server", "list"], ["secret", "list"], ["audit", "search"]];
        [servers, secrets, records].map(|[about, verb]| world.ok(&[about, verb, "--json"]))
    };
    let before = look();
    let definition = world.api.definition();
    let away = definition.replace(&world.api.origin, "https://elsewhere.example").replace(
        "name: X-Api-Key}",
        "name: X-Api-Key, defaultCredential: \"secret://billing-key\"}",
    );
    world.write("bad.yaml", BAD);
    world.write("empty.yaml", "");
    world.write("away.yaml", &away);
    world.write("open.yaml", &definition.replace(&world.api.origin, "http://open.example"));
    world.write("other.yaml", &definition.replace("description: Invoices", "description: Other"));
    let commands = "
        server add bad --yaml bad.yaml
        server add bad --yaml empty.yaml
        server add bad --yaml missing.yaml
        server add away --yaml away.yaml
        server add Bad/.. --yaml billing.yaml --secret BillingKey=secret://billing-key
        server add billing --yaml other.yaml --secret BillingKey=secret://billing-key
        server add open --yaml open.yaml --secret BillingKey=secret://billing-key
        server add b --yaml billing.yaml --secret Nope=secret://billing-key
        server add b --yaml billing.yaml --secret BillingKey=secret://nope
        server add b --yaml billing.yaml --secret BillingKey=secret://billing-key --allow-private http://x
        server add b --yaml billing.yaml --secret BillingKey=secret://billing-key --timeout 0
        server add b --yaml billing.yaml --secret BillingKey=secret://billing-key --prefix billing__
        server add b --yaml billing.yaml --secret BillingKey=secret://billing-key --prefix billing__ --dry-run";
    expect_file!["./definitions.txt"].assert_eq(&typed(&world, commands));
    assert_eq!(look(), before);
}

#[test]
fn names_values_and_settings_are_checked() {
    let world = World::up();
    world.set_up();
    let commands = "
        agent add alice
        agent add Alice
        agent add root --uid 0
        agent revoke ../servers/billing
        agent revoke alice?x=1
        agent rotate nobody
        revoke alice ''
        grant alice billing --allow refnd
        grant alice billing --allow *,refund
        grant alice nothing --allow *
        grant nobody billing --allow *
        grant alice billing --allow * --ttl 0s
        server set billing timeout=0
        server set billing timeout=NaN
        server set billing allow_private=10.0.0.1:80
        server set billing enabled=no
        key | secret set x --origin http://open.example
        secret set x
        key | secret rotate x
        secret rm billing-key
        audit search --since yesterday
        who-can billing
        operator revoke nobody
        grants";
    expect_file!["./names.txt"].assert_eq(&typed(&world, commands));
}
