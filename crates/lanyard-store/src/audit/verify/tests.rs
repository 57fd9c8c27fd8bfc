//! Whatever was done to the files of a log is found, with the public key alone.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{verify, verify_against};
use crate::audit::fixture::{
    TestSigner, allowed, changed, closed, copy, denied, key, open_with, options, place, put, report,
};
use crate::audit::{Options, VerifyKey};

/// A log of three segments, ended as it should be.
fn log() -> TempDir {
    static LOG: OnceLock<TempDir> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let home = place();
        write(home.path(), "c");
        home
    });
    copy(log.path())
}

fn write(directory: &Path, prefix: &str) {
    let small = Options { segment_bytes_max: 3200, ..options() };
    let (log, _) = open_with(directory, small, None).unwrap();
    log.append(&changed("r1")).unwrap();
    for number in 0..6 {
        let id = format!("{prefix}{number}");
        log.append(&allowed(&id)).unwrap();
        log.append(&denied(&format!("{id}-d"))).unwrap();
        log.append(&closed(&id)).unwrap();
    }
    log.close().unwrap();
    assert_eq!(report(directory).segments, 3);
}

#[track_caller]
fn check(directory: &Path, expected: Expect) {
    match verify(directory, &key()) {
        Ok(report) => panic!("it holds: {report:?}"),
        Err(findings) => {
            let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
            expected.assert_eq(&findings.join("\n"));
        }
    }
}

fn lines(path: &Path) -> Vec<Vec<u8>> {
    fs::read(path).unwrap().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[test]
fn a_flipped_byte() {
    let home = log();
    let path = home.path().join("00000002.log");
    let mut text = fs::read_to_string(&path).unwrap();
    let at = text.find("billing").unwrap();
    text.replace_range(at..at + 7, "killing");
    put(&path, text.as_bytes());
    check(
        home.path(),
        expect![
            "00000002.log:4: record 14 does not continue record 13: one of the two was changed"
        ],
    );
}

#[test]
fn a_flipped_byte_in_the_last_record() {
    let home = log();
    let path = home.path().join("00000003.log");
    let text = fs::read_to_string(&path).unwrap();
    put(&path, text.replace("\"took_micros\":2500}\n", "\"took_micros\":2501}\n").as_bytes());
    check(
        home.path(),
        expect!["00000003.log:3: record 22 is not the one that checkpoint-a signed"],
    );
}

#[test]
fn a_cut_tail() {
    let home = log();
    let path = home.path().join("00000003.log");
    let mut all = lines(&path);
    all.pop();
    put(&path, &all.concat());
    check(
        home.path(),
        expect![
            "checkpoint-a: it was signed at record 22 and the log ends at record 21: records were removed"
        ],
    );
    let half = all.concat();
    put(&path, &half[..half.len() - 10]);
    check(
        home.path(),
        expect![
            "checkpoint-a: it was signed at record 22 and the log ends at record 20: records were removed"
        ],
    );
    fs::remove_file(&path).unwrap();
    check(
        home.path(),
        expect![
            "checkpoint-a: it was signed at record 22 and the log ends at record 19: records were removed"
        ],
    );
}

#[test]
fn a_dropped_record() {
    let home = log();
    let path = home.path().join("00000002.log");
    let mut all = lines(&path);
    all.remove(2);
    put(&path, &all.concat());
    check(
        home.path(),
        expect!["00000002.log:3: record 14 follows record 12: 1 missing in between"],
    );
}

#[test]
fn two_records_swapped() {
    let home = log();
    let path = home.path().join("00000002.log");
    let mut all = lines(&path);
    all.swap(1, 2);
    put(&path, &all.concat());
    check(
        home.path(),
        expect![[r#"
        00000002.log:2: record 13 follows record 11: 1 missing in between
        00000002.log:3: record 12 stands after record 13: the order was changed
        00000002.log:4: record 14 follows record 12: 1 missing in between"#]],
    );
}

#[test]
fn a_replaced_file() {
    // By the same segment of another log of the same key.
    let (home, other) = (log(), place());
    write(other.path(), "k");
    fs::copy(other.path().join("00000002.log"), home.path().join("00000002.log")).unwrap();
    check(
        home.path(),
        expect![[r#"
        00000002.log:1: record 11 does not continue record 10: one of the two was changed
        00000002.log:1: the segment was begun after record 10, which is not what stands before it
        00000003.log:1: record 20 does not continue record 19: one of the two was changed
        00000003.log:1: the segment was begun after record 19, which is not what stands before it"#]],
    );
    // By another segment of the same log.
    let home = log();
    fs::copy(home.path().join("00000001.log"), home.path().join("00000002.log")).unwrap();
    check(
        home.path(),
        expect![[r#"
        00000002.log:1: record 1 stands after record 10: the order was changed
        00000002.log:1: the file is segment 1: it was renamed
        00000003.log:1: record 20 follows record 10: 9 missing in between
        00000003.log:1: the segment was begun after record 19, which is not what stands before it"#]],
    );
    // A whole other log beside these checkpoints.
    let home = log();
    for name in ["00000001.log", "00000002.log", "00000003.log"] {
        fs::copy(other.path().join(name), home.path().join(name)).unwrap();
    }
    check(
        home.path(),
        expect!["00000003.log:3: record 22 is not the one that checkpoint-a signed"],
    );
}

#[test]
fn a_missing_segment() {
    let home = log();
    fs::remove_file(home.path().join("00000001.log")).unwrap();
    check(
        home.path(),
        expect![[r#"
        00000001.log: the segment is missing
        00000002.log:1: record 11 follows record 0: 10 missing in between
        00000002.log:1: the segment was begun after record 10, which is not what stands before it
        checkpoint-b: record 1, at which it was signed, is not in the log"#]],
    );
    let home = log();
    fs::remove_file(home.path().join("00000002.log")).unwrap();
    check(
        home.path(),
        expect![[r#"
        00000002.log: the segment is missing
        00000003.log:1: record 20 follows record 10: 9 missing in between
        00000003.log:1: the segment was begun after record 19, which is not what stands before it"#]],
    );
    let empty = place();
    check(
        empty.path(),
        expect![[r#"
        checkpoint-a: the checkpoint is missing
        checkpoint-b: the checkpoint is missing
        00000001.log: the log has no segment"#]],
    );
    check(
        &empty.path().join("nowhere"),
        expect![[r#"
        checkpoint-a: the checkpoint is missing
        checkpoint-b: the checkpoint is missing
        .: the directory cannot be read: No such file or directory (os error 2)"#]],
    );
}

#[test]
fn a_missing_or_damaged_checkpoint() {
    let home = log();
    fs::remove_file(home.path().join("checkpoint-a")).unwrap();
    check(home.path(), expect!["checkpoint-a: the checkpoint is missing"]);
    let home = log();
    let path = home.path().join("checkpoint-b");
    let note = fs::read_to_string(&path).unwrap();
    put(&path, note.replace("\n1\n", "\n2\n").as_bytes());
    check(
        home.path(),
        expect!["checkpoint-b: the checkpoint cannot be used: its signature is not valid"],
    );
}

#[test]
fn another_key() {
    let home = log();
    let other = VerifyKey::of(&*TestSigner::new(2));
    let findings = verify(home.path(), &other).unwrap_err();
    assert_eq!(findings.len(), 2);
    assert!(findings[0].to_string().contains("it belongs to another key"), "{}", findings[0]);
    for name in ["checkpoint-a", "checkpoint-b"] {
        fs::remove_file(home.path().join(name)).unwrap();
    }
    let findings = verify(home.path(), &other).unwrap_err();
    assert!(findings.iter().any(|finding| finding.problem.contains("belongs to another log")));
}

#[test]
fn records_behind_the_checkpoint_are_counted() {
    let home = place();
    let lazy = Options { sync_ms_max: 3_600_000, ..options() };
    let (log, _) = open_with(home.path(), lazy, None).unwrap();
    log.append(&allowed("c1")).unwrap();
    log.append(&denied("c2")).unwrap();
    let killed = copy(home.path());
    let path = killed.path().join("00000001.log");
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(b"{\"seq\":4,");
    put(&path, &bytes);
    let report = report(killed.path());
    assert_eq!((report.records, report.unsigned), (3, 2));
    assert_eq!((report.open_calls, report.torn_bytes), (1, 9));
}

#[derive(Debug, Clone)]
enum Deed {
    Flip { bit: u8 },
    Cut,
    Insert { byte: u8 },
    Remove,
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (0..8_u8).prop_map(|bit| Deed::Flip { bit }),
        Just(Deed::Cut),
        any::<u8>().prop_map(|byte| Deed::Insert { byte }),
        Just(Deed::Remove),
    ]
}

const FILES: [&str; 5] =
    ["00000001.log", "00000002.log", "00000003.log", "checkpoint-a", "checkpoint-b"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_done_to_a_byte_is_found(
        file in 0..FILES.len(),
        at in any::<prop::sample::Index>(),
        deed in deeds(),
    ) {
        let home = log();
        let path = home.path().join(FILES[file]);
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        match deed {
            Deed::Flip { bit } => bytes[at] ^= 1 << bit,
            Deed::Cut => bytes.truncate(at),
            Deed::Insert { byte } => bytes.insert(at, byte),
            Deed::Remove => { bytes.remove(at); }
        }
        put(&path, &bytes);
        prop_assert!(verify(home.path(), &key()).is_err());
    }

    #[test]
    fn any_lines_swapped_dropped_or_repeated_are_found(
        file in 0..3_usize,
        one in any::<prop::sample::Index>(),
        two in any::<prop::sample::Index>(),
        deed in 0..3,
    ) {
        let home = log();
        let path = home.path().join(FILES[file]);
        let mut all = lines(&path);
        let (one, two) = (one.index(all.len()), two.index(all.len()));
        match deed {
            0 if one == two => return Ok(()),
            0 => all.swap(one, two),
            1 => { all.remove(one); }
            _ => all.insert(two, all[one].clone()),
        }
        put(&path, &all.concat());
        prop_assert!(verify(home.path(), &key()).is_err());
    }
}

/// A checkpoint of a log as it is now, as `audit witness` gives it.
fn witness(directory: &Path) -> String {
    fs::read_to_string(directory.join("checkpoint-a")).unwrap()
}

#[track_caller]
fn check_against(directory: &Path, note: &str, expected: Expect) {
    let told = match verify_against(directory, &key(), Some(note)) {
        Ok(report) => format!("holds since {}", report.witnessed.unwrap()),
        Err(findings) => findings.iter().map(|it| format!("{it}\n")).collect(),
    };
    expected.assert_eq(&told);
}

/// Opens a log again, as after a restart, and goes on with calls of these names.
fn grow(directory: &Path, prefix: &str) {
    let small = Options { segment_bytes_max: 3200, ..options() };
    let (log, _) = open_with(directory, small, None).unwrap();
    for number in 0..6 {
        log.append(&denied(&format!("{prefix}{number}"))).unwrap();
    }
    log.close().unwrap();
}

#[test]
fn a_log_that_only_grew() {
    let home = log();
    let note = witness(home.path());
    check_against(home.path(), &note, expect!["holds since 22"]);
    grow(home.path(), "later");
    check_against(home.path(), &note, expect!["holds since 22"]);
    // A checkpoint within a segment, and the one of an empty log.
    let older = place();
    let (log, _) = open_with(older.path(), options(), None).unwrap();
    log.append(&denied("d")).unwrap();
    let note = log.witness().unwrap();
    log.append(&denied("e")).unwrap();
    log.close().unwrap();
    check_against(older.path(), &note, expect!["holds since 2"]);
}

#[test]
fn log_checkpoints_and_database_rolled_back_together() {
    let home = log();
    let before = copy(home.path());
    grow(home.path(), "later");
    let note = witness(home.path());
    // What an attacker puts back is whole in itself: only the witness knows.
    assert!(verify(before.path(), &key()).is_ok());
    check_against(
        before.path(),
        &note,
        expect![[r#"
        the witness: it was signed at record 29 and the log ends at record 22: records were removed
    "#]],
    );
    // Cut, and grown again with other records to the same length and further.
    grow(before.path(), "other");
    assert!(verify(before.path(), &key()).is_ok());
    check_against(
        before.path(),
        &note,
        expect![[r#"
        00000004.log:2: record 29 is not the one that the witness signed
    "#]],
    );
    grow(before.path(), "more");
    check_against(
        before.path(),
        &note,
        expect![[r#"
        00000004.log:2: record 29 is not the one that the witness signed
    "#]],
    );
}

#[test]
fn a_log_begun_anew_with_another_key() {
    let home = place();
    let other = TestSigner::new(2);
    let clock = crate::audit::fixture::TestClock::new();
    let (log, _) =
        crate::audit::Log::open(home.path(), options(), other.clone(), clock, None).unwrap();
    log.append(&denied("d")).unwrap();
    log.close().unwrap();
    let note = witness(super::tests::log().path());
    let found = verify_against(home.path(), &VerifyKey::of(&*other), Some(&note)).unwrap_err();
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    expect!["the witness: the checkpoint cannot be used: it belongs to another key: lanyard/audit/34750f98bd59fcfc946da45aaabe933b"].assert_eq(&found.join("\n"));
    // A witness that was changed, or is none.
    let home = super::tests::log();
    let note = witness(home.path());
    for bad in [note.replace("\n22\n", "\n20\n"), String::new(), "a note".to_owned()] {
        assert!(verify_against(home.path(), &key(), Some(&bad)).is_err(), "{bad}");
    }
}
