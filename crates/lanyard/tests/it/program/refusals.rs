//! What is refused, in which words, and that nothing changed.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use expect_test::{Expect, expect};

use super::{check, check_with};
use crate::world::{KEY, World};

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
    let before = world.ok(&["server", "list", "--json"]) + &world.ok(&["secret", "list", "--json"]);
    let records = world.ok(&["audit", "search", "--kind", "change", "--json"]);
    world.write("bad.yaml", BAD);
    world.write("empty.yaml", "");
    let definition = world.api.definition();
    world.write("other.yaml", &definition.replace("description: Invoices", "description: Other"));
    world.write("away.yaml", &definition.replace(&world.api.origin, "https://elsewhere.example"));
    world.write("open.yaml", &definition.replace(&world.api.origin, "http://open.example"));
    let secret = ["--secret", "BillingKey=secret://billing-key"];
    let add =
        |name: &'static str, file: &'static str, more: &[&'static str]| -> Vec<&'static str> {
            ["server", "add", name, "--yaml", file].iter().chain(more).copied().collect()
        };
    check(
        &world,
        &add("bad", "bad.yaml", &[]),
        expect![[r#"
        -- exit 1
        bad.yaml:5:3: server: unknown key `surprise`
        bad.yaml:9:47: tools[0].requestTemplate.url: unclosed action: `}}` is missing
        bad.yaml:10:3: tools[1]: there is a tool `one` already
        bad.yaml:12:55: tools[1].requestTemplate.method: unknown method `FETCH`
        [lanyard] the definition has 4 problems; nothing was changed
    "#]],
    );
    check(
        &world,
        &add("bad", "empty.yaml", &[]),
        expect![[r#"
        -- exit 1
        empty.yaml:1:1: the file is empty
        [lanyard] the definition has 1 problem; nothing was changed
    "#]],
    );
    check(
        &world,
        &add("bad", "missing.yaml", &[]),
        expect![[r#"
        -- exit 1
        [lanyard] missing.yaml: No such file or directory (os error 2)
    "#]],
    );
    check(
        &world,
        &add("Bad/..", "billing.yaml", &secret),
        expect![[r#"
        -- exit 1
        [lanyard] server name `Bad/..` is not valid: use 1 to 64 lower-case letters, digits and inner hyphens
    "#]],
    );
    check(
        &world,
        &add("billing", "other.yaml", &secret),
        expect![[r#"
        -- exit 1
        [lanyard] there is already another server `billing`; add --replace to put this one in its place
    "#]],
    );
    check(
        &world,
        &add("open", "open.yaml", &secret),
        expect![[r#"
        -- exit 1
        open.yaml:5:5: server.securitySchemes[0].defaultCredential: a credential would travel to http://open.example unencrypted; use https, or accept it with --insecure-origin http://open.example
        [lanyard] the definition has 1 problem; nothing was changed
    "#]],
    );
    check(
        &world,
        &add("b", "billing.yaml", &["--secret", "Nope=secret://billing-key"]),
        expect![[r#"
        -- exit 1
        billing.yaml:2:3: `Nope` is bound to secret://billing-key but is no key of server.config, no `.config` path of a template and no security scheme
        billing.yaml:6:33: server.defaultUpstreamSecurity: the security scheme `BillingKey` has no credential; give it `defaultCredential: secret://NAME`, or bind one with `--secret BillingKey=secret://NAME`
        [lanyard] the definition has 2 problems; nothing was changed
    "#]],
    );
    check(
        &world,
        &add("b", "billing.yaml", &["--secret", "BillingKey=secret://nope"]),
        expect![[r#"
        -- exit 1
        billing.yaml:5:5: server.securitySchemes[0].defaultCredential: secret://nope does not exist; create it with `lanyard secret set nope`
        [lanyard] the definition has 1 problem; nothing was changed
    "#]],
    );
    check(
        &world,
        &add("b", "billing.yaml", &["--secret", secret[1], "--allow-private", "http://x"]),
        expect![[r#"
        -- exit 1
        [lanyard] `http://x` is no host; write its name or address alone, without https:// and without a port
    "#]],
    );
    check(
        &world,
        &add("b", "billing.yaml", &["--secret", secret[1], "--prefix", "billing__"]),
        expect![[r#"
        -- exit 1
        [lanyard] on /mcp both b and billing would offer a tool named `billing__get_invoice`; give one of them another --prefix
    "#]],
    );
    check(
        &world,
        &add("b", "billing.yaml", &["--secret", secret[1], "--prefix", "billing__", "--dry-run"]),
        expect![[r#"
        -- exit 1
        [lanyard] on /mcp both b and billing would offer a tool named `billing__get_invoice`; give one of them another --prefix
    "#]],
    );
    let after = world.ok(&["server", "list", "--json"]) + &world.ok(&["secret", "list", "--json"]);
    assert_eq!(before, after);
    assert_eq!(records, world.ok(&["audit", "search", "--kind", "change", "--json"]));
}

#[test]
fn names_values_and_settings_are_checked() {
    let world = World::up();
    world.set_up();
    check(
        &world,
        &["agent", "add", "alice"],
        expect![[r#"
        -- exit 1
        [lanyard] agent `alice` already exists
    "#]],
    );
    check(
        &world,
        &["agent", "add", "Alice"],
        expect![[r#"
        -- exit 1
        [lanyard] agent name `Alice` is not valid: use 1 to 64 lower-case letters, digits and inner hyphens
    "#]],
    );
    check(
        &world,
        &["agent", "add", "root", "--uid", "0"],
        expect![[r#"
        -- exit 1
        [lanyard] uid 0 cannot stand for an agent: root can be any user
    "#]],
    );
    check(
        &world,
        &["agent", "revoke", "../servers/billing"],
        expect![[r#"
        -- exit 1
        [lanyard] agent name `../servers/billing` is not valid: use 1 to 64 lower-case letters, digits and inner hyphens
    "#]],
    );
    check(
        &world,
        &["agent", "revoke", "alice?x=1"],
        expect![[r#"
        -- exit 1
        [lanyard] agent name `alice?x=1` is not valid: use 1 to 64 lower-case letters, digits and inner hyphens
    "#]],
    );
    check(
        &world,
        &["agent", "rotate", "nobody"],
        expect![[r#"
        -- exit 1
        [lanyard] there is no agent `nobody`; see `lanyard agent list`
    "#]],
    );
    check(
        &world,
        &["revoke", "alice", ""],
        expect![[r#"
        -- exit 1
        [lanyard] there is no such route
    "#]],
    );
    check(
        &world,
        &["grant", "alice", "billing", "--allow", "refnd"],
        expect![[r#"
        -- exit 1
        [lanyard] server `billing` has no tool `refnd`; it has: get_invoice, refund
    "#]],
    );
    check(
        &world,
        &["grant", "alice", "billing", "--allow", "*,refund"],
        expect![[r#"
        -- exit 1
        [lanyard] `*` means every tool and stands alone
    "#]],
    );
    check(
        &world,
        &["grant", "alice", "nothing", "--allow", "*"],
        expect![[r#"
        -- exit 1
        [lanyard] there is no server `nothing`; see `lanyard server list`
    "#]],
    );
    check(
        &world,
        &["grant", "nobody", "billing", "--allow", "*"],
        expect![[r#"
        -- exit 1
        [lanyard] there is no agent `nobody`; see `lanyard agent list`
    "#]],
    );
    check(
        &world,
        &["server", "set", "billing", "timeout=0"],
        expect![[r#"
        -- exit 1
        [lanyard] timeout is a number of seconds from 0.001 to 3600
    "#]],
    );
    check(
        &world,
        &["server", "set", "billing", "timeout=NaN"],
        expect![[r#"
        -- exit 1
        [lanyard] timeout is a number of seconds from 0.001 to 3600
    "#]],
    );
    check(
        &world,
        &["server", "set", "billing", "prefix=a b"],
        expect![[r#"
        -- exit 1
        [lanyard] a prefix has only letters, digits, `_`, `-`, `.` and `/`, and may be empty
    "#]],
    );
    check(
        &world,
        &["server", "set", "billing", "allow_private=10.0.0.1:80"],
        expect![[r#"
        -- exit 1
        [lanyard] `10.0.0.1:80` is no host; write its name or address alone, without https:// and without a port
    "#]],
    );
    check(
        &world,
        &["server", "set", "billing", "enabled=no"],
        expect![[r#"
        -- exit 1
        [lanyard] `enabled` cannot be set; what can: prefix, timeout (seconds), allow_private (hosts, comma-separated)
    "#]],
    );
    check_with(
        &world,
        &["secret", "set", "x", "--origin", "http://open.example"],
        KEY,
        expect![[r#"
        -- exit 1
        [lanyard] the secret would travel to http://open.example unencrypted; use https, or accept it with --insecure-origin http://open.example
    "#]],
    );
    check_with(
        &world,
        &["secret", "set", "x"],
        "",
        expect![[r#"
        -- exit 1
        [lanyard] the value is empty
    "#]],
    );
    check_with(
        &world,
        &["secret", "rotate", "x"],
        KEY,
        expect![[r#"
        -- exit 1
        [lanyard] there is no secret `x` to rotate; make it with `lanyard secret set x`
    "#]],
    );
    check(
        &world,
        &["secret", "rm", "billing-key"],
        expect![[r#"
        -- exit 1
        [lanyard] server `billing` uses secret://billing-key; remove the server first
    "#]],
    );
    check(
        &world,
        &["audit", "search", "--since", "yesterday"],
        expect![[r#"
        -- exit 1
        [lanyard] `yesterday` is no time; write 2026-11-21, TIME, or 7d for seven days ago
    "#]],
    );
    check(
        &world,
        &["who-can", "billing"],
        expect![[r#"
        -- exit 1
        [lanyard] name the tool as SERVER.TOOL
    "#]],
    );
    check(
        &world,
        &["operator", "revoke", "nobody"],
        expect![[r#"
        -- exit 1
        [lanyard] there is no operator `nobody`
    "#]],
    );
    check(
        &world,
        &["grants"],
        expect![[r#"
            AGENT  SERVER  ALLOW  DENY  EXPIRES
            alice  billing  get_invoice
        "#]],
    );
}
