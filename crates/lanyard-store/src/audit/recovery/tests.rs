//! Every way in which a log can be found at start: what is put right, and what is refused.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use tempfile::TempDir;

use crate::audit::fixture::{
    TestClock, TestSigner, allowed, changed, closed, column, copy, denied, open, open_with,
    options, place, put, report,
};
use crate::audit::{Log, LogHead, Options};

const LOG: &str = "00000001.log";

/// Records that no checkpoint covers, as a killed process leaves them.
fn killed() -> TempDir {
    let home = place();
    let lazy = Options { sync_ms_max: 3_600_000, ..options() };
    let (log, _) = open_with(home.path(), lazy, None).unwrap();
    for record in [changed("r1"), allowed("c1"), closed("c1"), allowed("c2"), denied("c3")] {
        log.append(&record).unwrap();
    }
    copy(home.path())
}

/// Several segments, closed as it should be.
fn ended() -> (TempDir, LogHead) {
    let home = place();
    let small = Options { segment_bytes_max: 2600, ..options() };
    let (log, _) = open_with(home.path(), small, None).unwrap();
    for number in 0..8 {
        log.append(&allowed(&format!("c{number}"))).unwrap();
        log.append(&closed(&format!("c{number}"))).unwrap();
    }
    let head = log.close().unwrap();
    assert_eq!(report(home.path()).segments, 3);
    (home, head)
}

#[track_caller]
fn refused(directory: &Path, expected: Option<LogHead>, message: &str) {
    let before = fs::read(directory.join(LOG)).ok();
    match open_with(directory, options(), expected) {
        Ok((_, recovered)) => panic!("opened: {recovered:?}"),
        Err(error) => assert_eq!(error.to_string(), message),
    }
    assert_eq!(fs::read(directory.join(LOG)).ok(), before, "a refused start changes nothing");
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    put(path, &bytes);
}

fn lines(path: &Path) -> Vec<Vec<u8>> {
    fs::read(path).unwrap().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[test]
fn a_log_cut_before_its_checkpoint_is_refused() {
    let (home, _) = ended();
    edit(&home.path().join("00000003.log"), |bytes| bytes.truncate(bytes.len() - 1));
    refused(
        home.path(),
        None,
        "the audit log ends at record 18, before its checkpoint (record 19): records were removed",
    );
}

#[test]
fn a_log_without_its_files_is_refused() {
    let (home, head) = ended();
    fs::remove_file(home.path().join("00000002.log")).unwrap();
    refused(
        home.path(),
        None,
        "the audit log is damaged: 00000003.log line 1: the segment 00000002.log before it is missing",
    );
    for number in [1, 3, 4] {
        drop(fs::remove_file(home.path().join(format!("0000000{number}.log"))));
    }
    refused(
        home.path(),
        None,
        "the audit log ends at record 0, before its checkpoint (record 19): records were removed",
    );
    let empty = place();
    refused(
        empty.path(),
        Some(head),
        "the audit log ends at record 0, before what the database noted (record 19): records were removed",
    );
}

#[test]
fn a_log_rolled_back_with_its_checkpoints_is_refused_by_the_database() {
    let (home, old_head) = ended();
    let old = copy(home.path());
    let (log, _) = open(home.path()).unwrap();
    log.append(&changed("r1")).unwrap();
    let head = log.close().unwrap();
    refused(
        old.path(),
        Some(head),
        "the audit log ends at record 19, before what the database noted (record 20): records were removed",
    );
    drop(open_with(home.path(), options(), Some(old_head)).unwrap());
}

#[test]
fn a_log_that_went_on_otherwise_is_refused_by_the_database() {
    let (home, head) = ended();
    let other = LogHead { head: [7; 32], ..head };
    refused(
        home.path(),
        Some(other),
        "record 19 of the audit log is not the one in what the database noted: records were changed",
    );
    // In an older segment too.
    let other = LogHead { size: 3, head: [7; 32] };
    refused(
        home.path(),
        Some(other),
        "record 3 of the audit log is not the one in what the database noted: records were changed",
    );
    let line = lines(&home.path().join(LOG)).remove(2);
    let known = LogHead { size: 3, head: crate::audit::chain::hash(&line) };
    drop(open_with(home.path(), options(), Some(known)).unwrap());
}

#[test]
fn a_log_of_another_key_is_refused() {
    let (home, _) = ended();
    let result = Log::open(home.path(), options(), TestSigner::new(2), TestClock::new(), None);
    let error = result.unwrap_err().to_string();
    assert!(
        error.starts_with(
            "the audit log was written with another key: checkpoint-a belongs to lanyard/audit/"
        ),
        "{error}"
    );
    for name in ["checkpoint-a", "checkpoint-b"] {
        fs::remove_file(home.path().join(name)).unwrap();
    }
    let result = Log::open(home.path(), options(), TestSigner::new(2), TestClock::new(), None);
    let error = result.unwrap_err().to_string();
    assert!(error.contains("another key: 00000003.log belongs to"), "{error}");
}

#[test]
fn a_log_without_checkpoints_is_refused() {
    let home = killed();
    for name in ["checkpoint-a", "checkpoint-b"] {
        fs::remove_file(home.path().join(name)).unwrap();
    }
    refused(
        home.path(),
        None,
        "the audit log has records and no checkpoint: checkpoint-a and checkpoint-b are missing or damaged",
    );
}

#[test]
fn a_signed_record_that_was_changed_is_refused() {
    let (home, _) = ended();
    let path = home.path().join("00000003.log");
    edit(&path, |bytes| {
        let middle = bytes.len() * 2 / 3;
        bytes[middle] ^= 1;
    });
    refused(
        home.path(),
        None,
        "the audit log is damaged: 00000003.log line 3: record 19 does not continue record 18: one of the two was changed",
    );
    let (home, _) = ended();
    fs::copy(home.path().join(LOG), home.path().join("00000003.log")).unwrap();
    refused(
        home.path(),
        None,
        "the audit log is damaged: 00000003.log line 1: it begins another segment: the files were renamed",
    );
}

#[test]
fn killed_at_any_byte_of_the_last_record_the_log_goes_on() {
    let whole = killed();
    let all = lines(&whole.path().join(LOG));
    let last = all.last().unwrap().len();
    for missing in 0..=last {
        let home = copy(whole.path());
        let path = home.path().join(LOG);
        edit(&path, |bytes| bytes.truncate(bytes.len() - missing));
        let (log, recovered) = open(home.path()).unwrap();
        let cut = if missing == 0 { 0 } else { last - missing };
        assert_eq!(recovered.cut_bytes, cut as u64, "{missing}");
        assert_eq!(recovered.unsigned, if missing == 0 { 5 } else { 4 }, "{missing}");
        assert_eq!(recovered.abandoned, [crate::audit::fixture::id("c2")]);
        if cut > 0 {
            assert_eq!(recovered.cut_file.as_deref(), Some("torn-1"));
            let kept = fs::read(home.path().join("torn-1")).unwrap();
            assert_eq!(kept, all.last().unwrap()[..cut]);
        }
        log.append(&denied("c4")).unwrap();
        log.close().unwrap();
        let report = report(home.path());
        assert_eq!((report.open_calls, report.unsigned, report.torn_bytes), (0, 0, 0));
        let kinds = column(home.path(), "kind");
        assert_eq!(kinds[kinds.len() - 3..], ["log.recovered", "call.close", "call.denied"]);
        assert!(open(home.path()).unwrap().1.is_clean());
    }
}

#[test]
fn killed_at_any_byte_of_a_new_segment_the_log_goes_on() {
    let (whole, head) = ended();
    let first = lines(&whole.path().join("00000003.log")).remove(0);
    for written in 0..first.len() {
        let home = copy(whole.path());
        put(&home.path().join("00000004.log"), &first[..written]);
        let (log, recovered) = open_with(home.path(), options(), Some(head)).unwrap();
        assert_eq!(recovered.cut_bytes, written as u64);
        assert_eq!(recovered.is_clean(), written == 0);
        log.close().unwrap();
        assert_eq!(report(home.path()).segments, 3);
    }
}

#[test]
fn killed_at_any_byte_of_the_first_line_the_log_begins() {
    let home = place();
    drop(open(home.path()).unwrap());
    let first = fs::read(home.path().join(LOG)).unwrap();
    for written in 0..=first.len() {
        let home = place();
        put(&home.path().join(LOG), &first[..written]);
        let (log, recovered) = open(home.path()).unwrap();
        assert_eq!(recovered.created, written < first.len());
        log.append(&denied("c1")).unwrap();
        log.close().unwrap();
        report(home.path());
    }
}

#[test]
fn what_a_power_cut_left_behind_the_checkpoint_is_cut_and_kept() {
    for garbage in [&b"\0\0\0\0"[..], b"{}\n", b"\n\n\n", b"\xff\xfe\n{\"seq\":9}\n"] {
        let home = killed();
        let path = home.path().join(LOG);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(garbage).unwrap();
        let (log, recovered) = open(home.path()).unwrap();
        assert_eq!((recovered.cut_bytes, recovered.unsigned), (garbage.len() as u64, 5));
        assert_eq!(fs::read(home.path().join("torn-1")).unwrap(), garbage);
        drop(log);
        report(home.path());
    }
    // A page in the middle was not written, what follows it was.
    let home = killed();
    let path = home.path().join(LOG);
    let all = lines(&path);
    let good = all[0].len() + all[1].len();
    edit(&path, |bytes| bytes[good..good + 50].fill(0));
    let (log, recovered) = open(home.path()).unwrap();
    assert_eq!(recovered.unsigned, 1);
    drop(log);
    report(home.path());
}

#[test]
fn one_torn_checkpoint_is_made_whole() {
    for name in ["checkpoint-a", "checkpoint-b"] {
        let (home, head) = ended();
        edit(&home.path().join(name), |bytes| bytes.truncate(40));
        let (log, recovered) = open_with(home.path(), options(), Some(head)).unwrap();
        // The other one may be a little older; the log itself is whole.
        assert_eq!(recovered.cut_bytes, 0);
        log.close().unwrap();
        report(home.path());
    }
}

#[test]
fn what_recovery_wrote_is_recovered_too() {
    // Killed, started and killed again before anything else: nothing is closed twice.
    let home = killed();
    let (log, _) = open(home.path()).unwrap();
    let again = copy(home.path());
    drop(log);
    let (log, recovered) = open(again.path()).unwrap();
    assert!(recovered.is_clean());
    drop(log);
    let ids = column(again.path(), "id");
    assert_eq!(ids.iter().filter(|id| *id == "c2").count(), 2);
}
