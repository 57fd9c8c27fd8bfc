//! Opening, changing and reading back a data directory.

use lanyard_core::{AgentName, ChangeRecord, RecordId, TenantName, Timestamp};
use tempfile::TempDir;

use crate::{AgentRow, Store, StoreError};

fn record(id: &str) -> ChangeRecord {
    ChangeRecord {
        id: RecordId::parse(id).unwrap(),
        time: Timestamp(1),
        tenant: TenantName::default_tenant(),
        actor: "owner:uid:1000".to_owned(),
        peer: None,
        action: "agent.add".to_owned(),
        subject: "agent:alice".to_owned(),
        detail: Vec::new(),
    }
}

fn agent(name: &str) -> AgentRow {
    AgentRow {
        tenant: TenantName::default_tenant(),
        name: AgentName::parse(name).unwrap(),
        uid: None,
        created_at: Timestamp(1),
        revoked_at: None,
        epoch: 1,
    }
}

#[test]
fn a_change_lands_with_its_record() {
    let home = TempDir::new().unwrap();
    let directory = home.path().join("data");
    let store = Store::open(&directory).unwrap();
    let changed: Result<(), StoreError> = store.change(record("r1"), |change| {
        change.detail("version", 3);
        change.agent_insert(&agent("alice"))
    });
    changed.unwrap();
    let configuration = store.load().unwrap();
    assert_eq!(configuration.version, 1);
    assert_eq!(configuration.agents, [agent("alice")]);
    assert_eq!(store.outbox().unwrap()[0].detail, [("version".to_owned(), "3".to_owned())]);
}
