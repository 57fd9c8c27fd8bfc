//! Each kind of line, byte for byte: a change here is a change of a public format.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use lanyard_core::{
    CallFacts, CallRecord, ChangeRecord, ClientNote, CredentialUse, Decision, Ending, EndingStatus,
    OpenRecord, Record, RecordWho, SecretName, Timestamp, UserName,
};

use super::{Head, Line, Place, RecoveredLine, SegmentLine, write};
use crate::audit::fixture::{START, allowed, change, closed, id, opened};

#[track_caller]
fn check(line: &Line<'_>, expected: Expect) {
    let prev = "ab".repeat(32);
    let mut buffer = b"left over".to_vec();
    write(&mut buffer, Place { seq: 42, prev: &prev }, line).unwrap();
    let text = std::str::from_utf8(&buffer).unwrap();
    expected.assert_eq(text);
    let head = Head::read(&buffer).unwrap();
    assert_eq!((head.seq, head.prev), (42, [0xab; 32]));
    // The one canonical form is what a JSON writer makes of it.
    let value: serde_json::Value = serde_json::from_slice(&buffer).unwrap();
    assert_eq!(format!("{value}\n"), text);
    assert_eq!(value["kind"].as_str(), Some(head.kind));
    assert_eq!(value["id"].as_str(), head.id);
}

#[test]
fn an_opening() {
    check(
        &Line::Record(&allowed("c1")),
        expect![[r#"
        {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"2026-11-21T23:05:41.000000Z","kind":"call.open","id":"c1","tenant":"default","agent":"alice","token":"t1","peer":"127.0.0.1:50000","method":"tools/call","server":"billing","tool":"get-invoice","arguments_digest":"abababababababababababababababababababababababababababababababab","snapshot":7,"allowed_by":"grant:alice/billing"}
    "#]],
    );
    let Record::Opened(record) = allowed("c1") else { panic!() };
    let who = RecordWho {
        user: Some(UserName::parse("bob@example.com").unwrap()),
        token: None,
        peer: "uid:1000,pid:7".to_owned(),
        ..record.who.clone()
    };
    let record = OpenRecord {
        who,
        server: None,
        tool: None,
        arguments_digest: None,
        continues: Some(id("c0")),
        method: "tools/list",
        ..*record
    };
    check(
        &Line::Record(&Record::Opened(Box::new(record))),
        expect![[r#"
        {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"2026-11-21T23:05:41.000000Z","kind":"call.open","id":"c1","tenant":"default","agent":"alice","user":"bob@example.com","peer":"uid:1000,pid:7","method":"tools/list","snapshot":7,"allowed_by":"grant:alice/billing","continues":"c0"}
    "#]],
    );
}

#[test]
fn a_denial() {
    let decision = Decision::Denied {
        code: "arguments_invalid",
        detail: Some("`id`: \"a\"\nis no number \u{1}\u{2028}".to_owned()),
        by: Vec::new(),
    };
    check(
        &Line::Record(&opened("c1", decision)),
        expect![[r#"
        {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"2026-11-21T23:05:41.000000Z","kind":"call.denied","id":"c1","tenant":"default","agent":"alice","token":"t1","peer":"127.0.0.1:50000","method":"tools/call","server":"billing","tool":"get-invoice","arguments_digest":"abababababababababababababababababababababababababababababababab","snapshot":7,"denied_code":"arguments_invalid","denied_detail":"`id`: \"a\"\nis no number \u0001 "}
    "#]],
    );
}

#[test]
fn what_a_call_was_decided_on() {
    let Record::Opened(record) = allowed("c1") else { panic!() };
    let rules = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let secret =
        |name: &str, version| CredentialUse { name: SecretName::parse(name).unwrap(), version };
    let facts = CallFacts {
        pin: Some("cd".repeat(32)),
        credentials: vec![secret("billing-key", 3), secret("bob-token", 1)],
        client: Some(ClientNote { name: "an editor".to_owned(), version: Some("1.2".to_owned()) }),
        trace: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        policy: Some(4),
        shadow: rules(&["policy:hours"]),
        obligations: rules(&["limit:alice", "cost:5"]),
        approval: Some("ap_1".to_owned()),
        attributes: Some("{ \"amount\": 1e2,\n\"to\": [null] }".to_owned()),
    };
    let decision = Decision::Allowed { by: rules(&["grant:alice/billing", "policy:office"]) };
    let record = Box::new(OpenRecord { facts, decision, ..*record });
    check(
        &Line::Record(&Record::Opened(record.clone())),
        expect![[r#"
        {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"2026-11-21T23:05:41.000000Z","kind":"call.open","id":"c1","tenant":"default","agent":"alice","token":"t1","peer":"127.0.0.1:50000","method":"tools/call","server":"billing","tool":"get-invoice","arguments_digest":"abababababababababababababababababababababababababababababababab","snapshot":7,"allowed_by":["grant:alice/billing","policy:office"],"policy":4,"shadow":["policy:hours"],"obligations":["limit:alice","cost:5"],"approval":"ap_1","pin":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","credentials":{"billing-key":3,"bob-token":1},"client":{"name":"an editor","version":"1.2"},"trace":"4bf92f3577b34da6a3ce929d0e0e4736","attributes":{"amount":1e+2,"to":[null]}}
    "#]],
    );
    let decision =
        Decision::Denied { code: "policy", detail: None, by: rules(&["policy:no-push"]) };
    let facts = CallFacts {
        client: Some(ClientNote { name: "x".to_owned(), version: None }),
        policy: Some(4),
        attributes: Some("{".to_owned()),
        ..CallFacts::default()
    };
    check(
        &Line::Record(&Record::Opened(Box::new(OpenRecord { facts, decision, ..*record }))),
        expect![[r#"
            {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"2026-11-21T23:05:41.000000Z","kind":"call.denied","id":"c1","tenant":"default","agent":"alice","token":"t1","peer":"127.0.0.1:50000","method":"tools/call","server":"billing","tool":"get-invoice","arguments_digest":"abababababababababababababababababababababababababababababababab","snapshot":7,"denied_code":"policy","denied_by":"policy:no-push","policy":4,"client":{"name":"x"},"attributes":"{"}
        "#]],
    );
}

#[test]
fn an_end() {
    check(
        &Line::Record(&closed("c1")),
        expect![[r#"
        {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"2026-11-21T23:05:41.002500Z","kind":"call.close","id":"c1","status":"answered","upstream_status":200,"upstream_bytes":120,"result_bytes":96,"masked":0,"took_micros":2500}
    "#]],
    );
    let ending = Ending {
        status: EndingStatus::Failed,
        failure: Some("timed_out"),
        upstream_status: None,
        upstream_bytes: 0,
        result_bytes: 0,
        masked: 0,
        took_micros: u64::MAX,
    };
    let record = CallRecord { id: id("c1"), time: Timestamp(-1), ending };
    check(
        &Line::Record(&Record::Closed(record)),
        expect![[r#"
        {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"1969-12-31T23:59:59.999999Z","kind":"call.close","id":"c1","status":"failed","failure":"timed_out","upstream_bytes":0,"result_bytes":0,"masked":0,"took_micros":18446744073709551615}
    "#]],
    );
    check(
        &Line::Abandoned { id: &id("c1"), time: Timestamp(START) },
        expect![[r#"
        {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"2026-11-21T23:05:41.000000Z","kind":"call.close","id":"c1","status":"abandoned"}
    "#]],
    );
}

#[test]
fn a_change() {
    check(
        &Line::Record(&Record::Changed(change("r1"))),
        expect![[r#"
        {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"2026-11-21T23:05:41.000000Z","kind":"change","id":"r1","tenant":"default","actor":"owner:uid:1000","action":"agent.add","subject":"agent:alice"}
    "#]],
    );
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let record = ChangeRecord {
        peer: Some("127.0.0.1:9".to_owned()),
        detail: vec![
            pair("origin", "https://a"),
            pair("version", "3"),
            pair("origin", "https://b"),
        ],
        ..change("r1")
    };
    check(
        &Line::Record(&Record::Changed(record)),
        expect![[r#"
        {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"2026-11-21T23:05:41.000000Z","kind":"change","id":"r1","tenant":"default","actor":"owner:uid:1000","peer":"127.0.0.1:9","action":"agent.add","subject":"agent:alice","detail":{"origin":["https://a","https://b"],"version":"3"}}
    "#]],
    );
}

#[test]
fn refusals() {
    let record = Record::Refused {
        id: id("e1"),
        time: Timestamp(START),
        since: Timestamp(START - 10_000_000),
        reason: "token_unknown",
        count: 17,
        last_peer: "127.0.0.1:50000".to_owned(),
    };
    check(
        &Line::Record(&record),
        expect![[r#"
        {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"2026-11-21T23:05:41.000000Z","kind":"edge.refused","id":"e1","since":"2026-11-21T23:05:31.000000Z","reason":"token_unknown","count":17,"last_peer":"127.0.0.1:50000"}
    "#]],
    );
}

#[test]
fn the_log_itself() {
    let (time, log) = (Timestamp(START), "lanyard/audit/00ff");
    let open = BTreeSet::new();
    let line = SegmentLine { time, log, segment: 1, checkpoint: None, open: &open };
    check(
        &Line::Segment(line),
        expect![[r#"
        {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"2026-11-21T23:05:41.000000Z","kind":"log.segment","format":1,"log":"lanyard/audit/00ff","segment":1}
    "#]],
    );
    let open = [id("c2"), id("c1")].into();
    let line = SegmentLine { time, log, segment: 2, checkpoint: Some("a\nb\n"), open: &open };
    check(
        &Line::Segment(line),
        expect![[r#"
        {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"2026-11-21T23:05:41.000000Z","kind":"log.segment","format":1,"log":"lanyard/audit/00ff","segment":2,"checkpoint":"a\nb\n","open":["c1","c2"]}
    "#]],
    );
    let line =
        RecoveredLine { time, unsigned: 2, cut_bytes: 9, cut_file: Some("torn-1"), abandoned: 1 };
    check(
        &Line::Recovered(line),
        expect![[r#"
        {"seq":42,"prev":"abababababababababababababababababababababababababababababababab","time":"2026-11-21T23:05:41.000000Z","kind":"log.recovered","unsigned":2,"cut_bytes":9,"cut_file":"torn-1","abandoned":1}
    "#]],
    );
}

#[test]
fn what_is_not_in_the_canonical_form_is_not_read() {
    let good = format!(
        "{{\"seq\":42,\"prev\":\"{}\",\"time\":\"t\",\"kind\":\"k\",\"x\":1}}\n",
        "ab".repeat(32)
    );
    assert!(Head::read(good.as_bytes()).is_some());
    for (from, to) in [
        ("\n", ""),
        ("}\n", "\n"),
        ("42", "042"),
        ("42", "+42"),
        ("42", ""),
        ("42", "99999999999999999999"),
        ("\"seq\":42", "\"seq\": 42"),
        ("abab", "ABAB"),
        ("abab", "ab"),
        ("\"prev\"", "\"before\""),
        (",\"kind\"", ",\"what\""),
    ] {
        let line = good.replacen(from, to, 1);
        assert_ne!(line, good);
        assert_eq!(Head::read(line.as_bytes()), None, "{line}");
    }
}
