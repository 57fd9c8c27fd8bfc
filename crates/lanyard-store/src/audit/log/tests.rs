//! Appending, waiting, closing, and going on after any end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tempfile::TempDir;

use super::{Log, Options};
use crate::audit::fixture::{
    Faults, FaultyDisk, TestClock, TestSigner, allowed, change, changed, closed, denied, id, key,
    open, open_with, options,
};
use crate::audit::{LogError, Recovered, Report, verify};

fn report(directory: &Path) -> Report {
    verify(directory, &key()).unwrap_or_else(|findings| panic!("{findings:#?}"))
}

fn kinds(directory: &Path) -> Vec<String> {
    let mut output = Vec::new();
    super::super::export(directory, &super::super::Filter::default(), &mut output).unwrap();
    let text = String::from_utf8(output).unwrap();
    let kind = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["kind"].as_str().unwrap().to_owned()
    };
    text.lines().map(kind).collect()
}

/// What is in the directory now: what a killed process would leave.
fn copy(directory: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

fn first_segment(directory: &Path) -> PathBuf {
    directory.join("00000001.log")
}

#[test]
fn a_closed_log_takes_no_more_and_proves_itself() {
    let home = TempDir::new().unwrap();
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
    assert_eq!(
        kinds(&directory),
        ["log.segment", "call.open", "call.denied", "call.close", "change"]
    );
    let (_, recovered) = open_with(&directory, options(), Some(head)).unwrap();
    assert_eq!((recovered.created, recovered.is_clean()), (false, true));
}
