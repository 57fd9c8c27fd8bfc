//! What an agent's own calls came to: nobody else's, ends beside their openings, bounded.

use std::path::Path;

use lanyard_core::{
    AgentName, Decision, EndingStatus, OpenRecord, Record, ServerName, TenantName, Timestamp,
};
use tempfile::TempDir;

use super::{CallError, ToolUsage, Usage, Whose, field, usage};
use crate::audit::Options;
use crate::audit::fixture::{START, allowed, closed, denied, open_with, opened, options, place};

fn alice() -> Whose {
    Whose {
        tenant: TenantName::default_tenant(),
        agent: AgentName::parse("alice").unwrap(),
        server: ServerName::parse("billing").unwrap(),
    }
}

fn written(records: &[Record]) -> TempDir {
    let place = place();
    let small = Options { segment_bytes_max: 1200, ..options() };
    let (log, _) = open_with(place.path(), small, None).unwrap();
    for record in records {
        log.append(record).unwrap();
    }
    log.close().unwrap();
    place
}

fn read(directory: &Path, whose: &Whose) -> Usage {
    usage(directory, whose, Timestamp(START), u64::MAX).unwrap()
}

/// Another call of the same, changed.
fn but(record: Record, change: impl FnOnce(&mut OpenRecord)) -> Record {
    let Record::Opened(mut record) = record else { panic!("{record:?}") };
    change(&mut record);
    Record::Opened(record)
}

fn error(code: &str, upstream_status: Option<u16>, field: Option<&str>) -> CallError {
    let field = field.map(str::to_owned);
    CallError { code: code.to_owned(), upstream_status, field, limit: None }
}

#[test]
fn nobody_elses_calls_are_counted() {
    let other_agent = |it: &mut OpenRecord| it.who.agent = AgentName::parse("bob").unwrap();
    let other_tenant = |it: &mut OpenRecord| it.who.tenant = TenantName::parse("acme").unwrap();
    let other_server = |it: &mut OpenRecord| it.server = ServerName::parse("crm").ok();
    let no_tool = |it: &mut OpenRecord| it.method = "prompts/get";
    // Whoever writes the name of another agent where they may write anything is still themselves.
    let forged = |it: &mut OpenRecord| {
        it.who.agent = AgentName::parse("bob").unwrap();
        it.tool = Some(r#"x","agent":"alice"#.to_owned());
    };
    let place = written(&[
        but(allowed("a1"), other_agent),
        closed("a1"),
        but(allowed("a2"), other_tenant),
        closed("a2"),
        but(denied("a3"), other_server),
        but(allowed("a4"), no_tool),
        closed("a4"),
        but(denied("a5"), forged),
    ]);
    assert_eq!(read(place.path(), &alice()), Usage::default());
}

#[test]
fn calls_are_counted_by_what_became_of_them() {
    let detail =
        "the call was not made: `list[2].name` is required; `b` must be a string".to_owned();
    let invalid =
        Decision::Denied { code: "arguments_invalid", detail: Some(detail), by: Vec::new() };
    let ended =
        |name: &str, micros: u64, end: Option<(EndingStatus, Option<&'static str>, u16)>| {
            let Record::Closed(mut record) = closed(name) else { panic!() };
            record.ending.took_micros = micros;
            if let Some((status, failure, upstream)) = end {
                record.ending.status = status;
                record.ending.failure = failure;
                record.ending.upstream_status = Some(upstream);
            }
            Record::Closed(record)
        };
    let limited = Decision::Denied {
        code: "limit_reached",
        detail: Some("calls per day of this agent".to_owned()),
        by: vec!["limit:alice/*/*".to_owned()],
    };
    let mut records = vec![denied("d1"), opened("d2", invalid), opened("d3", limited)];
    for number in 0..20 {
        let name = format!("c{number}");
        records.extend([allowed(&name), ended(&name, 1000 * (20 - number), None)]);
    }
    records.extend([
        allowed("e1"),
        allowed("e2"),
        ended("e2", 1, Some((EndingStatus::AnsweredError, None, 404))),
        ended("e1", 1, Some((EndingStatus::Failed, Some("answer_unusable"), 200))),
        allowed("running"),
    ]);
    let place = written(&records);
    let found = read(place.path(), &alice());
    assert!(!found.more);
    let tool = &found.tools["get-invoice"];
    assert_eq!((tool.calls, tool.answered, found.tools.len()), (26, 20, 1));
    assert_eq!(ToolUsage::percentile(&tool.took_micros, 50), Some(10_000));
    assert_eq!(ToolUsage::percentile(&tool.took_micros, 95), Some(19_000));
    assert_eq!(ToolUsage::percentile(&tool.result_bytes, 100), Some(96));
    let errors: Vec<_> = tool.errors.iter().map(|(error, count)| (error.clone(), *count)).collect();
    assert_eq!(
        errors,
        [
            (error("answer_unusable", Some(200), None), 1),
            (error("answered_error", Some(404), None), 1),
            (error("arguments_invalid", None, Some("list")), 1),
            (
                CallError {
                    limit: Some("calls per day of this agent".to_owned()),
                    ..error("limit_reached", None, None)
                },
                1
            ),
            (error("tool_not_granted", None, None), 1),
        ]
    );
}

#[test]
fn only_the_newest_bytes_are_read_and_only_what_is_young() {
    let records: Vec<_> = (0..40)
        .flat_map(|number| [allowed(&format!("c{number}")), closed(&format!("c{number}"))])
        .collect();
    let place = written(&records);
    let calls = |bytes_max, since| {
        let found = usage(place.path(), &alice(), Timestamp(since), bytes_max).unwrap();
        (found.tools.get("get-invoice").map_or(0, |tool| tool.calls), found.more)
    };
    assert_eq!(calls(u64::MAX, START), (40, false));
    assert_eq!(calls(0, START), (0, true));
    let (some, more) = calls(4000, START);
    assert!(more && (2..12).contains(&some), "{some}");
    assert_eq!(calls(u64::MAX, START + 1), (0, false));
}

#[test]
fn distinct_errors_are_bounded() {
    let mut records = Vec::new();
    for number in 0..200 {
        let detail = Some(format!("the call was not made: `f{number}` is required"));
        let no = Decision::Denied { code: "arguments_invalid", detail, by: Vec::new() };
        records.push(opened(&format!("d{number}"), no));
    }
    let place = written(&records);
    let tool = &read(place.path(), &alice()).tools["get-invoice"];
    assert!(tool.errors.len() <= 65, "{}", tool.errors.len());
    assert_eq!(tool.errors.values().sum::<u64>(), 200);
}

#[test]
fn fields() {
    for (problem, expected) in [
        ("the call was not made: `number` is required", Some("number")),
        ("the call was not made: `list[2].name` must be a string", Some("list")),
        ("the call was not made: the arguments must be an object", None),
        ("`number` is required", None),
        ("x: ``", None),
        ("x: `", None),
        ("", None),
    ] {
        assert_eq!(field(problem).as_deref(), expected, "{problem}");
    }
    assert_eq!(field(&format!("x: `{}`", "y".repeat(65))), None);
}

#[test]
fn percentiles() {
    assert_eq!(ToolUsage::percentile(&[], 50), None);
    assert_eq!(ToolUsage::percentile(&[7], 50), Some(7));
    assert_eq!(ToolUsage::percentile(&[1, 2], 0), Some(1));
}
