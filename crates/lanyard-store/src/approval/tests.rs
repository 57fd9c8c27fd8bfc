//! What a call finds of the decisions about it, and who decides.

use std::cell::Cell;
use std::sync::Arc;
use std::thread;

use lanyard_core::TokenId;
use tempfile::TempDir;

use super::*;
use crate::change::tests::{agent, record};
use crate::{OperatorRow, Role};

const MINUTE: i64 = 60_000_000;
const NOW: i64 = 1_000 * MINUTE;

struct Kept {
    store: Option<Arc<Store>>,
    directory: TempDir,
}

impl Kept {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let mut kept = Self { store: None, directory };
        kept.reopen();
        kept.store()
            .change(record("r1"), |change| {
                change.agent_insert(&agent("ci"))?;
                change.operator_insert(&operator("ann", Role::Approver))?;
                change.operator_insert(&operator("bob", Role::Owner))
            })
            .unwrap();
        kept
    }

    fn reopen(&mut self) {
        drop(self.store.take());
        let store = Store::open(&self.directory.path().join("data")).unwrap();
        self.store = Some(Arc::new(store));
    }

    fn store(&self) -> &Arc<Store> {
        self.store.as_ref().unwrap()
    }

    fn settle(&self, wanted: &WantedApproval) -> ApprovalStanding {
        self.store().approval_settle(wanted, &ids(&wanted.row.id)).unwrap()
    }

    fn decide(&self, id: &str, by: &str, allow: bool, now: i64) -> ApprovalOutcome {
        let id = RecordId::parse(id).unwrap();
        let record = ChangeRecord {
            time: Timestamp(now),
            action: "approval.allow".to_owned(),
            subject: format!("approval:{id}"),
            ..record(&format!("{id}-{by}"))
        };
        let by = OperatorName::parse(by).unwrap();
        let decision = ApprovalDecision { allow, by, why: Some("so".to_owned()) };
        self.store().approval_decide(&id, &decision, record).unwrap()
    }

    /// What waits in the outbox, as `action subject`.
    fn told(&self) -> Vec<String> {
        let records = self.store().outbox().unwrap();
        records
            .iter()
            .filter(|it| it.action.starts_with("approval"))
            .map(|it| format!("{} {} by {}", it.action, it.subject, it.actor))
            .collect()
    }
}

fn ids(of: &RecordId) -> impl Fn() -> RecordId {
    let (of, count) = (of.clone(), Cell::new(0_u32));
    move || {
        count.set(count.get().saturating_add(1));
        RecordId::parse(&format!("{of}-e{}", count.get())).unwrap()
    }
}

fn operator(name: &str, role: Role) -> OperatorRow {
    let mut token_hash = [0; 32];
    token_hash[0] = name.as_bytes()[0];
    OperatorRow {
        name: OperatorName::parse(name).unwrap(),
        role,
        token_id: TokenId::parse(&format!("tk_{name}")).unwrap(),
        token_hash,
        display_prefix: "lyd_o_".to_owned(),
        created_at: Timestamp(1),
        revoked_at: None,
    }
}

/// A call that asks under `id` with a binding, ten minutes each way.
fn wanted(id: &str, binding: &str, now: i64) -> WantedApproval {
    let of = agent("ci");
    let id = RecordId::parse(id).unwrap();
    let record = ChangeRecord {
        id: id.clone(),
        time: Timestamp(now),
        action: "approval.request".to_owned(),
        actor: "agent:ci".to_owned(),
        subject: format!("approval:{id}"),
        ..record("unused")
    };
    let row = ApprovalRow {
        tenant: of.tenant,
        agent: of.name,
        user: UserName::parse("eve").ok(),
        server: ServerName::parse("bank").unwrap(),
        tool: "pay".to_owned(),
        arguments_digest: "ad".to_owned(),
        pin: "pd".to_owned(),
        policy: 3,
        rules: vec!["large".to_owned()],
        reason: "more than 1000".to_owned(),
        binding: binding.to_owned(),
        arguments: Some(b"sealed-view".to_vec()),
        ttl_ms: 600_000,
        state: ApprovalState::Pending,
        asked_at: Timestamp(now),
        expires_at: in_ten_minutes(now),
        decided_at: None,
        decided_by: None,
        decided_why: None,
        used_at: None,
        used_by: None,
        id: id.clone(),
    };
    let call = RecordId::parse(&format!("call-{id}")).unwrap();
    WantedApproval { row, record, call, pending_max: 3 }
}

fn in_ten_minutes(now: i64) -> Timestamp {
    Timestamp(now).plus(std::time::Duration::from_secs(600))
}

fn pending(id: &str, now: i64, new: bool) -> ApprovalStanding {
    let id = RecordId::parse(id).unwrap();
    ApprovalStanding::Pending { id, until: in_ten_minutes(now), new }
}

fn used(id: &str) -> ApprovalStanding {
    ApprovalStanding::Used(RecordId::parse(id).unwrap())
}

#[test]
fn the_same_call_twice_is_one_request_and_a_yes_is_used_once() {
    let kept = Kept::new();
    assert_eq!(kept.settle(&wanted("a1", "b", NOW)), pending("a1", NOW, true));
    assert_eq!(kept.settle(&wanted("a2", "b", NOW + 1)), pending("a1", NOW, false));
    assert!(matches!(kept.decide("a1", "ann", true, NOW + 2), ApprovalOutcome::Decided(_)));
    assert_eq!(kept.settle(&wanted("a3", "b", NOW + 3)), used("a1"));
    // Replay: the yes is gone, and a human is asked anew.
    assert_eq!(kept.settle(&wanted("a4", "b", NOW + 4)), pending("a4", NOW + 4, true));
    let row = kept.store().approval(&row("a1").tenant, &row("a1").id).unwrap().unwrap();
    assert_eq!(row.state, ApprovalState::Used);
    assert_eq!(row.used_by, RecordId::parse("call-a3").ok());
    let told = kept.told();
    assert_eq!(
        told,
        [
            "approval.request approval:a1 by agent:ci",
            "approval.allow approval:a1 by owner:uid:1000",
            "approval.request approval:a4 by agent:ci",
        ]
    );
}

fn row(id: &str) -> ApprovalRow {
    wanted(id, "b", NOW).row
}

#[test]
fn another_binding_finds_nothing() {
    let kept = Kept::new();
    kept.settle(&wanted("a1", "b", NOW));
    kept.decide("a1", "ann", true, NOW);
    assert_eq!(kept.settle(&wanted("a2", "c", NOW)), pending("a2", NOW, true));
    let mut other = wanted("a3", "b", NOW);
    other.row.tenant = TenantName::parse("other").unwrap();
    other.record.tenant = other.row.tenant.clone();
    assert_eq!(kept.settle(&other), pending("a3", NOW, true), "another tenant");
    assert_eq!(kept.settle(&wanted("a4", "b", NOW)), used("a1"));
}

#[test]
fn of_many_calls_at_once_one_has_the_yes() {
    let kept = Kept::new();
    kept.settle(&wanted("a1", "b", NOW));
    kept.decide("a1", "ann", true, NOW);
    let calls: Vec<_> = (0..16)
        .map(|number| {
            let store = Arc::clone(kept.store());
            thread::spawn(move || {
                let wanted = wanted(&format!("c{number}"), "b", NOW);
                store.approval_settle(&wanted, &ids(&wanted.row.id)).unwrap()
            })
        })
        .collect();
    let standings: Vec<_> = calls.into_iter().map(|call| call.join().unwrap()).collect();
    assert_eq!(standings.iter().filter(|it| **it == used("a1")).count(), 1, "{standings:?}");
    let asked = |it: &&ApprovalStanding| matches!(it, ApprovalStanding::Pending { new: true, .. });
    assert_eq!(standings.iter().filter(asked).count(), 1, "{standings:?}");
}

#[test]
fn the_first_decision_counts_and_the_second_is_told() {
    let kept = Kept::new();
    kept.settle(&wanted("a1", "b", NOW));
    let ApprovalOutcome::Decided(row) = kept.decide("a1", "ann", false, NOW) else { panic!() };
    assert_eq!(row.arguments, None, "what was shown is destroyed");
    let ApprovalOutcome::Closed(row) = kept.decide("a1", "bob", true, NOW) else { panic!() };
    assert_eq!(
        (row.state, row.decided_by),
        (ApprovalState::Denied, OperatorName::parse("ann").ok())
    );
    let id = RecordId::parse("a1").unwrap();
    let refused = ApprovalStanding::Refused { id, why: Some("so".to_owned()) };
    assert_eq!(kept.settle(&wanted("a2", "b", NOW + 1)), refused);
    // A no holds as long as a yes would; then a human may be asked again.
    let later = NOW + 10 * MINUTE;
    assert_eq!(kept.settle(&wanted("a3", "b", later)), pending("a3", later, true));
}

#[test]
fn nothing_is_decided_or_used_after_its_time() {
    let kept = Kept::new();
    kept.settle(&wanted("a1", "b", NOW));
    let late = NOW + 10 * MINUTE;
    assert!(matches!(kept.decide("a1", "ann", true, late), ApprovalOutcome::Closed(_)));
    assert_eq!(kept.settle(&wanted("a2", "b", late)), pending("a2", late, true));
    kept.decide("a2", "ann", true, late);
    let later = late + 10 * MINUTE;
    assert_eq!(kept.settle(&wanted("a3", "b", later)), pending("a3", later, true));
    let expired = kept.told().iter().filter(|it| it.starts_with("approval.expire")).count();
    assert_eq!(expired, 2, "{:?}", kept.told());
}

#[test]
fn what_waited_too_long_is_ended_with_a_record_and_its_arguments_destroyed() {
    let kept = Kept::new();
    kept.settle(&wanted("a1", "b", NOW));
    let of = RecordId::parse("x").unwrap();
    let expire = |now| kept.store().approvals_expire(Timestamp(now), &ids(&of)).unwrap();
    assert_eq!(expire(NOW + 1), 0);
    assert_eq!(expire(NOW + 10 * MINUTE), 1);
    assert_eq!(expire(NOW + 10 * MINUTE), 0);
    let rows = kept.store().approvals(&row("a1").tenant).unwrap();
    assert_eq!((rows[0].state, &rows[0].arguments), (ApprovalState::Expired, &None));
    assert_eq!(kept.told().last().unwrap(), "approval.expire approval:a1 by lanyard");
    assert_eq!(expire(NOW + 8 * 24 * 60 * MINUTE), 0);
    assert!(kept.store().approvals(&row("a1").tenant).unwrap().is_empty(), "forgotten in the end");
}

#[test]
fn an_agent_may_ask_only_so_often_at_a_time() {
    let kept = Kept::new();
    for number in 0..3 {
        kept.settle(&wanted(&format!("a{number}"), &number.to_string(), NOW));
    }
    assert_eq!(kept.settle(&wanted("a3", "3", NOW)), ApprovalStanding::Full);
    assert_eq!(kept.settle(&wanted("a4", "1", NOW)), pending("a1", NOW, false));
    kept.decide("a0", "ann", false, NOW);
    assert_eq!(kept.settle(&wanted("a5", "3", NOW)), pending("a5", NOW, true));
}

#[test]
fn a_yes_ends_with_the_agent_and_with_the_operator() {
    let kept = Kept::new();
    let change = |id: &str, work: &dyn Fn(&crate::Change<'_>) -> Result<(), StoreError>| {
        kept.store().change(record(id), |change| work(change)).unwrap();
    };
    kept.settle(&wanted("a1", "b", NOW));
    kept.decide("a1", "ann", true, NOW);
    let ann = OperatorName::parse("ann").unwrap();
    change("r2", &|change| change.operator_revoke(&ann, Timestamp(NOW)));
    assert_eq!(kept.settle(&wanted("a2", "b", NOW + 1)), pending("a2", NOW + 1, true));
    kept.decide("a2", "bob", true, NOW + 1);
    // Another agent under the name of one that was revoked.
    let ci = agent("ci");
    change("r3", &|change| change.agent_revoke(&ci.tenant, &ci.name, Timestamp(NOW + 2)));
    let again = crate::AgentRow { created_at: Timestamp(NOW + 3), ..agent("ci") };
    change("r4", &|change| change.agent_insert(&again));
    assert_eq!(kept.settle(&wanted("a3", "b", NOW + 4)), pending("a3", NOW + 4, true));
}

#[test]
fn what_waits_and_a_yes_survive_a_restart() {
    let mut kept = Kept::new();
    kept.settle(&wanted("a1", "b", NOW));
    kept.reopen();
    let before = kept.store().approval(&row("a1").tenant, &row("a1").id).unwrap().unwrap();
    assert_eq!(before.arguments.as_deref(), Some(&b"sealed-view"[..]));
    kept.decide("a1", "ann", true, NOW + 1);
    kept.reopen();
    assert_eq!(kept.settle(&wanted("a2", "b", NOW + 2)), used("a1"));
    kept.reopen();
    assert_eq!(kept.settle(&wanted("a3", "b", NOW + 3)), pending("a3", NOW + 3, true));
}
