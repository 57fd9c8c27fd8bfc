//! The main job by its commands, from the key to the record, and what holds over a restart.

use expect_test::expect;
use serde_json::Value;

use super::{check, check_with};
use crate::world::{KEY, World};

#[test]
fn from_a_key_to_a_call_to_a_record() {
    let mut world = World::up();
    world.write_definition();
    check_with(
        &world,
        &["secret", "set", "billing-key"],
        KEY,
        expect![[r#"
        secret://billing-key has version 1; bound to no origin yet: `server add --secret` binds it, or --origin
    "#]],
    );
    check(
        &world,
        &["secret", "list"],
        expect![[r#"
            SECRET  VERSION  ORIGINS
            secret://billing-key  1
        "#]],
    );
    let add = [
        "server",
        "add",
        "billing",
        "--yaml",
        "billing.yaml",
        "--secret",
        "BillingKey=secret://billing-key",
    ];
    let dry: Vec<&str> = add.iter().copied().chain(["--dry-run"]).collect();
    check(
        &world,
        &dry,
        expect![[r#"
            billing is a valid definition; nothing was changed
              sends requests to  http://HOST:PORT
              uses  secret://billing-key  bound to http://HOST:PORT
              tool  get_invoice  One invoice
              tool  refund  Refund an invoice
        "#]],
    );
    check(
        &world,
        &["server", "list"],
        expect![[r#"
        SERVER  KIND  STATE  TOOLS  PREFIX  ORIGINS  UNSET SECRETS
    "#]],
    );
    check(
        &world,
        &add,
        expect![[r#"
            added billing
              sends requests to  http://HOST:PORT
              uses  secret://billing-key  bound to http://HOST:PORT
              tool  get_invoice  One invoice
              tool  refund  Refund an invoice
            -- exit 0
            [lanyard] nobody may call it yet: `lanyard grant AGENT billing --allow '*'`
        "#]],
    );
    check(
        &world,
        &add,
        expect![[r#"
            billing is there already, the same; nothing was changed
              sends requests to  http://HOST:PORT
              uses  secret://billing-key  bound to http://HOST:PORT
              tool  get_invoice  One invoice
              tool  refund  Refund an invoice
        "#]],
    );
    check(
        &world,
        &["server", "list"],
        expect![[r#"
            SERVER  KIND  STATE  TOOLS  PREFIX  ORIGINS  UNSET SECRETS
            billing  rest  enabled  2  billing__  http://HOST:PORT
        "#]],
    );
    check(
        &world,
        &["server", "show", "billing"],
        expect![[r#"
            billing (rest)
              description  Invoices
              enabled  yes
              file  billing.yaml
              prefix  billing__
              origins  http://HOST:PORT
              updated  TIME
              uses  secret://billing-key
              get_invoice  GET  One invoice
              refund  POST  Refund an invoice
        "#]],
    );
    check(
        &world,
        &["server", "test", "billing"],
        expect![[r#"
        -- exit 1
        nobody may call it: `lanyard grant AGENT billing --allow '*'`
        [lanyard] billing is not ready for calls
    "#]],
    );
    check(
        &world,
        &["agent", "add", "alice", "--json"],
        expect![[r#"
            {
              "name": "alice",
              "token": "TOKEN",
              "token_id": "TOKEN_ID",
              "expires_at": "TIME"
            }
        "#]],
    );
    check(
        &world,
        &["agent", "list"],
        expect![[r#"
            AGENT  STATE  TOKEN  EXPIRES  UID  SERVERS
            alice  active  lyd_a_BEGIN  TIME
        "#]],
    );
    check(
        &world,
        &["grant", "alice", "billing", "--allow", "get_invoice", "--ttl", "1d"],
        expect![[r#"
        alice may call get_invoice of billing, until TIME
    "#]],
    );
    check(
        &world,
        &["grants"],
        expect![[r#"
            AGENT  SERVER  ALLOW  DENY  EXPIRES
            alice  billing  get_invoice  TIME
        "#]],
    );
    check(
        &world,
        &["grants", "alice", "--json"],
        expect![[r#"
        {
          "grants": [
            {
              "agent": "alice",
              "server": "billing",
              "allow": [
                "get_invoice"
              ],
              "deny": [],
              "expires_at": "TIME",
              "created_at": "TIME"
            }
          ]
        }
    "#]],
    );
    check(
        &world,
        &["who-can", "billing.get_invoice"],
        expect![[r#"
        alice
    "#]],
    );
    check(
        &world,
        &["who-can", "billing.refund"],
        expect![[r#"
        -- exit 0
        [lanyard] no agent may call billing.refund
    "#]],
    );
    check(
        &world,
        &["server", "test", "billing"],
        expect![[r#"
        billing is ready for calls
    "#]],
    );
    calls(&mut world);
    ends(&world);
}

fn calls(world: &mut World) {
    let token = world.ok(&["agent", "rotate", "alice"]).trim().to_owned();
    let url = world.addresses()["url"].as_str().unwrap().to_owned();
    world.set("LANYARD_URL", &url);
    world.set("LANYARD_TOKEN", &token);
    check(
        world,
        &["call", "billing.get_invoice", "number=INV-7"],
        expect![[r#"
        {
          "number": "INV-7",
          "amount": 12.50,
          "your_key": "[masked]"
        }
    "#]],
    );
    assert_eq!(*world.api.keys_seen.lock().unwrap(), [KEY], "the API got the key");
    check(
        world,
        &["call", "billing.refund", "number=INV-7"],
        expect![[r#"
        -- exit 1
        [lanyard] billing.refund: Tool refund not found. There is: get_invoice.
    "#]],
    );
    check(
        world,
        &["list"],
        expect![[r#"
        lanyard 0.1.0 — Listing 1 server(s) (per-server timeout: 30s)
        - billing — Invoices (1 tool, 0.0s)
        ✔ Listed 1 server (1 healthy).
    "#]],
    );
    check(
        world,
        &["audit", "search", "--agent", "alice", "--since", "1h"],
        expect![[r#"
            TIME  KIND  WHO  WHAT  DECISION  ENDED  RECORD
            TIME  call.denied  alice  billing.refund  tool_not_granted  RECORD
            TIME  call.open  alice  billing.get_invoice  grant:alice/billing  answered MICROS us  RECORD
            TIME  change  owner:uid:UID  agent.rotate agent:alice  RECORD
            TIME  change  owner:uid:UID  grant.put grant:alice/billing  RECORD
            TIME  change  owner:uid:UID  agent.add agent:alice  RECORD
        "#]],
    );
    check(
        world,
        &["server", "disable", "billing"],
        expect![[r#"
        billing is disabled
    "#]],
    );
    check(
        world,
        &["who-can", "billing.get_invoice"],
        expect![[r#"
        -- exit 0
        [lanyard] no agent may call billing.get_invoice
    "#]],
    );
    assert_ne!(world.run(&["call", "billing.get_invoice", "number=INV-7"]).code, Some(0));
    check(
        world,
        &["server", "enable", "billing"],
        expect![[r#"
        billing is enabled
    "#]],
    );
    check(
        world,
        &["revoke", "alice", "billing"],
        expect![[r#"
        alice may no longer call billing
    "#]],
    );
    check(
        world,
        &["call", "billing.get_invoice", "number=INV-7"],
        expect![[r#"
        -- exit 6
        [lanyard] billing.get_invoice: access was refused (HTTP 404): server not found. This token may not use 'billing'. There is none.
    "#]],
    );
    check(
        world,
        &["agent", "revoke", "alice"],
        expect![[r#"
        revoked alice: its tokens no longer work
    "#]],
    );
    check(
        world,
        &["call", "billing.get_invoice", "number=INV-7"],
        expect![[r#"
        -- exit 3
        [lanyard] billing.get_invoice: the token was refused (HTTP 401): a valid token is needed
    "#]],
    );
    assert_eq!(world.api.keys_seen.lock().unwrap().len(), 1, "the API was called once in all");
}

fn ends(world: &World) {
    check(
        world,
        &["agent", "add", "alice"],
        expect![[r#"
        TOKEN
        -- exit 0
        [lanyard] this is the token of alice, good until TIME; it is not shown again
    "#]],
    );
    check(
        world,
        &["grants", "alice"],
        expect![[r#"
        AGENT  SERVER  ALLOW  DENY  EXPIRES
    "#]],
    );
    check(
        world,
        &["secret", "rm", "billing-key"],
        expect![[r#"
        -- exit 1
        [lanyard] server `billing` uses secret://billing-key; remove the server first
    "#]],
    );
    check(
        world,
        &["server", "set", "billing", "prefix=", "timeout=5"],
        expect![[r#"
        billing is set
    "#]],
    );
    check(
        world,
        &["server", "rm", "billing"],
        expect![[r#"
        removed billing and the grants for it
    "#]],
    );
    check(
        world,
        &["secret", "rm", "billing-key"],
        expect![[r#"
        removed secret://billing-key
    "#]],
    );
    check(
        world,
        &["doctor"],
        expect![[r#"
            Reachable
              HOST:PORT  agents with a token
              DIR/data/run/agent.sock  agents on this machine, by token or uid
              HOST:PORT  operators with a token
              DIR/data/run/admin.sock  the data directory's owner
            Configured
              0 servers, 0 secrets, 1 agents, 0 grants; configuration 13
              N audit records on disk; records are taken: yes
            Found
              - no named operator: everything is done as the data directory's owner; `lanyard operator add NAME --role owner`
            To know
              - processes of the data directory's owner can read everything of it: run agents as other users, or in containers
              - what an allowed tool answers reaches the agent as it is, except for the server's own credential, which is masked
        "#]],
    );
    let limits: Value = serde_json::from_str(&world.ok(&["limits", "--json"])).unwrap();
    let units: Vec<&str> = limits["limits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["unit"].as_str().unwrap())
        .collect();
    assert!(units.len() > 20 && units.iter().all(|it| ["bytes", "ms", "count"].contains(it)));
    let exported = world.ok(&["audit", "export"]);
    assert!(exported.lines().count() > 10, "{exported}");
    for line in exported.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn what_would_be_sent_is_shown_without_a_gateway() {
    let world = World::new();
    world.write_definition();
    let render = |args: &[&'static str]| -> Vec<&'static str> {
        let file = ["server", "render", "billing.yaml"];
        let secret = ["--secret", "BillingKey=secret://k"];
        file.iter().chain(args).chain(&secret).copied().collect()
    };
    check(
        &world,
        &render(&["get_invoice", "number=a/b c"]),
        expect![[r#"
            GET http://HOST:PORT/invoices/a%2Fb%20c
            Accept: */*
            User-Agent: lanyard/0.1.0
            X-Api-Key: ********
        "#]],
    );
    check(
        &world,
        &render(&["refund", "number=7", "--json"]),
        expect![[r#"
            {
              "method": "POST",
              "url": "http://HOST:PORT/refunds",
              "headers": [
                [
                  "Content-Type",
                  "application/json; charset=utf-8"
                ],
                [
                  "Accept",
                  "*/*"
                ],
                [
                  "User-Agent",
                  "lanyard/0.1.0"
                ],
                [
                  "X-Api-Key",
                  "********"
                ]
              ],
              "body": "{\"number\":\"7\"}"
            }
        "#]],
    );
    check(
        &world,
        &render(&["refund"]),
        expect![[r#"
            -- exit 1
            [lanyard] the call was not made: `number` is required
        "#]],
    );
    check(
        &world,
        &render(&["nothing"]),
        expect![[r#"
            -- exit 1
            [lanyard] billing.yaml has no tool `nothing`; it has: get_invoice, refund
        "#]],
    );
    assert!(!world.data().exists(), "rendering makes no data directory");
}

#[test]
fn a_stop_leaves_nothing_open_and_a_start_finds_everything() {
    let mut world = World::up();
    let token = world.set_up();
    let run = world.data().join("run");
    assert_eq!(world.stop(), Some(0));
    for name in ["addresses.json", "admin.sock", "agent.sock"] {
        assert!(!run.join(name).exists(), "{name} is left");
    }
    check(
        &world,
        &["server", "list"],
        expect![[r#"
        -- exit 4
        [lanyard] no gateway runs on DIR/data; start one with `lanyard up` (or name another with --data, LANYARD_DATA or LANYARD_ADMIN_URL)
    "#]],
    );
    world.start(&["--strict"]);
    check(
        &world,
        &["grants"],
        expect![[r#"
            AGENT  SERVER  ALLOW  DENY  EXPIRES
            alice  billing  get_invoice
        "#]],
    );
    let url = world.addresses()["url"].as_str().unwrap().to_owned();
    world.set("LANYARD_URL", &url);
    world.set("LANYARD_TOKEN", &token);
    world.ok(&["call", "billing.get_invoice", "number=INV-7"]);
    assert_eq!(*world.api.keys_seen.lock().unwrap(), [KEY]);
    world.ok(&["audit", "verify"]);
    let actions = world.ok(&["audit", "search", "--kind", "change", "--json"]);
    for action in ["gateway.start", "gateway.stop", "secret.set", "grant.put"] {
        assert!(actions.contains(action), "no record of {action}");
    }
}

#[test]
fn operators_have_roles_over_tcp() {
    let mut world = World::up();
    let [auditor, owner] = ["auditor", "owner"]
        .map(|role| world.ok(&["operator", "add", role, "--role", role]).trim().to_owned());
    check(
        &world,
        &["operator", "list"],
        expect![[r#"
            OPERATOR  ROLE  STATE  TOKEN
            auditor  auditor  active  lyd_o_BEGIN
            owner  owner  active  lyd_o_BEGIN
        "#]],
    );
    let url = format!("http://{}", world.admin_address());
    world.set("LANYARD_ADMIN_URL", &url);
    check(
        &world,
        &["agent", "list"],
        expect![[r#"
        -- exit 3
        [lanyard] an operator's token is needed (LANYARD_ADMIN_TOKEN), or the admin socket of the data directory's owner
    "#]],
    );
    world.set("LANYARD_ADMIN_TOKEN", &auditor);
    check(
        &world,
        &["agent", "list"],
        expect![[r#"
        AGENT  STATE  TOKEN  EXPIRES  UID  SERVERS
    "#]],
    );
    check(
        &world,
        &["agent", "add", "eve"],
        expect![[r#"
        -- exit 6
        [lanyard] this needs an operator with the role owner; see `lanyard operator list`
    "#]],
    );
    world.set("LANYARD_ADMIN_TOKEN", &owner);
    check(
        &world,
        &["operator", "revoke", "auditor"],
        expect![[r#"
        revoked operator auditor
    "#]],
    );
    world.set("LANYARD_ADMIN_TOKEN", &auditor);
    check(
        &world,
        &["agent", "list"],
        expect![[r#"
        -- exit 3
        [lanyard] an operator's token is needed (LANYARD_ADMIN_TOKEN), or the admin socket of the data directory's owner
    "#]],
    );
}

#[test]
fn tls_by_an_authority_of_its_own() {
    let mut world = World::new();
    world.start(&["--tls-local-ca"]);
    let operator = world.ok(&["operator", "add", "o", "--role", "owner"]).trim().to_owned();
    let token = world.set_up();
    let url = world.addresses()["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://"), "{url}");
    world.set("LANYARD_URL", &url);
    world.set("LANYARD_TOKEN", &token);
    let untrusting = world.run(&["call", "billing.get_invoice", "number=INV-7"]);
    assert_eq!(untrusting.code, Some(4), "{untrusting:?}");
    let authority = world.data().join("tls/ca.pem");
    world.set("SSL_CERT_FILE", authority.to_str().unwrap());
    world.ok(&["call", "billing.get_invoice", "number=INV-7"]);
    let admin = format!("https://{}", world.admin_address());
    world.set("LANYARD_ADMIN_URL", &admin);
    world.set("LANYARD_ADMIN_TOKEN", &operator);
    check(
        &world,
        &["grants"],
        expect![[r#"
            AGENT  SERVER  ALLOW  DENY  EXPIRES
            alice  billing  get_invoice
        "#]],
    );
}
