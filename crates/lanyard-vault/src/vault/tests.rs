//! Vaults: who gets a secret, and who does not.

use std::sync::Arc;

use lanyard_core::{Binding, Origin, SecretError, SecretName, SecretSource as _, TenantName};

use super::{SealedVersion, SecretEntry, Vault, VaultError};
use crate::{MasterKey, OpenError, Sealed, SecretPlace, SecretText};

fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

fn origin(text: &str) -> Origin {
    Origin::parse(text).unwrap()
}

fn tenant() -> TenantName {
    TenantName::default_tenant()
}

fn version(master: &MasterKey, secret: &str, number: u32, value: &str) -> SealedVersion {
    let (tenant, name) = (tenant(), name(secret));
    let place = SecretPlace { tenant: &tenant, name: &name, version: number };
    let sealed = master.seal(&place, &SecretText::from_input(value.as_bytes()).unwrap()).unwrap();
    SealedVersion { number, sealed }
}

fn entry(secret: &str, origins: &[&str], current: Option<SealedVersion>) -> SecretEntry {
    SecretEntry {
        tenant: tenant(),
        name: name(secret),
        bound: origins.iter().map(|text| Binding::parse(text).unwrap()).collect(),
        current,
        retained: Vec::new(),
    }
}

const BILLING: &str = "https://billing.example.com";
const CRM: &str = "https://crm.example.com";

fn master() -> Arc<MasterKey> {
    Arc::new(MasterKey::ephemeral().unwrap())
}

#[test]
fn a_secret_bound_to_a_server_goes_to_that_server_alone() {
    let master = master();
    let secret = |secret: &str, bound: &[&str]| {
        entry(secret, bound, Some(version(&master, secret, 1, "hunter2!")))
    };
    let entries = vec![
        secret("env", &["server:git"]),
        secret("both", &["server:git", BILLING]),
        secret("url", &[BILLING]),
    ];
    let names = ["env", "both", "url"].map(name);
    let opened = Vault::build(&master, entries).unwrap().arm(&tenant(), &names).unwrap();
    for (secret, places, goes) in [
        ("env", &[][..], false),
        ("env", &["server:other"], false),
        ("env", &[BILLING], false),
        ("env", &["server:git", BILLING], false),
        ("url", &["server:git"], false),
        ("url", &["server:git", BILLING], false),
        ("both", &["server:git", CRM], false),
        ("both", &["server:git", BILLING], true),
        ("env", &["server:git"], true),
        ("url", &[BILLING], true),
    ] {
        let bindings: Vec<Binding> = places.iter().map(|it| Binding::parse(it).unwrap()).collect();
        let exposed = opened.expose_to(&name(secret), &bindings);
        assert_eq!(exposed.is_ok(), goes, "{secret} to {places:?}");
    }
    // A request never gets what is bound to a server alone.
    assert!(opened.expose(&name("env"), &[origin("http://git")]).is_err());
    assert!(opened.expose(&name("both"), &[origin(BILLING)]).is_ok());
}

#[test]
fn a_secret_goes_only_where_it_is_bound() {
    let master = master();
    let vault = Vault::build(
        &master,
        vec![
            entry("bound", &[BILLING, CRM], Some(version(&master, "bound", 1, "hunter2!"))),
            entry("loose", &[], Some(version(&master, "loose", 1, "hunter3!"))),
        ],
    )
    .unwrap();
    let opened = vault.arm(&tenant(), &[name("bound"), name("loose")]).unwrap();
    for (secret, origins, expected) in [
        ("bound", vec![], Err(SecretError::Origin(name("bound")))),
        ("bound", vec!["http://billing.example.com"], Err(SecretError::Origin(name("bound")))),
        (
            "bound",
            vec!["https://billing.example.com:8443"],
            Err(SecretError::Origin(name("bound"))),
        ),
        ("bound", vec!["https://a.billing.example.com"], Err(SecretError::Origin(name("bound")))),
        (
            "bound",
            vec![BILLING, "https://other.example.com"],
            Err(SecretError::Origin(name("bound"))),
        ),
        ("loose", vec![BILLING], Err(SecretError::Origin(name("loose")))),
        ("loose", vec![], Err(SecretError::Origin(name("loose")))),
        ("never-armed", vec![BILLING], Err(SecretError::Unset(name("never-armed")))),
        ("bound", vec![BILLING], Ok("hunter2!")),
        ("bound", vec![CRM, BILLING], Ok("hunter2!")),
    ] {
        let origins: Vec<Origin> = origins.into_iter().map(origin).collect();
        assert_eq!(opened.expose(&name(secret), &origins), expected, "{secret} to {origins:?}");
    }
}

#[test]
fn what_has_no_value_is_not_armed() {
    let master = master();
    let vault = Vault::build(&master, vec![entry("unset", &[BILLING], None)]).unwrap();
    for secret in ["unset", "missing"] {
        let error = vault.arm(&tenant(), &[name(secret)]).unwrap_err();
        assert_eq!(error, SecretError::Unset(name(secret)));
    }
    let other = TenantName::parse("other").unwrap();
    assert!(vault.arm(&other, &[name("unset")]).is_err());
    assert!(vault.arm(&tenant(), &[]).is_ok());
}

#[test]
fn a_tenant_does_not_reach_another_ones_secret() {
    let master = master();
    let vault = Vault::build(
        &master,
        vec![entry("bound", &[BILLING], Some(version(&master, "bound", 1, "hunter2!")))],
    )
    .unwrap();
    let other = TenantName::parse("other").unwrap();
    assert_eq!(vault.arm(&other, &[name("bound")]).unwrap_err(), SecretError::Unset(name("bound")));
    // Nor by a row that was copied there.
    let mut copied = entry("bound", &[BILLING], Some(version(&master, "bound", 1, "hunter2!")));
    copied.tenant = other.clone();
    let vault = Vault::build(&master, vec![copied]).unwrap();
    assert_eq!(
        vault.arm(&other, &[name("bound")]).unwrap_err(),
        SecretError::Unreadable(name("bound"))
    );
}

#[test]
fn one_damaged_secret_fails_alone() {
    let master = master();
    let mut damaged = version(&master, "damaged", 3, "hunter2!");
    let mut bytes = damaged.sealed.as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    damaged.sealed = Sealed::from_bytes(bytes);
    let vault = Vault::build(
        &master,
        vec![
            entry("damaged", &[BILLING], Some(damaged)),
            entry("whole", &[BILLING], Some(version(&master, "whole", 1, "hunter3!"))),
        ],
    )
    .unwrap();
    assert_eq!(
        vault.arm(&tenant(), &[name("whole"), name("damaged")]).unwrap_err(),
        SecretError::Unreadable(name("damaged"))
    );
    assert!(vault.arm(&tenant(), &[name("whole")]).is_ok());
    let [unreadable] = vault.unreadable() else { panic!("one") };
    assert_eq!((unreadable.version, unreadable.reason), (3, OpenError::Changed));
}

#[test]
fn a_key_file_of_another_database_is_refused() {
    let (master, other) = (master(), master());
    let entries = vec![entry("bound", &[BILLING], Some(version(&other, "bound", 1, "hunter2!")))];
    let error = Vault::build(&master, entries).unwrap_err();
    assert_eq!(error, VaultError::OtherKey { tenant: tenant(), name: name("bound") });
    assert_eq!(
        error.to_string(),
        "secret://bound of tenant default was sealed under another master key than this one: the \
         key file does not belong to this database"
    );
}

#[test]
fn earlier_versions_are_masked_and_not_sent() {
    let master = master();
    let mut rotated = entry("bound", &[BILLING], Some(version(&master, "bound", 2, "new-value")));
    rotated.retained = vec![version(&master, "bound", 1, "old-value")];
    let vault = Vault::build(&master, vec![rotated]).unwrap();
    let opened = vault.arm(&tenant(), &[name("bound")]).unwrap();
    assert_eq!(opened.expose(&name("bound"), &[origin(BILLING)]), Ok("new-value"));
    let masker = vault.masker(&tenant(), &[name("bound"), name("missing")]);
    let (masked, count) = masker.mask(b"old-value new-value other-value");
    assert_eq!((&*masked, count), (&b"[masked] [masked] other-value"[..], 2));
    // Of another tenant, nothing is known.
    let stranger = vault.masker(&TenantName::parse("other").unwrap(), &[name("bound")]);
    assert_eq!(stranger.mask(b"old-value").1, 0);
}

#[test]
fn the_next_vault_holds_exactly_the_new_rows() {
    let master = master();
    let kept = version(&master, "kept", 1, "kept-value");
    let first = Vault::build(
        &master,
        vec![
            entry("kept", &[BILLING], Some(kept.clone())),
            entry("gone", &[BILLING], Some(version(&master, "gone", 1, "gone-value"))),
        ],
    )
    .unwrap();
    let next = first
        .rebuild(vec![
            entry("kept", &[CRM], Some(kept)),
            entry("added", &[BILLING], Some(version(&master, "added", 1, "added-value"))),
        ])
        .unwrap();
    assert!(next.arm(&tenant(), &[name("gone")]).is_err());
    let opened = next.arm(&tenant(), &[name("kept"), name("added")]).unwrap();
    assert!(opened.expose(&name("kept"), &[origin(BILLING)]).is_err(), "bound anew");
    assert_eq!(opened.expose(&name("kept"), &[origin(CRM)]), Ok("kept-value"));
    let masker = next.masker(&tenant(), &[name("kept"), name("added")]);
    assert_eq!(masker.mask(b"kept-value added-value gone-value").1, 2);
    // The first is as it was.
    assert!(first.arm(&tenant(), &[name("gone")]).is_ok());
}

#[test]
fn nothing_prints_a_value() {
    let master = master();
    let vault = Vault::build(
        &master,
        vec![entry("bound", &[BILLING], Some(version(&master, "bound", 1, "hunter2!")))],
    )
    .unwrap();
    assert_eq!(format!("{vault:?}"), "Vault(..)");
    let opened = vault.arm(&tenant(), &[name("bound")]).unwrap();
    assert_eq!(format!("{opened:?}"), "OpenSecrets(..)");
    let masker = vault.masker(&tenant(), &[name("bound")]);
    assert_eq!(format!("{masker:?}"), "Masker(..)");
}
