//! Links: used up once, gone with their secret, their maker and their time, there after a restart.

use tempfile::TempDir;

use super::*;
use crate::change::tests::record;

fn secret() -> SecretRow {
    SecretRow {
        tenant: TenantName::default_tenant(),
        name: SecretName::parse("key").unwrap(),
        origins: vec!["https://a.example".to_owned()],
        created_at: Timestamp(1),
        version: None,
    }
}

fn link(id: &str, byte: u8, expires_at: i64) -> IntakeRow {
    IntakeRow {
        id: TokenId::parse(id).unwrap(),
        tenant: TenantName::default_tenant(),
        secret: secret().name,
        origins: secret().origins,
        token_hash: [byte; 32],
        created_at: Timestamp(1),
        created_by: format!("operator:o{byte}"),
        expires_at: Timestamp(expires_at),
    }
}

fn ids(store: &Store) -> Vec<String> {
    let rows = store.intakes(&TenantName::default_tenant()).unwrap();
    rows.iter().map(|row| row.id.to_string()).collect()
}

/// The record of a change is of the time 1.
fn with(home: &TempDir, links: &[IntakeRow]) -> Store {
    let store = Store::open(&home.path().join("data")).unwrap();
    store
        .change(record("r1"), |change| {
            change.secret_put(&secret())?;
            links.iter().try_for_each(|link| change.intake_insert(link))
        })
        .unwrap();
    store
}

#[test]
fn a_link_is_used_once_also_after_a_restart() {
    let home = TempDir::new().unwrap();
    drop(with(&home, &[link("l1", 1, 100)]));
    let store = Store::open(&home.path().join("data")).unwrap();
    assert_eq!(store.intake(&[1; 32]).unwrap(), Some((link("l1", 1, 100), secret())));
    assert_eq!(store.intake(&[2; 32]).unwrap(), None);
    let take = |id: &str| store.change(record(id), |change| change.intake_take(&[1; 32]));
    // A change that errs has used nothing up.
    let erred: Result<(), StoreError> = store.change(record("r2"), |change| {
        change.intake_take(&[1; 32])?;
        Err(StoreError::missing("anything", "x"))
    });
    assert!(erred.is_err());
    assert_eq!(take("r3").unwrap(), Some(link("l1", 1, 100)));
    assert_eq!(take("r4").unwrap(), None);
    assert_eq!(store.intake(&[1; 32]).unwrap(), None);
}

#[test]
fn a_link_goes_with_its_time_its_secret_and_its_maker() {
    let home = TempDir::new().unwrap();
    let store = with(&home, &[link("l1", 1, 1), link("l2", 2, 2), link("l3", 3, 100)]);
    assert_eq!(ids(&store), ["l2", "l3"], "what is too old goes when another is made");
    let again = store.change(record("r2"), |change| change.intake_insert(&link("l4", 3, 100)));
    assert!(again.is_err(), "a token is of one link");
    let ended = store.change(record("r3"), |change| change.intakes_delete_by("operator:o2"));
    assert_eq!(ended.unwrap_or_else(|error: StoreError| panic!("{error}")), 1);
    assert_eq!(ids(&store), ["l3"]);
    let tenant = TenantName::default_tenant();
    let cancel = |record_id: &str, id: &str| {
        let id = TokenId::parse(id).unwrap();
        store.change(record(record_id), |change| change.intake_delete(&tenant, &id))
    };
    assert_eq!(cancel("r4", "l9").unwrap_err().to_string(), "there is no intake link `l9`");
    let other = TenantName::parse("other").unwrap();
    let foreign = store.change(record("r5"), |change| {
        change.intake_delete(&other, &TokenId::parse("l3").unwrap())
    });
    assert!(foreign.is_err(), "a link of another tenant is not there");
    store.change(record("r6"), |change| change.secret_delete(&tenant, &secret().name)).unwrap();
    assert!(ids(&store).is_empty());
}

#[test]
fn the_links_of_one_secret_are_cancelled_alone() {
    let home = TempDir::new().unwrap();
    let store = with(&home, &[link("l1", 1, 100), link("l2", 2, 100)]);
    let end = |id: &str, tenant: &str, secret: &str| {
        let (tenant, secret) = (TenantName::parse(tenant), SecretName::parse(secret));
        let (tenant, secret) = (tenant.unwrap(), secret.unwrap());
        store.change(record(id), |change| change.intakes_delete_of(&tenant, &secret)).unwrap()
    };
    assert_eq!((end("r2", "other", "key"), end("r3", "default", "key2")), (0, 0));
    assert_eq!(end("r4", "default", "key"), 2);
    assert!(ids(&store).is_empty());
}

#[test]
fn no_hash_is_printed() {
    let text = format!("{:?}", link("l1", 171, 5));
    assert!(text.contains("l1") && !text.contains("171, 171"), "{text}");
}
