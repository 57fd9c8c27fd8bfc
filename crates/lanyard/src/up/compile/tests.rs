//! Rows that are damaged, and rows that many agents share.

use std::collections::BTreeSet;
use std::sync::Arc;

use expect_test::expect;
use lanyard_core::{
    AgentName, ChangeRecord, Limits, RecordId, SecretName, ServerName, Tags, TenantName, Timestamp,
    TokenId, ToolName,
};
use lanyard_gateway::snapshot::Scrub;
use lanyard_store::{
    AgentRow, Change, GrantRow, SecretRow, SecretVersionRow, ServerRow, Store, StoreError, TokenRow,
};
use lanyard_vault::{MasterKey, SecretPlace, SecretText, Vault};
use tempfile::TempDir;

use super::{Kept, Settings, compile, unreadable};

const TIME: Timestamp = Timestamp(1_795_302_341_000_000);

struct Ground {
    store: Store,
    vault: Vault,
    master: Arc<MasterKey>,
    _directory: TempDir,
}

fn ground() -> Ground {
    let directory = TempDir::new().unwrap();
    let store = Store::open(&directory.path().join("data")).unwrap();
    let master = Arc::new(MasterKey::create(&directory.path().join("key")).unwrap());
    let vault = Vault::build(&master, Vec::new()).unwrap();
    Ground { store, vault, master, _directory: directory }
}

impl Ground {
    fn change(&self, id: u128, rows: impl FnOnce(&Change<'_>) -> Result<(), StoreError>) {
        let record = ChangeRecord {
            id: RecordId::from_parts(TIME, id),
            time: TIME,
            tenant: TenantName::default_tenant(),
            actor: "test".to_owned(),
            peer: None,
            action: "test".to_owned(),
            subject: "test".to_owned(),
            detail: Vec::new(),
        };
        self.store.change(record, rows).unwrap();
    }
}

fn settings() -> Settings {
    Settings {
        limits: Limits::standard(),
        servers_directory: "/nonexistent".into(),
        scrub: Scrub::Exact,
    }
}

#[test]
fn a_version_that_does_not_open_is_told_and_the_rest_goes_on() {
    let ground = ground();
    let tenant = TenantName::default_tenant();
    let name = SecretName::parse("k").unwrap();
    let place = SecretPlace { tenant: &tenant, name: &name, version: 1 };
    let text = SecretText::from_input(b"tst_value").unwrap();
    let mut sealed = ground.master.seal(&place, &text).unwrap().as_bytes().to_vec();
    *sealed.last_mut().unwrap() ^= 1;
    ground.change(1, |change| {
        let (tenant, name) = (tenant.clone(), name.clone());
        change.secret_put(&SecretRow {
            tenant: tenant.clone(),
            name: name.clone(),
            origins: Vec::new(),
            created_at: TIME,
            version: None,
        })?;
        let (created_at, retired_at) = (TIME, None);
        change.secret_version_insert(&SecretVersionRow {
            tenant,
            name,
            version: 1,
            sealed,
            created_at,
            retired_at,
        })
    });
    let rows = ground.store.load().unwrap();
    let (snapshot, _) = compile(&rows, &ground.vault, &Kept::default(), &settings()).unwrap();
    expect!["version 1 of secret://k cannot be opened (it was changed, or belongs to another secret or version): calls that need it fail; store it again with `lanyard secret set k`"].assert_eq(&unreadable(&snapshot.vault).join("\n"));
}

const DEFINITION: &str = "server:\n  name: s\ntools:\n- name: t\n  description: d\n  \
    requestTemplate: {url: \"https://a.example/t\", method: GET}\n";

#[test]
fn what_did_not_change_is_taken_over_and_each_agent_has_its_own_grants() {
    let ground = ground();
    let tenant = TenantName::default_tenant();
    let server = ServerName::parse("s").unwrap();
    ground.change(1, |change| {
        change.server_put(&ServerRow {
            tenant: tenant.clone(),
            name: server.clone(),
            kind: "rest".to_owned(),
            source: DEFINITION.to_owned(),
            file_name: "s.yaml".to_owned(),
            options: "{}".to_owned(),
            enabled: true,
            verified: false,
            version: 0,
            created_at: TIME,
            updated_at: TIME,
        })?;
        for (number, name) in (0_u8..).zip(["a", "b"]) {
            let name = AgentName::parse(name).unwrap();
            change.agent_insert(&AgentRow {
                tenant: tenant.clone(),
                name: name.clone(),
                uid: None,
                search_above: None,
                teams: BTreeSet::new(),
                tags: Tags::new(),
                created_at: TIME,
                revoked_at: None,
                epoch: 0,
            })?;
            change.token_insert(&TokenRow {
                id: TokenId::parse(&format!("tk_{number}")).unwrap(),
                tenant: tenant.clone(),
                agent: name,
                hash: [number; 32],
                display_prefix: String::new(),
                created_at: TIME,
                expires_at: None,
                revoked_at: None,
            })?;
        }
        change.grant_put(&GrantRow {
            tenant: tenant.clone(),
            agent: AgentName::parse("b").unwrap(),
            server: server.clone(),
            allow: vec!["*".to_owned()],
            deny: Vec::new(),
            users: None,
            expires_at: None,
            created_at: TIME,
        })
    });
    let rows = ground.store.load().unwrap();
    let (_, kept) = compile(&rows, &ground.vault, &Kept::default(), &settings()).unwrap();
    let (_, again) = compile(&rows, &ground.vault, &kept, &settings()).unwrap();
    let key = (tenant.clone(), server.clone());
    assert!(Arc::ptr_eq(&kept.servers[&key].entry, &again.servers[&key].entry));
    let mut grants = lanyard_admin::all_grants(&rows).unwrap();
    let tool = ToolName::parse("t").unwrap();
    let mut decided = |agent: &str| {
        let grants = grants.take(&tenant, &AgentName::parse(agent).unwrap());
        grants.decide(&server, &tool, None, TIME).is_ok()
    };
    assert_eq!((decided("a"), decided("b"), decided("c")), (false, true, false));
    ground.change(2, |change| change.server_set_enabled(&tenant, &server, false));
    let rows = ground.store.load().unwrap();
    let (_, changed) = compile(&rows, &ground.vault, &again, &settings()).unwrap();
    assert!(!Arc::ptr_eq(&changed.servers[&key].entry, &again.servers[&key].entry));
}
