//! A data directory: opened or refused, changed whole or not at all, its records told once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::audit::fixture::{self, TestClock, TestSigner, copy, options, report};
use crate::audit::{Log, LogHead};
use crate::change::tests::{agent, record};
use crate::{SessionEndedRow, Store, StoreError};

fn refused(result: Result<Store, StoreError>) -> String {
    match result {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string(),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn place() -> TempDir {
    let place = fixture::place();
    set_mode(place.path(), 0o700);
    place
}

#[test]
fn a_directory_that_others_can_reach_is_refused() {
    let home = place();
    for shared in [0o755, 0o710, 0o701, 0o770] {
        set_mode(home.path(), shared);
        let message = refused(Store::open(home.path()));
        let path = home.path().display();
        assert_eq!(
            message,
            format!(
                "the data directory {path} can be reached by others than its owner (mode {shared:04o}); run `chmod 700 {path}`"
            )
        );
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }
    set_mode(home.path(), 0o700);
    Store::open(home.path()).unwrap();
    let file = home.path().join("file");
    fixture::put(&file, b"");
    assert!(refused(Store::open(&file)).ends_with("file is not a directory"));
}

#[test]
fn a_directory_is_used_by_one_at_a_time() {
    let home = place();
    let store = Store::open(home.path()).unwrap();
    assert_eq!(
        refused(Store::open(home.path())),
        format!("another lanyard (process {}) uses this data directory", std::process::id())
    );
    fixture::put(&home.path().join("lanyard.lock"), b"");
    assert_eq!(
        refused(Store::open(home.path())),
        "another lanyard (process ?) uses this data directory"
    );
    drop(store);
    Store::open(home.path()).unwrap();
}

#[test]
fn a_database_that_is_newer_damaged_or_something_else_is_refused() {
    let home = place();
    drop(Store::open(home.path()).unwrap());
    let path = home.path().join("lanyard.db");
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert_eq!(
        refused(Store::open(home.path())),
        "the database has format 99 and this lanyard knows 6 at most; a newer lanyard wrote it"
    );
    fixture::put(&path, &[b'x'; 9000]);
    assert_eq!(refused(Store::open(home.path())), "the database failed");
}

#[test]
fn an_empty_directory_becomes_a_store_for_its_owner_alone() {
    let home = place();
    let directory = home.path().join("a/b");
    let store = Store::open(&directory).unwrap();
    assert_eq!(store.load().unwrap().version, 0);
    assert_eq!(mode(&directory), 0o700);
    store.change(record("r1"), |change| change.agent_insert(&agent("alice"))).unwrap();
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    let connection = store.connection();
    let pragma = |name| -> String {
        let value = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
        format!("{:?}", connection.pragma_query_value(None, name, value).unwrap())
    };
    assert_eq!(pragma("synchronous"), "Integer(2)");
    assert_eq!(pragma("foreign_keys"), "Integer(1)");
    assert_eq!(pragma("secure_delete"), "Integer(1)");
    assert_eq!(pragma("journal_mode"), "Text(\"wal\")");
    assert_eq!(pragma("user_version"), "Integer(6)");
}

#[test]
fn a_database_of_the_first_format_becomes_one_of_the_newest() {
    let home = place();
    let path = home.path().join("lanyard.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(crate::schema::FORMAT_1).unwrap();
    connection
        .execute_batch(
            "PRAGMA user_version = 1;
             INSERT INTO agents VALUES ('default', 'alice', NULL, 1, NULL, 1);
             INSERT INTO servers VALUES
                 ('default', 'billing', 'rest', 'x', 'x.yaml', '{}', 1, 0, 3, 1, 1);
             INSERT INTO grants VALUES
                 ('default', 'alice', 'billing', '[\"*\"]', '[]', NULL, 1);",
        )
        .unwrap();
    drop(connection);
    let rows = Store::open(home.path()).unwrap().load().unwrap();
    assert_eq!(rows.agents, [agent("alice")]);
    assert_eq!((rows.servers[0].version, rows.grants[0].users.clone()), (3, None));
    let tenants: Vec<_> = rows.tenants.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(tenants, ["default"]);
    // Once brought up, it is opened as it is.
    drop(Store::open(home.path()).unwrap());
}

#[test]
fn a_change_that_errs_or_panics_did_not_happen() {
    let home = place();
    let store = Store::open(home.path()).unwrap();
    let erring: Result<(), StoreError> = store.change(record("r1"), |change| {
        change.agent_insert(&agent("alice"))?;
        change.meta_set("note", b"x")?;
        change.agent_insert(&agent("alice"))
    });
    assert!(matches!(erring, Err(StoreError::AlreadyExists { .. })));
    let panicking = catch_unwind(AssertUnwindSafe(|| {
        store.change(record("r1"), |change| -> Result<(), StoreError> {
            change.agent_insert(&agent("alice"))?;
            panic!("a defect");
        })
    }));
    assert!(panicking.is_err());
    let configuration = store.load().unwrap();
    assert_eq!((configuration.version, configuration.agents.len()), (0, 0));
    assert_eq!(store.meta("note").unwrap(), None);
    assert!(store.outbox().unwrap().is_empty());
    store.change(record("r1"), |change| change.agent_insert(&agent("alice"))).unwrap();
}

#[test]
fn a_record_id_is_used_once() {
    let home = place();
    let store = Store::open(home.path()).unwrap();
    store.change(record("r1"), |change| change.agent_insert(&agent("alice"))).unwrap();
    let again = store.change(record("r1"), |change| change.agent_insert(&agent("bob")));
    assert_eq!(again.unwrap_err().to_string(), "record `r1` already exists");
    assert_eq!(store.load().unwrap().agents.len(), 1);
}

#[test]
fn a_change_lands_with_its_record() {
    let home = place();
    let store = Store::open(home.path()).unwrap();
    let changed: Result<(), StoreError> = store.change(record("r1"), |change| {
        change.detail("version", 3);
        change.agent_insert(&agent("alice"))
    });
    changed.unwrap();
    let configuration = store.load().unwrap();
    assert_eq!(configuration.version, 1);
    assert_eq!(configuration.agents, [agent("alice")]);
    let mut expected = record("r1");
    expected.detail.push(("version".to_owned(), "3".to_owned()));
    assert_eq!(store.outbox().unwrap(), [expected]);
}

#[test]
fn a_process_killed_in_a_change_leaves_what_was_before_and_after_it_what_is_new() {
    let home = place();
    let store = Store::open(home.path()).unwrap();
    store.change(record("r1"), |change| change.agent_insert(&agent("alice"))).unwrap();
    let mut within = None;
    let changed: Result<(), StoreError> = store.change(record("r2"), |change| {
        change.agent_insert(&agent("bob"))?;
        within = Some(copy(home.path()));
        Ok(())
    });
    changed.unwrap();
    let after = copy(home.path());
    for (killed, agents) in [(within.unwrap(), 1), (after, 2)] {
        set_mode(killed.path(), 0o700);
        let store = Store::open(killed.path()).unwrap();
        let configuration = store.load().unwrap();
        assert_eq!(configuration.agents.len(), agents);
        assert_eq!(configuration.version, agents as u64);
        assert_eq!(store.outbox().unwrap().len(), agents);
    }
}

fn open_log(directory: &Path, expected: Option<LogHead>) -> Log {
    let (signer, clock) = (TestSigner::new(1), TestClock::new());
    Log::open(&directory.join("audit"), options(), signer, clock, expected).unwrap().0
}

#[test]
fn the_outbox_is_told_once_whenever_the_process_ends() {
    let home = place();
    let store = Store::open(home.path()).unwrap();
    let log = open_log(home.path(), None);
    for id in ["r1", "r2"] {
        store.change(record(id), |change| change.agent_insert(&agent(id))).unwrap();
    }
    assert_eq!(store.outbox_drain(&log).unwrap(), 2);
    assert_eq!(store.outbox_drain(&log).unwrap(), 0);
    // Ended after the append and before the row went.
    store.change(record("r3"), |change| change.agent_insert(&agent("r3"))).unwrap();
    log.append_change_once(&store.outbox().unwrap()[0]).unwrap().unwrap();
    // And with one that did not reach the log.
    store.change(record("r4"), |change| change.agent_insert(&agent("r4"))).unwrap();
    drop((store, log));
    let store = Store::open(home.path()).unwrap();
    let log = open_log(home.path(), None);
    assert_eq!(store.outbox().unwrap().len(), 2);
    assert_eq!(store.outbox_drain(&log).unwrap(), 1);
    assert!(store.outbox().unwrap().is_empty());
    log.close().unwrap();
    let audit = home.path().join("audit");
    assert_eq!(fixture::column(&audit, "id"), ["-", "r1", "r2", "r3", "r4"]);
    report(&audit);
}

#[test]
fn threads_that_change_and_drain_tell_each_change_once() {
    let home = place();
    let store = Arc::new(Store::open(home.path()).unwrap());
    let log = Arc::new(open_log(home.path(), None));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (store, log) = (Arc::clone(&store), Arc::clone(&log));
            scope.spawn(move || {
                for number in 0..10 {
                    let id = format!("r{thread}-{number}");
                    store.change(record(&id), |change| change.agent_insert(&agent(&id))).unwrap();
                    store.outbox_drain(&log).unwrap();
                }
            });
        }
    });
    assert!(store.outbox().unwrap().is_empty());
    assert_eq!(store.load().unwrap().version, 40);
    let mut ids = fixture::column(log.directory(), "id");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 41);
    log.close().unwrap();
    assert_eq!(report(log.directory()).records, 41);
}

#[test]
fn a_log_that_takes_nothing_leaves_the_outbox_full() {
    let home = place();
    let store = Store::open(home.path()).unwrap();
    let log = open_log(home.path(), None);
    store.change(record("r1"), |change| change.agent_insert(&agent("alice"))).unwrap();
    log.close().unwrap();
    assert_eq!(store.outbox_drain(&log).unwrap_err().to_string(), "the audit log is closed");
    assert_eq!(store.outbox().unwrap().len(), 1);
}

#[test]
fn the_head_of_the_log_is_noted() {
    let home = place();
    let store = Store::open(home.path()).unwrap();
    assert_eq!(store.log_head().unwrap(), None);
    let log = open_log(home.path(), None);
    let head = log.close().unwrap();
    store.log_head_set(&head).unwrap();
    assert_eq!(store.log_head().unwrap(), Some(head));
    open_log(home.path(), store.log_head().unwrap());
    store.meta_set("audit_head", b"nonsense").unwrap();
    assert!(store.log_head().is_err());
}

#[test]
fn ended_sessions_are_kept_as_long_as_their_ids_would_last() {
    let home = place();
    let store = Store::open(home.path()).unwrap();
    let row = |byte, until| SessionEndedRow {
        id_hash: [byte; 32],
        until: lanyard_core::Timestamp(until),
    };
    for ended in [row(1, 10), row(2, 20), row(1, 5), row(3, 30)] {
        store.session_end(&ended).unwrap();
    }
    assert_eq!(store.sessions_ended().unwrap(), [row(1, 10), row(2, 20), row(3, 30)]);
    assert_eq!(store.sessions_prune(lanyard_core::Timestamp(20)).unwrap(), 1);
    assert_eq!(store.load().unwrap().sessions_ended, [row(2, 20), row(3, 30)]);
}
