//! Payloads are found by what they are about, and are no part of what a search gives.

use lanyard_core::{PayloadKept, PayloadRecord, Record};

use super::*;
use crate::audit::fixture::{START, allowed, closed, id, open, place, report};
use crate::audit::{Filter, export, search};

fn payload(call: &str, subject: &str, part: PayloadPart, at: i64) -> Record {
    Record::Payload(Box::new(PayloadRecord {
        id: id(call),
        time: Timestamp(START.strict_add(at)),
        tenant: TenantName::default_tenant(),
        subject: subject.parse().unwrap(),
        part,
        bytes: 100,
        kept: PayloadKept::Sealed { key: id("key"), kept_bytes: 64, sealed: vec![7; 92] },
    }))
}

fn lost(call: &str) -> Record {
    let Record::Payload(mut record) = payload(call, "user:ann", PayloadPart::Result, 9) else {
        panic!("no payload")
    };
    record.kept = PayloadKept::Lost { why: "erased" };
    Record::Payload(record)
}

fn all() -> PayloadFilter {
    let tenant = TenantName::default_tenant();
    PayloadFilter { tenant, subject: None, call: None, since: None, until: None }
}

fn told(directory: &Path, filter: &PayloadFilter) -> String {
    let mut told = Vec::new();
    payloads(directory, filter, |it| {
        let kept = it.lost.unwrap_or_else(|| format!("{}of{}", it.kept_bytes, it.bytes));
        let sealed = it.sealed.len();
        told.push(format!("{} {} {} {kept} {sealed}", it.call, it.subject, it.part.as_str()));
    })
    .unwrap();
    told.join("\n")
}

#[test]
fn payloads_stand_beside_calls() {
    let home = place();
    let (log, _) = open(home.path()).unwrap();
    for record in [
        allowed("c1"),
        payload("c1", "user:ann", PayloadPart::Arguments, 1),
        allowed("c2"),
        payload("c2", "agent:alice", PayloadPart::Arguments, 2),
        lost("c1"),
        closed("c1"),
        payload("c2", "agent:alice", PayloadPart::Error, 10),
        closed("c2"),
    ] {
        log.append(&record).unwrap();
    }
    log.wait_synced_all().unwrap();
    assert_eq!(report(home.path()).records, 9);
    assert_eq!(
        told(home.path(), &all()),
        "c1 user:ann arguments 64of100 0\nc2 agent:alice arguments 64of100 0\n\
         c1 user:ann result erased 0\nc2 agent:alice error 64of100 0"
    );
    let ann = PayloadFilter { subject: Some("user:ann".parse().unwrap()), ..all() };
    assert_eq!(told(home.path(), &ann).lines().count(), 2);
    let call = PayloadFilter { call: Some(id("c2")), ..all() };
    assert_eq!(
        told(home.path(), &call),
        "c2 agent:alice arguments 64of100 92\nc2 agent:alice error 64of100 92"
    );
    let since = PayloadFilter { since: Some(Timestamp(START + 9)), ..all() };
    assert_eq!(told(home.path(), &since).lines().count(), 2);
    let until = PayloadFilter { until: Some(Timestamp(START + 9)), ..all() };
    assert_eq!(told(home.path(), &until).lines().count(), 2);
    let other = PayloadFilter { tenant: TenantName::parse("acme").unwrap(), ..all() };
    assert_eq!(told(home.path(), &other), "");

    // A call is still one entry, and the log itself is whole.
    let found = search(home.path(), &Filter::default()).unwrap();
    assert_eq!(found.iter().filter(|it| it.record.contains("call.payload")).count(), 0);
    assert!(found.iter().any(|it| it.close.is_some()));
    let kind = Some(CALL_PAYLOAD.to_owned());
    let found = search(home.path(), &Filter { kind, ..Filter::default() }).unwrap();
    assert_eq!(found.len(), 4);
    let exported = |filter: &Filter| {
        let mut lines = Vec::new();
        export(home.path(), filter, &mut lines).unwrap();
        String::from_utf8(lines).unwrap().matches("call.payload").count()
    };
    assert_eq!(exported(&Filter::default()), 4);
    let of_one = Filter { id: Some(id("c1")), ..Filter::default() };
    assert_eq!(exported(&of_one), 2);
    let agent = Some(lanyard_core::AgentName::parse("nobody").unwrap());
    assert_eq!(exported(&Filter { agent, ..Filter::default() }), 0);
}
