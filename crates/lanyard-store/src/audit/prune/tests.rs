//! Retention: what is removed is told, and what is removed otherwise is found.

use std::fs;
use std::path::Path;
use std::time::Duration;

use expect_test::{Expect, expect};
use lanyard_core::{Record, Timestamp};
use tempfile::TempDir;

use crate::audit::fixture::{
    START, allowed, closed, copy, denied, key, open_with, options, place, put,
};
use crate::audit::{Log, Options, verify, verify_against};

const DAY: Duration = Duration::from_secs(86_400);

fn small() -> Options {
    Options { segment_bytes_max: 1200, ..options() }
}

fn open(directory: &Path) -> Log {
    open_with(directory, small(), None).unwrap().0
}

/// A log of one denial a day, and of a call that stays open.
fn log() -> (TempDir, Log) {
    let home = place();
    let log = open(home.path());
    log.append(&allowed("long")).unwrap();
    for number in 0..12_u32 {
        let Record::Opened(mut record) = denied(&format!("d{number}")) else { panic!() };
        record.time = day(number);
        log.append(&Record::Opened(record)).unwrap();
    }
    log.wait_synced_all().unwrap();
    (home, log)
}

fn day(number: u32) -> Timestamp {
    Timestamp(START).plus(DAY.saturating_mul(number))
}

fn names(directory: &Path) -> String {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('0'))
        .collect();
    names.sort();
    names.join(" ")
}

#[track_caller]
fn check(directory: &Path, expected: Expect) {
    let told = match verify(directory, &key()) {
        Ok(report) => {
            let removed = report.removed.iter();
            let removed: Vec<_> =
                removed.map(|it| format!("{}-{} by {}", it.first, it.last, it.by)).collect();
            format!("{} records, {} open, removed {removed:?}", report.records, report.open_calls)
        }
        Err(findings) => findings.iter().map(|it| format!("{it}\n")).collect(),
    };
    expected.assert_eq(&told);
}

#[test]
fn whole_old_segments_go_and_the_rest_still_holds() {
    let (home, log) = log();
    let witness = log.witness().unwrap();
    let before = names(home.path());
    assert!(log.prunable(day(0)).unwrap().is_none());
    let first = log.prunable(day(5)).unwrap().unwrap();
    assert_eq!((first.tombstone().first_segment, first.tombstone().first), (1, 1));
    let first = log.prune(first, "operator:zoe").unwrap();
    assert!(first.until < day(5).to_string() && first.count == first.last);
    assert_ne!(names(home.path()), before);
    check(home.path(), expect![[r#"12 records, 1 open, removed ["1-7 by operator:zoe"]"#]]);
    // Nothing more is that old. Later more is removed, and both are told; the segment that is
    // written stays.
    assert!(log.prunable(day(5)).unwrap().is_none());
    let second = log.prunable(day(1000)).unwrap().unwrap();
    let second = log.prune(second, "owner:uid:1000").unwrap();
    assert_eq!(second.first, first.last + 1);
    check(
        home.path(),
        expect![[
            r#"3 records, 1 open, removed ["1-7 by operator:zoe", "8-16 by owner:uid:1000"]"#
        ]],
    );
    assert!(verify_against(home.path(), &key(), Some(&witness)).is_ok());
    // It is opened, goes on and is closed as before.
    log.append(&closed("long")).unwrap();
    let end = log.close().unwrap();
    drop(log);
    let (log, recovered) = open_with(home.path(), small(), Some(end)).unwrap();
    assert!(recovered.is_clean(), "{recovered:?}");
    log.append(&denied("more")).unwrap();
    log.close().unwrap();
    check(
        home.path(),
        expect![[
            r#"6 records, 0 open, removed ["1-7 by operator:zoe", "8-16 by owner:uid:1000"]"#
        ]],
    );
    // What the database noted may lie within what was removed.
    drop(log);
    let noted = crate::audit::LogHead { size: 3, head: [7; 32] };
    open_with(home.path(), small(), Some(noted)).unwrap().0.close().unwrap();
}

#[test]
fn what_is_removed_without_a_tombstone_is_found() {
    let (home, log) = log();
    let witness = log.witness().unwrap();
    log.close().unwrap();
    drop(log);
    let cut = copy(home.path());
    fs::remove_file(cut.path().join("00000001.log")).unwrap();
    check(
        cut.path(),
        expect![[r#"
        00000001.log: the segment is missing
        00000002.log:1: record 5 follows record 0: 4 missing in between
        00000002.log:1: the segment was begun after record 4, which is not what stands before it
        checkpoint-b: record 1, at which it was signed, is not in the log
    "#]],
    );
    assert!(open_with(cut.path(), small(), None).is_err());
    // With a tombstone for fewer segments than are gone, or one that was changed, or another
    // log's.
    let log = open(home.path());
    let stone = log.prune(log.prunable(day(5)).unwrap().unwrap(), "operator:zoe").unwrap();
    log.close().unwrap();
    drop(log);
    let file = home.path().join(stone.file_name());
    let more = copy(home.path());
    let next = format!("{:08}.log", stone.last_segment + 1);
    fs::remove_file(more.path().join(&next)).unwrap();
    let found = verify(more.path(), &key()).unwrap_err();
    assert!(found.iter().any(|it| it.to_string() == format!("{next}: the segment is missing")));
    assert!(open_with(more.path(), small(), None).is_err());
    let text = fs::read_to_string(&file).unwrap();
    let last = format!("\"last_segment\":{}", stone.last_segment);
    for (from, to) in [
        ("operator:zoe", "operator:bob"),
        (last.as_str(), "\"last_segment\":9"),
        ("tombstone\n", ""),
    ] {
        let changed = copy(home.path());
        let bad = text.replacen(from, to, 1);
        assert_ne!(bad, text);
        put(&changed.path().join(stone.file_name()), bad.as_bytes());
        assert!(verify(changed.path(), &key()).is_err(), "{from}");
        assert!(open_with(changed.path(), small(), None).is_err(), "{from}");
    }
    // A tombstone alone is no log, and one that was renamed stands for nothing.
    let renamed = copy(home.path());
    fs::rename(renamed.path().join(stone.file_name()), renamed.path().join("00000009.tombstone"))
        .unwrap();
    assert!(verify(renamed.path(), &key()).is_err());
    // A witness from before cannot be held against what is gone: that is said, not passed over.
    let old = verify_against(home.path(), &key(), Some(&witness));
    assert!(old.is_ok(), "{old:?}");
}

#[test]
fn what_a_witness_saw_and_was_removed_cannot_be_proved() {
    let home = place();
    let log = open(home.path());
    log.append(&denied("first")).unwrap();
    let witness = log.witness().unwrap();
    for number in 0..9 {
        log.append(&denied(&format!("d{number}"))).unwrap();
    }
    log.prune(log.prunable(day(9)).unwrap().unwrap(), "operator:zoe").unwrap();
    log.close().unwrap();
    let found = verify_against(home.path(), &key(), Some(&witness)).unwrap_err();
    expect!["the witness: record 2, at which it was signed, is among those that were removed: a later checkpoint is needed"].assert_eq(&found.iter().map(ToString::to_string).collect::<String>());
}

#[test]
fn an_end_between_tombstone_and_removal_is_finished_at_the_next_start() {
    let (home, log) = log();
    let before = copy(home.path());
    let stone = log.prune(log.prunable(day(5)).unwrap().unwrap(), "operator:zoe").unwrap();
    log.close().unwrap();
    drop(log);
    // The first segment is gone already, the second not yet.
    let left = "00000002.log";
    assert!(stone.last_segment >= 2);
    fs::copy(before.path().join(left), home.path().join(left)).unwrap();
    assert!(verify(home.path(), &key()).is_ok());
    open(home.path()).close().unwrap();
    assert!(!home.path().join(left).exists());
    assert!(verify(home.path(), &key()).is_ok());
}

#[test]
fn what_was_changed_is_not_removed_as_if_it_had_not_been() {
    let (home, log) = log();
    let path = home.path().join("00000001.log");
    let text = fs::read_to_string(&path).unwrap();
    put(&path, text.replacen("alice", "alicf", 1).as_bytes());
    assert!(log.prunable(day(5)).is_err());
    assert!(path.exists());
    log.close().unwrap();
}
