//! Limits on calls: one for each set of calls, and gone with the server that they are on.

use lanyard_core::{TenantName, Timestamp, ToolName};

use super::{
    ALICE, BILLING, REVOKE_ALICE, Step, after, agent_name, changed, refused, server_name, tenant,
};
use crate::{LimitRow, StoreError, TenantRow};

/// A limit on `AGENT/SERVER/TOOL`, each `*` where it is any.
fn limit(calls: [&str; 3], calls_per_day: u64) -> LimitRow {
    let [agent, server, tool] = calls.map(|name| (name != "*").then_some(name));
    LimitRow {
        tenant: tenant(),
        agent: agent.map(agent_name),
        server: server.map(server_name),
        tool: tool.map(|name| ToolName::parse(name).unwrap()),
        rate: None,
        burst: None,
        concurrency: None,
        calls_per_day: Some(calls_per_day),
        cost_per_day: None,
        updated_at: Timestamp(1),
    }
}

const ALL: [[&str; 3]; 6] = [
    ["*", "*", "*"],
    ["*", "billing", "*"],
    ["*", "billing", "refund"],
    ["alice", "*", "*"],
    ["alice", "billing", "*"],
    ["alice", "billing", "refund"],
];

const PUT_ALL: Step<'static> =
    &|change| ALL.iter().try_for_each(|calls| change.limit_put(&limit(*calls, 7)));

#[test]
fn agent_and_server_must_exist() {
    let put = |calls: [&'static str; 3]| {
        move |change: &crate::Change<'_>| change.limit_put(&limit(calls, 1))
    };
    refused(&[BILLING], &put(["alice", "billing", "*"]), "there is no agent `alice`");
    refused(&[ALICE, REVOKE_ALICE], &put(["alice", "*", "*"]), "there is no agent `alice`");
    refused(&[ALICE], &put(["alice", "billing", "refund"]), "there is no server `billing`");
    let orphan: Step<'_> = &put(["*", "*", "refund"]);
    refused(&[], orphan, "the database failed");
}

#[test]
fn there_is_one_for_each_set_of_calls_and_it_comes_back_as_it_was_put() {
    let full = LimitRow {
        rate: Some("10/s".to_owned()),
        burst: Some(20),
        concurrency: Some(4),
        cost_per_day: Some(500),
        updated_at: Timestamp(9),
        ..limit(["alice", "billing", "*"], 1000)
    };
    let again: Step<'_> = &|change| change.limit_put(&full);
    let rows = after(&[ALICE, BILLING, PUT_ALL, again, again]);
    let mut expected: Vec<LimitRow> = ALL.iter().map(|calls| limit(*calls, 7)).collect();
    expected[4] = full.clone();
    assert_eq!(rows.limits, expected);
    assert_eq!(rows.clone().of_tenant(&tenant()).limits, expected);
    assert!(rows.of_tenant(&TenantName::parse("other").unwrap()).limits.is_empty());
}

#[test]
fn removing_one_leaves_the_others() {
    for (at, calls) in ALL.into_iter().enumerate() {
        let remove: Step<'_> = &|change| {
            assert!(change.limit_remove(&limit(calls, 0))?);
            assert!(!change.limit_remove(&limit(calls, 0))?);
            Ok(())
        };
        let mut expected: Vec<LimitRow> = ALL.iter().map(|calls| limit(*calls, 7)).collect();
        expected.remove(at);
        assert_eq!(after(&[ALICE, BILLING, PUT_ALL, remove]).limits, expected);
    }
}

#[test]
fn they_go_with_their_server_and_their_tenant_and_stay_with_the_name_of_an_agent() {
    let remove: Step<'_> = &|change| change.server_delete(&tenant(), &server_name("billing"));
    let left = after(&[ALICE, BILLING, PUT_ALL, remove]).limits;
    assert_eq!(left, [limit(["*", "*", "*"], 7), limit(["alice", "*", "*"], 7)]);
    // Who comes back under the name of a revoked agent comes back to its limits.
    assert_eq!(after(&[ALICE, BILLING, PUT_ALL, REVOKE_ALICE, ALICE]).limits.len(), 6);

    let other = TenantName::parse("other").unwrap();
    let row = TenantRow { name: other.clone(), created_at: Timestamp(1), records_arguments: false };
    let (_home, store) = changed(&[&|change| {
        change.tenant_insert(&row)?;
        change.limit_put(&LimitRow { tenant: other.clone(), ..limit(["*", "*", "*"], 7) })
    }]);
    assert_eq!(store.load().unwrap().limits.len(), 1);
    let gone: Result<(), StoreError> =
        store.change(super::record("r9"), |change| change.tenant_delete(&other));
    gone.unwrap();
    assert!(store.load().unwrap().limits.is_empty());
}
