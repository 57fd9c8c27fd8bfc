//! An erased key is gone from every byte of the database's files, and stays gone.

use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::change::tests::record;

/// Recognisable, so that it can be searched for: as long as a wrapped key is.
fn wrapped(name: &str) -> Vec<u8> {
    format!("tst_wrapped_key_of_{name}_").repeat(4).into_bytes()[..69].to_vec()
}

fn subject(text: &str) -> PayloadSubject {
    text.parse().unwrap()
}

fn tenant() -> TenantName {
    TenantName::default_tenant()
}

fn key(store: &Store, name: &str, id: &str) -> SubjectKeyRow {
    let id = RecordId::parse(id).unwrap();
    let made = store.subject_key(&tenant(), &subject(name), (id, Timestamp(7)), |_| {
        Ok::<_, StoreError>(wrapped(name))
    });
    made.unwrap()
}

fn erase(store: &Store, name: &str) -> Option<RecordId> {
    let erased = store
        .change(record(&format!("erase-{}", name.len())), |change| {
            change.subject_key_erase(&tenant(), &subject(name))
        })
        .unwrap();
    for row in store.outbox().unwrap() {
        store.outbox_done(&row.id).unwrap();
    }
    erased
}

/// In which files of the data directory these bytes stand.
fn found(directory: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_type().unwrap().is_file() {
            continue;
        }
        let content = std::fs::read(entry.path()).unwrap();
        if content.windows(bytes.len()).any(|part| part == bytes) {
            found.push(entry.file_name().into_string().unwrap());
        }
    }
    found.sort();
    found
}

fn open(home: &TempDir) -> Store {
    Store::open(&home.path().join("data")).unwrap()
}

/// Enough keys that rows are moved between pages, and copies of them stay behind.
fn many(store: &Store) {
    for number in 0..400_u32 {
        // In no order, so that pages are split in the middle.
        let name = format!("user:u{:03}", number.strict_mul(149).strict_rem(400));
        key(store, &name, &format!("k{number}"));
    }
}

#[test]
fn a_subject_has_one_key_until_it_is_erased() {
    let home = TempDir::new().unwrap();
    let store = open(&home);
    let first = key(&store, "user:ann", "k1");
    assert_eq!(key(&store, "user:ann", "k2"), first, "it is made once");
    assert_ne!(key(&store, "agent:ann", "k3").id, first.id);
    assert_eq!(erase(&store, "user:bob"), None);
    assert_eq!(erase(&store, "user:ann"), Some(first.id));
    assert_eq!(erase(&store, "user:ann"), None);
    let second = key(&store, "user:ann", "k4");
    assert_eq!(second.id.as_str(), "k4");
    let rows = store.subject_keys(&tenant()).unwrap();
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.id.as_str(), row.wrapped.is_some(), row.erased_at.is_some()))
        .collect();
    assert_eq!(rows, [("k1", false, true), ("k3", true, false), ("k4", true, false)]);
    assert!(!format!("{second:?}").contains("tst"));
}

#[test]
fn an_erased_key_stands_nowhere() {
    let home = TempDir::new().unwrap();
    let (store, data) = (open(&home), home.path().join("data"));
    many(&store);
    let ann = wrapped("user:u123");
    assert!(!found(&data, &ann).is_empty());
    erase(&store, "user:u123");
    assert!(!found(&data, &ann).is_empty(), "without overwriting it still stands there");
    store.overwrite().unwrap();
    assert_eq!(found(&data, &ann), [""; 0]);
    assert!(!found(&data, &wrapped("user:u124")).is_empty(), "those of others stay");
    drop(store);
    assert_eq!(found(&data, &ann), [""; 0]);
    let store = open(&home);
    assert_eq!(store.subject_keys(&tenant()).unwrap().len(), 400);
}

/// The files as a kill between the erasure and its overwriting leaves them.
#[test]
fn an_end_in_between_is_made_up_for() {
    let home = TempDir::new().unwrap();
    let (store, data) = (open(&home), home.path().join("data"));
    many(&store);
    erase(&store, "user:u123");
    let copy = TempDir::new().unwrap();
    let copied = copy.path().join("data");
    crate::prepare_directory(&copied).unwrap();
    for name in ["lanyard.db", "lanyard.db-wal"] {
        std::fs::copy(data.join(name), copied.join(name)).unwrap();
    }
    let ann = wrapped("user:u123");
    assert!(!found(&copied, &ann).is_empty());
    let store = open(&copy);
    assert_eq!(found(&copied, &ann), [""; 0]);
    assert!(store.subject_keys(&tenant()).unwrap().iter().any(|row| row.erased_at.is_some()));
    assert_eq!(store.meta(OVERWRITE).unwrap(), None);
}
