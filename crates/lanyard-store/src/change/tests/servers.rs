//! What an MCP server lists, what it said of itself, whose credentials it gets, and the tenants.

use lanyard_core::{TenantName, Timestamp, UserName};

use super::{
    ALICE, BILLING, KEY, REVOKE_ALICE, Step, after, changed, refused, secret_name, server_name,
    tenant,
};
use crate::{
    Change, DefinitionKind, DefinitionReason, DefinitionRow, DefinitionState, FactsRow, StoreError,
    TenantRow, UserCredentialRow,
};

fn definition(kind: DefinitionKind, name: &str, position: u64) -> DefinitionRow {
    DefinitionRow {
        tenant: tenant(),
        server: server_name("billing"),
        kind,
        name: name.to_owned(),
        position,
        pinned: Some(format!(r#"{{"name":"{name}","n":1.50}}"#)),
        seen: None,
        state: DefinitionState::Pinned,
        reasons: Vec::new(),
        changed_at: Timestamp(1),
        approved_at: None,
        approved_by: None,
    }
}

fn quarantined(name: &str, position: u64) -> DefinitionRow {
    DefinitionRow {
        pinned: None,
        seen: Some("{}".to_owned()),
        state: DefinitionState::Quarantined,
        reasons: vec![DefinitionReason { code: "new".to_owned(), text: "it is new".to_owned() }],
        approved_at: Some(Timestamp(3)),
        approved_by: Some("operator:ann".to_owned()),
        ..definition(DefinitionKind::Tool, name, position)
    }
}

fn facts(generation: u64) -> FactsRow {
    FactsRow {
        tenant: tenant(),
        server: server_name("billing"),
        generation,
        facts: r#"{"version":"2025-11-25"}"#.to_owned(),
        launch_pin: "stdio /bin/x".to_owned(),
        seen_at: Timestamp(2),
    }
}

fn credential(user: &str) -> UserCredentialRow {
    UserCredentialRow {
        tenant: tenant(),
        server: server_name("billing"),
        user: UserName::parse(user).unwrap(),
        key: "header:authorization".to_owned(),
        secret: secret_name("key"),
        version: 0,
        updated_at: Timestamp(1),
    }
}

const LISTED: Step<'static> = &|change| {
    change.definition_put(&definition(DefinitionKind::Tool, "zeta", 0))?;
    change.definition_put(&quarantined("alpha", 1))?;
    change.definition_put(&definition(DefinitionKind::Prompt, "alpha", 7))?;
    change.facts_put(&facts(1))
};

const ANN: Step<'static> =
    &|change| change.user_credential_put(&credential("ann@example.com")).map(drop);

fn remove_billing(change: &Change<'_>) -> Result<(), StoreError> {
    change.server_delete(&tenant(), &server_name("billing"))
}

#[test]
fn they_need_their_server_and_their_secret() {
    let no_billing = "there is no server `billing`";
    refused(&[], LISTED, no_billing);
    refused(&[], &|change| change.facts_put(&facts(1)), no_billing);
    refused(&[KEY], ANN, no_billing);
    refused(&[BILLING], ANN, "there is no secret `key`");
    let forget: Step<'_> = &|change| {
        change.definition_delete(&tenant(), &server_name("billing"), DefinitionKind::Prompt, "beta")
    };
    refused(&[BILLING, LISTED], forget, "there is no prompt `beta`");
    let user = UserName::parse("bea").unwrap();
    let forget: Step<'_> = &|change| {
        change.user_credential_delete(&tenant(), &server_name("billing"), &user, "env:KEY")
    };
    refused(&[BILLING], forget, "there is no credential `billing/bea env:KEY`");
}

#[test]
fn lists_come_back_in_the_servers_order_and_go_with_it() {
    let (_home, store) = changed(&[BILLING, LISTED]);
    let rows = store.load().unwrap();
    let expected = [
        definition(DefinitionKind::Prompt, "alpha", 7),
        definition(DefinitionKind::Tool, "zeta", 0),
        quarantined("alpha", 1),
    ];
    assert_eq!(rows.definitions, expected);
    assert_eq!(rows.definitions_of(&tenant(), &server_name("billing")), expected);
    assert!(rows.definitions_of(&tenant(), &server_name("aa")).is_empty());
    assert!(rows.definitions_of(&tenant(), &server_name("zz")).is_empty());
    assert_eq!(store.definitions_of(&tenant(), &server_name("billing")).unwrap(), expected);
    assert_eq!(rows.facts_of(&tenant(), &server_name("billing")), Some(&facts(1)));
    assert_eq!(rows.facts_of(&tenant(), &server_name("other")), None);
    assert_eq!(store.facts_of(&tenant(), &server_name("billing")).unwrap(), Some(facts(1)));

    let again: Step<'_> = &|change| {
        change.definition_put(&definition(DefinitionKind::Tool, "alpha", 1))?;
        change.facts_put(&facts(2))
    };
    let rows = after(&[BILLING, LISTED, again]);
    assert_eq!(rows.definitions[2], definition(DefinitionKind::Tool, "alpha", 1));
    assert_eq!(rows.facts, [facts(2)]);

    let forget: Step<'_> = &|change| {
        let server = server_name("billing");
        change.definition_delete(&tenant(), &server, DefinitionKind::Tool, "alpha")?;
        assert_eq!(change.definitions_of(&tenant(), &server)?.len(), 2);
        assert_eq!(
            change.pinned_names(&tenant(), DefinitionKind::Tool)?,
            [(server.clone(), "zeta".to_owned())]
        );
        let rest = change.configuration_without_definitions()?;
        assert_eq!((rest.definitions.len(), rest.facts.len(), rest.servers.len()), (0, 1, 1));
        assert_eq!(change.definitions_delete(&tenant(), &server)?, 2);
        assert!(change.facts_delete(&tenant(), &server)?);
        assert!(!change.facts_delete(&tenant(), &server)?);
        Ok(())
    };
    for gone in [forget, &remove_billing] {
        let rows = after(&[BILLING, LISTED, gone]);
        assert!(rows.definitions.is_empty() && rows.facts.is_empty());
    }
}

#[test]
fn a_credential_that_is_set_again_is_another() {
    let bea: Step<'_> = &|change| change.user_credential_put(&credential("bea")).map(drop);
    let rows = after(&[BILLING, KEY, ANN, bea]);
    let versions: Vec<_> =
        rows.user_credentials.iter().map(|row| (row.user.as_str(), row.version)).collect();
    assert_eq!(versions, [("ann@example.com", 1), ("bea", 2)]);
    let forget: Step<'_> = &|change| {
        let row = credential("bea");
        change.user_credential_delete(&row.tenant, &row.server, &row.user, &row.key)
    };
    let rows = after(&[BILLING, KEY, ANN, bea, forget, bea, ANN]);
    let versions: Vec<_> = rows.user_credentials.iter().map(|row| row.version).collect();
    assert_eq!(versions, [4, 3]);
    let no_key: Step<'_> = &|change| change.secret_delete(&tenant(), &secret_name("key"));
    for gone in [no_key, &remove_billing] {
        assert!(after(&[BILLING, KEY, ANN, gone]).user_credentials.is_empty());
    }
}

#[test]
fn a_tenant_is_made_once_and_removed_when_nothing_is_left_of_it() {
    let other = TenantName::parse("other").unwrap();
    let row = TenantRow { name: other.clone(), created_at: Timestamp(5), records_arguments: false };
    let make: Step<'_> = &|change| change.tenant_insert(&row);
    let remove: Step<'_> = &|change| change.tenant_delete(&other);
    let default: Step<'_> = &|change| change.tenant_delete(&tenant());
    refused(&[make], make, "tenant `other` already exists");
    refused(&[], remove, "there is no tenant `other`");
    refused(&[BILLING], default, "tenant `default` still has servers; remove them first");
    refused(&[KEY], default, "tenant `default` still has secrets; remove them first");
    refused(&[ALICE], default, "tenant `default` still has agents; remove them first");
    assert_eq!(after(&[make]).tenants[1], row);
    assert_eq!(after(&[make, remove]).tenants.len(), 1);
    let rows = after(&[ALICE, REVOKE_ALICE, default]);
    assert!(rows.tenants.is_empty() && rows.agents.is_empty());
}

#[test]
fn what_belongs_to_other_tenants_can_be_left_out() {
    let rows = after(&[ALICE, BILLING, KEY, LISTED, ANN]);
    let own = rows.clone().of_tenant(&tenant());
    assert_eq!((own.servers.len(), own.definitions.len()), (1, 3));
    let none = rows.of_tenant(&TenantName::parse("other").unwrap());
    assert!(none.agents.is_empty() && none.servers.is_empty() && none.secrets.is_empty());
    assert!(none.definitions.is_empty() && none.facts.is_empty());
    assert!(none.user_credentials.is_empty() && none.grants.is_empty());
}
