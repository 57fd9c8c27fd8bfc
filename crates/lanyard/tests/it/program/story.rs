//! The main job by its commands, from the key to the record, and what holds over a restart.

use expect_test::{expect, expect_file};
use serde_json::Value;

use super::{transcript, typed};
use crate::world::{KEY, World};

#[test]
fn from_a_key_to_a_call_to_a_record() {
    let mut world = World::up();
    world.write_definition();
    let set_up = "
        key | secret set billing-key
        secret list
        server add billing --yaml billing.yaml --secret BillingKey=secret://billing-key --dry-run
        server list
        server add billing --yaml billing.yaml --secret BillingKey=secret://billing-key
        server add billing --yaml billing.yaml --secret BillingKey=secret://billing-key
        server list
        server show billing
        server test billing
        agent add alice --json
        agent list
        grant alice billing --allow get_invoice --ttl 1d
        grants
        grants alice --json
        who-can billing.get_invoice
        who-can billing.refund
        server test billing";
    expect_file!["./set-up.txt"].assert_eq(&typed(&world, set_up));
    calls(&mut world);
    ends(&world);
}

fn calls(world: &mut World) {
    let token = world.ok(&["agent", "rotate", "alice"]).trim().to_owned();
    let url = world.addresses()["url"].as_str().unwrap().to_owned();
    world.set("LANYARD_URL", &url);
    world.set("LANYARD_TOKEN", &token);
    transcript(
        world,
        "call billing.get_invoice number=INV-7",
        expect![[r#"
        $ call billing.get_invoice number=INV-7
        {
          "number": "INV-7",
          "amount": 12.50,
          "your_key": "[masked]"
        }
    "#]],
    );
    // Once when it was tried, and once for the agent.
    assert_eq!(*world.api.keys_seen.lock().unwrap(), [KEY, KEY], "the API got the key");
    let refused = "
        call billing.refund number=INV-7
        audit search --agent alice --since 1h
        server disable billing
        who-can billing.get_invoice
        call billing.get_invoice number=INV-7
        server enable billing
        revoke alice billing
        call billing.get_invoice number=INV-7
        agent revoke alice
        call billing.get_invoice number=INV-7";
    transcript(
        world,
        refused,
        expect![[r#"
        $ call billing.refund number=INV-7
        [lanyard] billing.refund: Tool refund not found. There is: get_invoice.
        -- exit 1
        $ audit search --agent alice --since 1h
        TIME  KIND  WHO  WHAT  DECISION  ENDED  RECORD
        TIME  call.denied  alice  billing.refund  tool_not_granted  RECORD
        TIME  call.open  alice  billing.get_invoice  grant:alice/billing  answered MICROS us  RECORD
        TIME  change  owner:uid:UID  agent.rotate agent:alice  RECORD
        TIME  change  owner:uid:UID  grant.put grant:alice/billing  RECORD
        TIME  change  owner:uid:UID  agent.add agent:alice  RECORD
        $ server disable billing
        billing is disabled
        $ who-can billing.get_invoice
        [lanyard] no agent may call billing.get_invoice
        $ call billing.get_invoice number=INV-7
        [lanyard] billing.get_invoice: access was refused (HTTP 404): server not found. This token may not use 'billing'. There is none.
        -- exit 6
        $ server enable billing
        billing is enabled
        $ revoke alice billing
        alice may no longer call billing
        $ call billing.get_invoice number=INV-7
        [lanyard] billing.get_invoice: access was refused (HTTP 404): server not found. This token may not use 'billing'. There is none.
        -- exit 6
        $ agent revoke alice
        revoked alice: its tokens no longer work
        $ call billing.get_invoice number=INV-7
        [lanyard] billing.get_invoice: the token was refused (HTTP 401): a valid token is needed
        -- exit 3
    "#]],
    );
    assert_eq!(world.api.keys_seen.lock().unwrap().len(), 2, "the agent called the API once");
}

fn ends(world: &World) {
    let commands = "
        agent add alice
        grants alice
        secret rm billing-key
        server set billing prefix= timeout=5
        server rm billing
        secret rm billing-key
        doctor";
    transcript(
        world,
        commands,
        expect![[r#"
            $ agent add alice
            TOKEN
            [lanyard] this is the token of alice, good until TIME; it is not shown again
            $ grants alice
            AGENT  SERVER  ALLOW  DENY  USERS  EXPIRES
            $ secret rm billing-key
            [lanyard] server `billing` uses secret://billing-key; remove the server first
            -- exit 1
            $ server set billing prefix= timeout=5
            billing is set
            $ server rm billing
            removed billing and the grants for it
            $ secret rm billing-key
            removed secret://billing-key
            $ doctor
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
    let limits = limits["limits"].as_array().unwrap();
    let known = |it: &Value| ["bytes", "ms", "count"].contains(&it["unit"].as_str().unwrap());
    assert!(limits.len() > 20 && limits.iter().all(known));
    let exported = world.ok(&["audit", "export"]);
    assert!(exported.lines().count() > 10, "{exported}");
    for line in exported.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    assert_eq!(world.run(&["list", "--json"]).code, Some(3), "a revoked token lists nothing");
}

#[test]
fn what_would_be_sent_is_shown_without_a_gateway() {
    let world = World::new();
    world.write_definition();
    let commands = "
        server render billing.yaml get_invoice number=a/b?c --secret BillingKey=secret://k
        server render billing.yaml refund number=7 --json --secret BillingKey=secret://k
        server render billing.yaml refund --secret BillingKey=secret://k
        server render billing.yaml nothing --secret BillingKey=secret://k
        server render billing.yaml refund number=7";
    transcript(
        &world,
        commands,
        expect![[r#"
        $ server render billing.yaml get_invoice number=a/b?c --secret BillingKey=secret://k
        GET http://HOST:PORT/invoices/a%2Fb%3Fc
        Accept: */*
        User-Agent: lanyard/0.1.0
        X-Api-Key: ********
        $ server render billing.yaml refund number=7 --json --secret BillingKey=secret://k
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
        $ server render billing.yaml refund --secret BillingKey=secret://k
        [lanyard] the call was not made: `number` is required
        -- exit 1
        $ server render billing.yaml nothing --secret BillingKey=secret://k
        [lanyard] billing.yaml has no tool `nothing`; it has: get_invoice, refund
        -- exit 1
        $ server render billing.yaml refund number=7
        billing.yaml:6:33: server.defaultUpstreamSecurity: the security scheme `BillingKey` has no credential; give it `defaultCredential: secret://NAME`, or bind one with `--secret BillingKey=secret://NAME`
        [lanyard] the definition cannot be used
        -- exit 1
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
    transcript(
        &world,
        "server list",
        expect![[r#"
        $ server list
        [lanyard] no gateway runs on DIR/data; start one with `lanyard up` (or name another with --data, LANYARD_DATA or LANYARD_ADMIN_URL)
        -- exit 4
    "#]],
    );
    world.start(&["--strict"]);
    transcript(
        &world,
        "grants",
        expect![[r#"
            $ grants
            AGENT  SERVER  ALLOW  DENY  USERS  EXPIRES
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
    transcript(
        &world,
        "operator list",
        expect![[r#"
        $ operator list
        OPERATOR  ROLE  STATE  TOKEN
        auditor  auditor  active  lyd_o_BEGIN
        owner  owner  active  lyd_o_BEGIN
    "#]],
    );
    let url = format!("http://{}", world.admin_address());
    world.set("LANYARD_ADMIN_URL", &url);
    transcript(
        &world,
        "agent list",
        expect![[r#"
        $ agent list
        [lanyard] an operator's token is needed (LANYARD_ADMIN_TOKEN), or the admin socket of the data directory's owner
        -- exit 3
    "#]],
    );
    world.set("LANYARD_ADMIN_TOKEN", &auditor);
    transcript(
        &world,
        "agent list",
        expect![[r#"
        $ agent list
        AGENT  STATE  TOKEN  EXPIRES  UID  TEAMS  TAGS  SERVERS
    "#]],
    );
    transcript(
        &world,
        "agent add eve",
        expect![[r#"
        $ agent add eve
        [lanyard] this needs an operator with the role owner; see `lanyard operator list`
        -- exit 6
    "#]],
    );
    world.set("LANYARD_ADMIN_TOKEN", &owner);
    transcript(
        &world,
        "operator revoke auditor",
        expect![[r#"
        $ operator revoke auditor
        revoked operator auditor
    "#]],
    );
    world.set("LANYARD_ADMIN_TOKEN", &auditor);
    transcript(
        &world,
        "agent list",
        expect![[r#"
        $ agent list
        [lanyard] the token that was given (LANYARD_ADMIN_TOKEN) is no operator's: mistyped, revoked, or of another gateway; an operator's begins with lyd_o_, and `lanyard operator add NAME` prints one
        -- exit 3
    "#]],
    );
    at_the_agents_listener(&mut world);
}

fn at_the_agents_listener(world: &mut World) {
    let agents = world.addresses()["url"].as_str().unwrap().to_owned();
    world.set("LANYARD_ADMIN_URL", &agents);
    transcript(
        world,
        "agent list",
        expect![[r#"
            $ agent list
            [lanyard] what answers has no admin API (HTTP 401 Unauthorized): is LANYARD_ADMIN_URL the listener for agents? The one for operators is http://HOST:PORT by default
            -- exit 3
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
    transcript(
        &world,
        "grants",
        expect![[r#"
            $ grants
            AGENT  SERVER  ALLOW  DENY  USERS  EXPIRES
            alice  billing  get_invoice
        "#]],
    );
}
