//! Finding records: each filter alone, ends beside their openings, a log that is being written.

use std::path::Path;

use lanyard_core::{AgentName, ChangeRecord, Record, ServerName, Timestamp};
use tempfile::TempDir;

use super::{DecisionFilter, Filter, export, search};
use crate::audit::Options;
use crate::audit::fixture::{
    START, allowed, change, closed, denied, id, open_with, options, place,
};

fn small() -> Options {
    Options { segment_bytes_max: 1200, ..options() }
}

fn subject(name: &str, subject: &str) -> Record {
    Record::Changed(ChangeRecord { subject: subject.to_owned(), ..change(name) })
}

/// Several segments: a call that spans all of them, calls, denials, changes.
fn written() -> TempDir {
    let place = place();
    let (log, _) = open_with(place.path(), small(), None).unwrap();
    log.append(&allowed("long")).unwrap();
    for number in 0..4 {
        log.append(&allowed(&format!("c{number}"))).unwrap();
        log.append(&closed(&format!("c{number}"))).unwrap();
        log.append(&denied(&format!("d{number}"))).unwrap();
    }
    log.append(&subject("r1", "agent:bob")).unwrap();
    log.append(&subject("r2", "grant:bob/billing")).unwrap();
    log.append(&subject("r3", "server:crm")).unwrap();
    log.append(&closed("long")).unwrap();
    log.append(&allowed("last")).unwrap();
    log.close().unwrap();
    place
}

/// The ids found, each with `+` where its end came along.
fn found(directory: &Path, filter: &Filter) -> String {
    let entries = search(directory, filter).unwrap();
    let id = |entry: &super::Entry| {
        let record: serde_json::Value = serde_json::from_str(&entry.record).unwrap();
        let end = if entry.close.is_some() { "+" } else { "" };
        let name = record["id"].as_str().unwrap_or_else(|| record["kind"].as_str().unwrap());
        format!("{name}{end}")
    };
    entries.iter().map(id).collect::<Vec<_>>().join(" ")
}

fn exported(directory: &Path, filter: &Filter) -> u64 {
    let mut output = Vec::new();
    let count = export(directory, filter, &mut output).unwrap();
    assert_eq!(String::from_utf8(output).unwrap().lines().count() as u64, count);
    count
}

#[test]
fn each_filter_takes_its_own() {
    let home = written();
    let all = Filter::default();
    let kind = |kind: &str| Filter { kind: Some(kind.to_owned()), ..all.clone() };
    let agent = |name| Filter { agent: Some(AgentName::parse(name).unwrap()), ..all.clone() };
    let server = |name| Filter { server: Some(ServerName::parse(name).unwrap()), ..all.clone() };
    let calls = "last d3 c3+ d2 c2+ d1 c1+ d0 c0+ long+";
    let calls_and_grant = "last r2 d3 c3+ d2 c2+ d1 c1+ d0 c0+ long+";
    for (filter, ids, lines) in [
        (agent("nobody"), "", 0),
        (agent("bob"), "r2 r1", 2),
        (agent("alice"), calls, 15),
        (server("crm"), "r3", 1),
        (server("billing"), calls_and_grant, 16),
        (Filter { tool: Some("no-tool".to_owned()), ..all.clone() }, "", 0),
        (Filter { tool: Some("get-invoice".to_owned()), ..all.clone() }, calls, 15),
        (kind("change"), "r3 r2 r1", 3),
        (kind("call.close"), "long c3 c2 c1 c0", 5),
        (kind("call.open"), "last c3+ c2+ c1+ c0+ long+", 6),
        (Filter { decision: Some(DecisionFilter::Denied), ..all.clone() }, "d3 d2 d1 d0", 4),
        (
            Filter { decision: Some(DecisionFilter::Allowed), ..all.clone() },
            "last c3+ c2+ c1+ c0+ long+",
            11,
        ),
        (Filter { id: Some(id("long")), ..all.clone() }, "long+", 2),
        (Filter { id: Some(id("c2")), ..all.clone() }, "c2+", 2),
        (Filter { until: Some(Timestamp(START)), ..all.clone() }, "", 0),
        (Filter { since: Some(Timestamp(START + 3_600_000_000)), ..all.clone() }, "", 0),
        (Filter { limit: Some(0), ..all.clone() }, "", 0),
        (Filter { limit: Some(3), ..agent("alice") }, "last d3 c3+", 3),
    ] {
        assert_eq!(found(home.path(), &filter), ids, "{filter:?}");
        assert_eq!(exported(home.path(), &filter), lines, "{filter:?}");
    }
}

#[test]
fn a_limit_of_any_size_gives_the_newest() {
    let home = written();
    let all = found(home.path(), &Filter::default());
    let all: Vec<_> = all.split(' ').collect();
    for limit in 1..=all.len() {
        let filter = Filter { limit: Some(limit), ..Filter::default() };
        assert_eq!(found(home.path(), &filter), all[..limit].join(" "));
    }
}

#[test]
fn a_log_is_read_while_it_is_written() {
    let home = place();
    let (log, _) = open_with(home.path(), small(), None).unwrap();
    for number in 0..30 {
        let name = format!("c{number}");
        let filter = Filter { id: Some(id(&name)), ..Filter::default() };
        assert_eq!(found(home.path(), &filter), "");
        log.append(&allowed(&name)).unwrap();
        assert_eq!(found(home.path(), &filter), name);
        log.append(&closed(&name)).unwrap();
        assert_eq!(found(home.path(), &filter), format!("{name}+"));
    }
}
