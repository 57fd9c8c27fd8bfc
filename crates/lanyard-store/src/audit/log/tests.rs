//! Appending, waiting and closing; a full disk and a failing one; changes that are told once.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use lanyard_core::{Record, Timestamp};

use super::{Log, Options};
use crate::audit::LogError;
use crate::audit::fixture::{
    Faults, FaultyDisk, TestClock, TestSigner, allowed, change, changed, closed, column, copy,
    denied, open, open_with, options, place, report,
};

fn open_faulty(directory: &Path, options: Options) -> (Log, Arc<Faults>) {
    let (disk, faults) = FaultyDisk::new();
    let (signer, clock) = (TestSigner::new(1), TestClock::new());
    let (log, _) = Log::open_on(disk, directory, options, signer, clock, None).unwrap();
    (log, faults)
}

/// Nothing is synced unless somebody waits for it or the log closes.
fn lazy() -> Options {
    Options { sync_ms_max: 3_600_000, ..options() }
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let (_sender, never) = mpsc::channel::<()>();
    for _ in 0..1000 {
        if holds() {
            return;
        }
        assert!(never.recv_timeout(Duration::from_millis(10)).is_err());
    }
    panic!("never: {what}");
}

#[test]
fn a_closed_log_takes_no_more_and_proves_itself() {
    let home = place();
    let directory = home.path().join("audit");
    let (log, recovered) = open(&directory).unwrap();
    assert!(recovered.created && recovered.is_clean());
    for record in [allowed("c1"), denied("c2"), closed("c1"), changed("r1")] {
        log.append(&record).unwrap();
    }
    let head = log.close().unwrap();
    assert!(matches!(log.append(&denied("c3")), Err(LogError::Closed)));
    let report = report(&directory);
    assert_eq!((report.records, report.unsigned, report.open_calls), (5, 0, 0));
    assert_eq!(report.head, head);
    let expected = ["log.segment", "call.open", "call.denied", "call.close", "change"];
    assert_eq!(column(&directory, "kind"), expected);
    let (_, recovered) = open_with(&directory, options(), Some(head)).unwrap();
    assert_eq!((recovered.created, recovered.is_clean()), (false, true));
}

#[test]
fn a_record_is_in_the_file_when_append_returns() {
    let home = place();
    let (log, _) = open_with(home.path(), lazy(), None).unwrap();
    for number in 0..100 {
        log.append(&denied(&format!("c{number}"))).unwrap();
        let text = fs::read_to_string(home.path().join("00000001.log")).unwrap();
        assert_eq!(text.lines().count(), number + 2);
    }
    assert_eq!(report(copy(home.path()).path()).unsigned, 100);
}

#[test]
fn waiting_returns_when_the_record_is_synced_and_soon_signed() {
    let home = place();
    let (log, faults) = open_faulty(home.path(), lazy());
    let position = log.append(&allowed("c1")).unwrap();
    let before = faults.syncs.load(Ordering::SeqCst);
    assert!(log.head().size < position.number());
    log.wait_synced(position).unwrap();
    assert!(faults.syncs.load(Ordering::SeqCst) > before);
    assert_eq!(log.head().size, position.number());
    until("the checkpoint", || report(home.path()).unsigned == 0);
    assert_eq!(report(home.path()).open_calls, 1);
}

#[test]
fn records_that_wait_together_share_a_sync() {
    let home = place();
    let (log, faults) = open_faulty(home.path(), Options { strict: true, ..options() });
    let gate = faults.gate.lock().unwrap();
    let (sender, receiver) = mpsc::channel();
    let before = faults.syncs.load(Ordering::SeqCst);
    for number in 0..64 {
        let position = log.append(&denied(&format!("c{number}"))).unwrap();
        let sender = sender.clone();
        log.when_synced(position, move |result| sender.send(result).unwrap());
    }
    assert!(receiver.try_recv().is_err());
    drop(gate);
    for _ in 0..64 {
        receiver.recv_timeout(Duration::from_secs(10)).unwrap().unwrap();
    }
    assert!(faults.syncs.load(Ordering::SeqCst) - before <= 3);
}

#[test]
fn without_strict_a_record_is_synced_in_its_time_all_the_same() {
    let home = place();
    let (log, _) = open(home.path()).unwrap();
    let position = log.append(&denied("c1")).unwrap();
    until("the sync", || log.head().size >= position.number());
}

#[test]
fn after_a_failed_sync_nothing_is_taken_and_nothing_is_synced_again() {
    let home = place();
    let (log, faults) = open_faulty(home.path(), lazy());
    let position = log.append(&allowed("c1")).unwrap();
    faults.sync.store(true, Ordering::SeqCst);
    let error = log.wait_synced(position).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the audit log failed and takes no more records until a restart: cannot sync its files: the disk did not take it"
    );
    faults.sync.store(false, Ordering::SeqCst);
    let syncs = faults.syncs.load(Ordering::SeqCst);
    for record in [allowed("c2"), closed("c1"), changed("r1")] {
        assert!(matches!(log.append(&record), Err(LogError::Broken { why: _ })));
    }
    assert!(matches!(log.wait_synced(position), Err(LogError::Broken { why: _ })));
    assert!(matches!(log.health(), Err(LogError::Broken { why: _ })));
    assert_eq!(faults.syncs.load(Ordering::SeqCst), syncs);
    assert!(log.head().size < position.number());
    assert!(log.close().is_err());
}

#[test]
fn after_a_failed_write_nothing_is_taken() {
    let home = place();
    let (log, faults) = open_faulty(home.path(), options());
    log.append(&allowed("c1")).unwrap();
    faults.write.store(true, Ordering::SeqCst);
    assert!(matches!(log.append(&closed("c1")), Err(LogError::Broken { why: _ })));
    faults.write.store(false, Ordering::SeqCst);
    assert!(matches!(log.append(&closed("c1")), Err(LogError::Broken { why: _ })));
    drop(log);
    assert_eq!(open(home.path()).unwrap().1.abandoned.len(), 1);
    report(home.path());
}

#[test]
fn with_a_full_disk_calls_end_and_none_begin() {
    let home = place();
    let (log, faults) = open_faulty(home.path(), options());
    log.append(&allowed("c1")).unwrap();
    log.append(&allowed("c2")).unwrap();
    for space in [0, 1, 100] {
        faults.space_bytes.store(space, Ordering::SeqCst);
        assert!(matches!(log.append(&allowed("c3")), Err(LogError::Full)));
        assert!(matches!(log.append(&denied("c4")), Err(LogError::Full)));
    }
    log.append(&closed("c1")).unwrap();
    assert!(matches!(log.health(), Err(LogError::Full)));
    // The reserve has room left, and it is not for what begins.
    assert!(matches!(log.append(&denied("c5")), Err(LogError::Full)));
    log.append(&changed("r1")).unwrap();
    log.append(&closed("c2")).unwrap();
    assert_eq!(report(home.path()).open_calls, 0);
    faults.space_bytes.store(0, Ordering::SeqCst);
    assert!(matches!(log.append(&changed("r2")), Err(LogError::Full)));
    faults.space_bytes.store(u64::MAX, Ordering::SeqCst);
    until("space is found again", || log.append(&denied("c6")).is_ok());
    log.close().unwrap();
    let kinds = column(home.path(), "kind");
    assert_eq!(kinds[3..], ["call.close", "change", "call.close", "call.denied"]);
    report(home.path());
}

#[test]
fn with_a_full_disk_an_old_segment_goes_on() {
    let home = place();
    let (log, faults) = open_faulty(home.path(), Options { segment_bytes_max: 900, ..lazy() });
    for number in 0..2 {
        log.append(&allowed(&format!("c{number}"))).unwrap();
    }
    // Room for the record and not for the first line of a segment.
    faults.space_bytes.store(300, Ordering::SeqCst);
    log.append(&closed("c0")).unwrap();
    log.close().unwrap();
    assert_eq!(report(home.path()).segments, 1);
    assert!(!home.path().join("00000002.log").exists());
}

#[test]
fn segments_follow_each_other_and_carry_what_is_open() {
    let home = place();
    let small = Options { segment_bytes_max: 2000, ..options() };
    let (log, _) = open_with(home.path(), small.clone(), None).unwrap();
    log.append(&allowed("long")).unwrap();
    for number in 0..50 {
        log.append(&allowed(&format!("c{number}"))).unwrap();
        log.append(&closed(&format!("c{number}"))).unwrap();
    }
    let killed = copy(home.path());
    log.append(&closed("long")).unwrap();
    log.close().unwrap();
    let whole = report(home.path());
    assert!(whole.segments > 5);
    assert_eq!((whole.open_calls, whole.unsigned), (0, 0));
    let (log, recovered) = open_with(killed.path(), small, None).unwrap();
    assert_eq!(recovered.abandoned, [crate::audit::fixture::id("long")]);
    log.close().unwrap();
    assert_eq!(report(killed.path()).open_calls, 0);
}

#[test]
fn threads_append_side_by_side() {
    let home = place();
    let (log, _) = open(home.path()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || {
                for number in 0..100 {
                    let id = format!("c{thread}-{number}");
                    log.append(&allowed(&id)).unwrap();
                    log.append(&closed(&id)).unwrap();
                    // A reader beside the writers never finds anything that does not hold.
                    if number % 25 == 0 {
                        report(log.directory());
                    }
                }
            });
        }
    });
    log.close().unwrap();
    assert_eq!(report(home.path()).records, 801);
}

#[test]
fn a_change_is_told_once() {
    let home = place();
    let small = Options { segment_bytes_max: 1000, ..options() };
    let (log, _) = open_with(home.path(), small.clone(), None).unwrap();
    assert!(log.append_change_once(&change("r1")).unwrap().is_some());
    assert!(log.append_change_once(&change("r1")).unwrap().is_none());
    // Appended the other way, it is known too.
    log.append(&changed("r2")).unwrap();
    assert!(log.append_change_once(&change("r2")).unwrap().is_none());
    for number in 0..20 {
        log.append(&denied(&format!("c{number}"))).unwrap();
    }
    drop(log);
    // Several segments back, from an earlier life.
    let (log, _) = open_with(home.path(), small, None).unwrap();
    for id in ["r1", "r2"] {
        let earlier = lanyard_core::ChangeRecord { time: Timestamp(0), ..change(id) };
        assert!(log.append_change_once(&earlier).unwrap().is_none());
    }
    assert!(log.append_change_once(&change("r3")).unwrap().is_some());
    drop(log);
    let ids = column(home.path(), "id");
    for id in ["r1", "r2", "r3"] {
        assert_eq!(ids.iter().filter(|found| *found == id).count(), 1, "{id}");
    }
}

#[test]
fn a_record_too_long_for_a_line_is_refused_and_the_next_one_taken() {
    let home = place();
    let (log, _) = open(home.path()).unwrap();
    let mut long = change("r1");
    long.subject = "x".repeat(crate::audit::format::LINE_BYTES_MAX);
    assert!(matches!(log.append(&Record::Changed(long)), Err(LogError::TooLong)));
    log.append(&changed("r2")).unwrap();
    log.close().unwrap();
    assert_eq!(report(home.path()).records, 2);
}

#[test]
fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = place();
    let directory = home.path().join("audit");
    drop(open(&directory).unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for name in ["00000001.log", "checkpoint-a", "checkpoint-b", "reserve"] {
        assert_eq!(mode(&directory.join(name)), 0o600, "{name}");
    }
    assert_eq!(fs::metadata(directory.join("reserve")).unwrap().len(), options().reserve_bytes);
}
