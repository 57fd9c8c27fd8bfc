//! What calls took on a day is read from as few segments as may hold it, and from openings alone.

use std::path::Path;

use lanyard_core::Timestamp;
use tempfile::TempDir;

use super::obliged_since;
use crate::audit::fixture::put;

/// 2026-11-22T00:00:00Z.
const MIDNIGHT: Timestamp = Timestamp(1_795_305_600_000_000);

fn after(hours: i64) -> Timestamp {
    Timestamp(MIDNIGHT.0.saturating_add(hours.saturating_mul(3_600_000_000)))
}

fn line(hours: i64, kind: &str, rest: &str) -> String {
    let (prev, time) = ("ab".repeat(32), after(hours));
    format!("{{\"seq\":1,\"prev\":\"{prev}\",\"time\":\"{time}\",\"kind\":\"{kind}\",{rest}}}\n")
}

fn call(hours: i64, tenant: &str, obligations: &str) -> String {
    line(
        hours,
        "call.open",
        &format!(r#""id":"c","tenant":"{tenant}","obligations":{obligations}"#),
    )
}

fn written(segments: &[String]) -> TempDir {
    let place = TempDir::new().unwrap();
    for (number, text) in (1..).zip(segments) {
        put(&place.path().join(format!("{number:08}.log")), text.as_bytes());
    }
    place
}

fn found(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let count = obliged_since(directory, MIDNIGHT, |it| {
        found.push(format!("{}: {}", it.tenant, it.obligations.join(" ")));
    });
    assert_eq!(count.unwrap(), found.len() as u64);
    found
}

#[test]
fn the_openings_of_the_day_are_given_in_their_order() {
    let place = written(&[
        call(-30, "default", r#"["limit:never-read"]"#),
        call(-1, "default", r#"["limit:yesterday"]"#) + &call(0, "default", r#"["limit:first"]"#),
        call(1, "other", r#"["limit:a","limit:b","cost:5"]"#)
            + &call(2, "default", r#"["say \"no\""]"#)
            + &line(2, "call.open", r#""id":"c","tenant":"default""#)
            + &line(2, "call.denied", r#""id":"c","tenant":"default","obligations":["limit:x"]"#)
            + &line(2, "change", r#""id":"c","detail":{"obligations":["limit:x"]}"#)
            + &line(
                2,
                "call.open",
                r#""id":"c","tenant":"t","tool":"\"obligations\":[\"limit:x\"]""#,
            )
            + &line(
                2,
                "call.open",
                r#""id":"c","tenant":"t","attributes":{"obligations":["limit:x"]}"#,
            )
            + "garbage\n"
            + &call(3, "default", r#"["limit:last"]"#)
            + r#"{"seq":1,"#,
    ]);
    // A segment that cannot be read is not opened where it is too old to matter.
    put(&place.path().join("00000001.log"), b"\xff\xff");
    assert_eq!(
        found(place.path()),
        [
            "default: limit:first",
            "other: limit:a limit:b cost:5",
            "default: say \"no\"",
            "default: limit:last"
        ]
    );
}

#[test]
fn a_log_without_a_day_has_nothing() {
    assert_eq!(found(TempDir::new().unwrap().path()), [""; 0]);
    assert_eq!(found(written(&[call(-1, "default", r#"["limit:a"]"#)]).path()), [""; 0]);
    // A segment that began within the hour before midnight is no proof that the one before it has
    // nothing of the day: its clock may have been set back.
    let place = written(&[call(0, "default", r#"["limit:a"]"#), call(-1, "default", "[]")]);
    assert_eq!(found(place.path()), ["default: limit:a"]);
}
