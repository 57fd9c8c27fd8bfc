//! What each method of a change refuses, and what it writes.

mod limits;
mod servers;

use std::collections::BTreeSet;

use lanyard_core::{
    AgentName, ChangeRecord, OperatorName, RecordId, SecretName, ServerName, Tags, TeamName,
    TenantName, Timestamp, TokenId,
};
use tempfile::TempDir;

use crate::{
    AgentRow, Change, Configuration, GrantRow, OperatorRow, PolicyRow, Role, SecretRow,
    SecretVersionRow, ServerRow, Store, StoreError, TokenRow,
};

pub(crate) fn record(id: &str) -> ChangeRecord {
    ChangeRecord {
        id: RecordId::parse(id).unwrap(),
        time: Timestamp(1),
        tenant: tenant(),
        actor: "owner:uid:1000".to_owned(),
        peer: None,
        action: "agent.add".to_owned(),
        subject: "agent:alice".to_owned(),
        detail: Vec::new(),
    }
}

pub(crate) fn agent(name: &str) -> AgentRow {
    AgentRow {
        tenant: tenant(),
        name: agent_name(name),
        uid: None,
        search_above: None,
        teams: BTreeSet::new(),
        tags: Tags::new(),
        created_at: Timestamp(1),
        revoked_at: None,
        epoch: 1,
    }
}

fn with_uid(name: &str, uid: u32) -> AgentRow {
    AgentRow { uid: Some(uid), ..agent(name) }
}

fn tenant() -> TenantName {
    TenantName::default_tenant()
}

fn agent_name(name: &str) -> AgentName {
    AgentName::parse(name).unwrap()
}

fn server_name(name: &str) -> ServerName {
    ServerName::parse(name).unwrap()
}

fn secret_name(name: &str) -> SecretName {
    SecretName::parse(name).unwrap()
}

fn operator_name(name: &str) -> OperatorName {
    OperatorName::parse(name).unwrap()
}

fn token_id(id: &str) -> TokenId {
    TokenId::parse(id).unwrap()
}

fn token(id: &str, agent: &str, byte: u8) -> TokenRow {
    TokenRow {
        id: token_id(id),
        tenant: tenant(),
        agent: agent_name(agent),
        hash: [byte; 32],
        display_prefix: "lyd_a_xx".to_owned(),
        created_at: Timestamp(1),
        expires_at: Some(Timestamp(100)),
        revoked_at: None,
    }
}

fn operator(name: &str, byte: u8) -> OperatorRow {
    OperatorRow {
        name: operator_name(name),
        role: Role::Approver,
        token_id: token_id(&format!("t{byte}")),
        token_hash: [byte; 32],
        display_prefix: "lyd_o_xx".to_owned(),
        created_at: Timestamp(1),
        revoked_at: None,
    }
}

fn server(name: &str) -> ServerRow {
    ServerRow {
        tenant: tenant(),
        name: server_name(name),
        kind: "rest".to_owned(),
        source: "server:\n  name: billing\n".to_owned(),
        file_name: "billing.yaml".to_owned(),
        options: "{}".to_owned(),
        enabled: true,
        verified: false,
        version: 0,
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
    }
}

fn secret(name: &str, origins: &[&str]) -> SecretRow {
    SecretRow {
        tenant: tenant(),
        name: secret_name(name),
        origins: origins.iter().map(ToString::to_string).collect(),
        created_at: Timestamp(1),
        version: None,
    }
}

fn secret_version(name: &str, version: u32) -> SecretVersionRow {
    SecretVersionRow {
        tenant: tenant(),
        name: secret_name(name),
        version,
        sealed: vec![1, 2, 3],
        created_at: Timestamp(1),
        retired_at: None,
    }
}

fn grant(agent: &str, server: &str, allow: &[&str]) -> GrantRow {
    GrantRow {
        tenant: tenant(),
        agent: agent_name(agent),
        server: server_name(server),
        allow: allow.iter().map(ToString::to_string).collect(),
        deny: vec!["pay".to_owned()],
        users: Some(vec!["*".to_owned()]),
        expires_at: None,
        created_at: Timestamp(1),
    }
}

type Step<'a> = &'a dyn Fn(&Change<'_>) -> Result<(), StoreError>;

/// Makes one change of these steps and gives what is there after it.
#[track_caller]
fn after(steps: &[Step<'_>]) -> Configuration {
    let (_home, store) = changed(steps);
    store.load().unwrap()
}

#[track_caller]
fn changed(steps: &[Step<'_>]) -> (TempDir, Store) {
    let home = TempDir::new().unwrap();
    let store = Store::open(&home.path().join("data")).unwrap();
    let result: Result<(), StoreError> =
        store.change(record("r1"), |change| steps.iter().try_for_each(|step| step(change)));
    result.unwrap();
    (home, store)
}

/// Makes one change of `before`, then finds that `step` is refused.
#[track_caller]
fn refused(before: &[Step<'_>], step: Step<'_>, message: &str) {
    let (_home, store) = changed(before);
    let result: Result<(), StoreError> = store.change(record("r2"), |change| step(change));
    assert_eq!(result.unwrap_err().to_string(), message);
}

const ALICE: Step<'static> = &|change| change.agent_insert(&agent("alice"));
const BILLING: Step<'static> = &|change| change.server_put(&server("billing")).map(drop);
const KEY: Step<'static> = &|change| change.secret_put(&secret("key", &["https://a"]));
const REVOKE_ALICE: Step<'static> =
    &|change| change.agent_revoke(&tenant(), &agent_name("alice"), Timestamp(9));

#[test]
fn names_collide_and_must_exist() {
    let no_alice = "there is no agent `alice`";
    let no_billing = "there is no server `billing`";
    let no_key = "there is no secret `key`";
    let (alice, billing, key) = (agent_name("alice"), server_name("billing"), secret_name("key"));
    let token_1: Step<'_> = &|change| change.token_insert(&token("t1", "alice", 1));
    let ann: Step<'_> = &|change| change.operator_insert(&operator("ann", 1));
    let set_key: Step<'_> = &|change| change.secret_version_insert(&secret_version("key", 1));
    let grant_all: Step<'_> = &|change| change.grant_put(&grant("alice", "billing", &["*"]));
    let cases: &[(&[Step<'_>], Step<'_>, &str)] = &[
        (&[ALICE], ALICE, "agent `alice` already exists"),
        (&[], REVOKE_ALICE, no_alice),
        (&[ALICE, REVOKE_ALICE], REVOKE_ALICE, no_alice),
        (&[], &|change| change.agent_set_uid(&tenant(), &alice, Some(7)), no_alice),
        (&[], token_1, no_alice),
        (&[ALICE, REVOKE_ALICE], token_1, no_alice),
        (&[ALICE, token_1], token_1, "token `t1` already exists"),
        (
            &[ALICE, token_1],
            &|change| change.token_insert(&token("t2", "alice", 1)),
            "token `t2` already exists",
        ),
        (
            &[],
            &|change| change.token_revoke(&token_id("t1"), Timestamp(2)),
            "there is no token `t1`",
        ),
        (&[ann], ann, "operator `ann` already exists"),
        (
            &[],
            &|change| change.operator_revoke(&operator_name("ann"), Timestamp(2)),
            "there is no operator `ann`",
        ),
        (&[], &|change| change.server_delete(&tenant(), &billing), no_billing),
        (&[], &|change| change.server_set_enabled(&tenant(), &billing, true), no_billing),
        (&[], &|change| change.secret_set_origins(&tenant(), &key, &[]), no_key),
        (&[], &|change| change.secret_delete(&tenant(), &key), no_key),
        (&[], set_key, no_key),
        (&[KEY, set_key], set_key, "secret version `key 1` already exists"),
        (&[BILLING], grant_all, no_alice),
        (&[ALICE], grant_all, no_billing),
        (&[ALICE, BILLING, REVOKE_ALICE], grant_all, no_alice),
        (
            &[ALICE, BILLING],
            &|change| change.grant_delete(&tenant(), &alice, &billing),
            "there is no grant `alice/billing`",
        ),
    ];
    for (before, step, message) in cases {
        refused(before, *step, message);
    }
}

#[test]
fn a_uid_stands_for_one_agent_that_is_not_revoked() {
    let alice_7: Step<'_> = &|change| change.agent_insert(&with_uid("alice", 7));
    let bob_7: Step<'_> = &|change| change.agent_insert(&with_uid("bob", 7));
    let bob: Step<'_> = &|change| change.agent_insert(&agent("bob"));
    let set_7: Step<'_> = &|change| change.agent_set_uid(&tenant(), &agent_name("bob"), Some(7));
    let other_tenant: Step<'_> = &|change| {
        let tenant = TenantName::parse("other").unwrap();
        change.agent_insert(&AgentRow { tenant, ..with_uid("alice", 7) })
    };
    let message = "uid 7 already stands for agent `alice`";
    refused(&[alice_7], bob_7, message);
    refused(&[alice_7, bob], set_7, message);
    refused(&[alice_7], other_tenant, message);
    let agents = after(&[alice_7, REVOKE_ALICE, bob, set_7, set_7]).agents;
    assert_eq!(agents[1].uid, Some(7));
}

#[test]
fn a_revoked_agent_has_nothing_left_and_its_name_begins_anew() {
    let bob: Step<'_> = &|change| change.agent_insert(&agent("bob"));
    let tokens: Step<'_> = &|change| {
        change.token_insert(&token("t1", "alice", 1))?;
        change.token_insert(&token("t2", "bob", 2))?;
        change.token_insert(&token("t3", "alice", 3))?;
        change.token_revoke(&token_id("t3"), Timestamp(5))?;
        change.token_revoke(&token_id("t3"), Timestamp(6))
    };
    let grants: Step<'_> = &|change| {
        change.grant_put(&grant("alice", "billing", &["*"]))?;
        change.grant_put(&grant("bob", "billing", &["get"]))
    };
    let all = [ALICE, bob, tokens, BILLING, grants, REVOKE_ALICE];
    let configuration = after(&all);
    let alice = &configuration.agents[0];
    assert_eq!((alice.revoked_at, alice.epoch), (Some(Timestamp(9)), 2));
    let revoked: Vec<_> = configuration.tokens.iter().map(|token| token.revoked_at).collect();
    assert_eq!(revoked, [Some(Timestamp(9)), None, Some(Timestamp(5))]);
    let configuration = after(&[&all[..], &[ALICE]].concat());
    let alice = &configuration.agents[0];
    assert_eq!((alice.revoked_at, alice.epoch), (None, 3));
    assert_eq!(configuration.tokens[0].revoked_at, Some(Timestamp(9)));
    assert_eq!(configuration.grants, [grant("bob", "billing", &["get"])]);
}

#[test]
fn rows_come_back_as_they_were_put() {
    let configuration = after(&[ALICE, BILLING, KEY, &|change| {
        change.token_insert(&token("t1", "alice", 1))?;
        change.operator_insert(&operator("ann", 1))?;
        change.operator_insert(&operator("bea", 2))?;
        change.operator_revoke(&operator_name("ann"), Timestamp(4))?;
        change.operator_insert(&operator("ann", 3))?;
        change.grant_put(&grant("alice", "billing", &["get", "list"]))
    }]);
    assert_eq!(configuration.agents, [agent("alice")]);
    assert_eq!(configuration.tokens, [token("t1", "alice", 1)]);
    assert_eq!(configuration.operators, [operator("ann", 3), operator("bea", 2)]);
    assert_eq!(configuration.servers, [ServerRow { version: 1, ..server("billing") }]);
    assert_eq!(configuration.secrets, [secret("key", &["https://a"])]);
    assert_eq!(configuration.grants, [grant("alice", "billing", &["get", "list"])]);
}

#[test]
fn a_server_put_again_keeps_its_grants_and_removed_loses_them() {
    let grant_all: Step<'_> = &|change| change.grant_put(&grant("alice", "billing", &["*"]));
    let again: Step<'_> = &|change| {
        let (created_at, updated_at) = (Timestamp(50), Timestamp(50));
        let row = ServerRow { created_at, updated_at, source: "x".to_owned(), ..server("billing") };
        assert_eq!(change.server_put(&row)?, 2);
        change.server_set_enabled(&tenant(), &server_name("billing"), false)
    };
    let configuration = after(&[ALICE, BILLING, grant_all, again]);
    let billing = &configuration.servers[0];
    assert_eq!((billing.created_at, billing.updated_at), (Timestamp(1), Timestamp(50)));
    assert_eq!((billing.version, billing.enabled, &*billing.source), (2, false, "x"));
    assert_eq!(configuration.grants.len(), 1);
    let remove: Step<'_> = &|change| change.server_delete(&tenant(), &server_name("billing"));
    let configuration = after(&[ALICE, BILLING, grant_all, remove, BILLING]);
    assert_eq!((configuration.servers.len(), configuration.grants.len()), (1, 0));
}

#[test]
fn a_secret_goes_through_its_versions() {
    let key = secret_name("key");
    let two: Step<'_> = &|change| {
        for version in [1, 2] {
            assert_eq!(change.secret_version_next(&tenant(), &key)?, version);
            change.secret_version_insert(&secret_version("key", version))?;
        }
        let retired = change.secret_versions_retire_older(&tenant(), &key, 2, Timestamp(8))?;
        assert_eq!(retired, 1);
        change.secret_set_origins(&tenant(), &key, &["https://b".to_owned()])
    };
    let configuration = after(&[KEY, two]);
    let expected = SecretRow { version: Some(2), ..secret("key", &["https://b"]) };
    assert_eq!(configuration.secrets, [expected]);
    let retired: Vec<_> = configuration.secret_versions.iter().map(|row| row.retired_at).collect();
    assert_eq!(retired, [Some(Timestamp(8)), None]);
    assert!(!format!("{:?}", configuration.secret_versions).contains("sealed"));
    // Put again, it keeps its value.
    let configuration = after(&[KEY, two, KEY]);
    assert_eq!(configuration.secrets[0].version, Some(2));
    let delete: Step<'_> = &|change| change.secret_delete(&tenant(), &key);
    let configuration = after(&[KEY, two, delete]);
    assert!(configuration.secrets.is_empty() && configuration.secret_versions.is_empty());
}

#[test]
fn teams_and_tags_of_an_agent_are_kept() {
    let teams = || BTreeSet::from([TeamName::parse("ops").unwrap()]);
    let tags = || Tags::from([("department".to_owned(), "billing".to_owned())]);
    let mark: Step<'_> =
        &|change| change.agent_set_marks(&tenant(), &agent_name("alice"), (&teams(), &tags()));
    refused(&[], mark, "there is no agent `alice`");
    let kept = after(&[ALICE, mark]).agents.remove(0);
    assert_eq!((kept.teams, kept.tags), (teams(), tags()));
    // A new agent under an old name is not what the old one was.
    let revoke: Step<'_> =
        &|change| change.agent_revoke(&tenant(), &agent_name("alice"), Timestamp(2));
    let again = after(&[ALICE, mark, revoke, ALICE]).agents.remove(0);
    assert!(again.teams.is_empty() && again.tags.is_empty());
}

#[test]
fn every_version_of_the_policies_is_kept_and_the_newest_holds() {
    let row = |text: &str| PolicyRow {
        tenant: tenant(),
        version: 0,
        text: text.to_owned(),
        file_name: "p.cedar".to_owned(),
        zone: "UTC".to_owned(),
        shadow: false,
        applied_at: Timestamp(1),
        applied_by: "operator:ann".to_owned(),
    };
    let (_home, store) = changed(&[
        &|change| change.policy_apply(&row("one")).map(|version| assert_eq!(version, 1)),
        &|change| change.policy_apply(&row("two")).map(|version| assert_eq!(version, 2)),
    ]);
    assert_eq!(store.load().unwrap().policies, [PolicyRow { version: 2, ..row("two") }]);
    let empty: Result<u64, StoreError> =
        store.change(record("r2"), |change| change.policy_apply(&row("")));
    assert_eq!(empty.unwrap(), 3);
    assert!(store.load().unwrap().policies.is_empty());
    let versions = store.policies(&tenant()).unwrap();
    let texts: Vec<(u64, &str)> =
        versions.iter().map(|it| (it.version, it.text.as_str())).collect();
    assert_eq!(texts, [(3, ""), (2, "two"), (1, "one")]);
}
