//! What each form makes of records, and that pieces of any size make the same.

use expect_test::{Expect, expect};
use lanyard_core::{ClientNote, Record, UserName};

use super::{Exporter, Form};
use crate::audit::fixture::{allowed, change, closed, denied, open, place};
use crate::audit::{Filter, export};

/// A call with all that a record can tell, one without an end, a denial, a change.
fn lines() -> Vec<u8> {
    let place = place();
    let (log, _) = open(place.path()).unwrap();
    let Record::Opened(mut call) = allowed("c1") else { panic!() };
    call.who.user = Some(UserName::parse("bob@example.com").unwrap());
    call.facts.client = Some(ClientNote { name: "=HYPERLINK()".to_owned(), version: None });
    call.facts.trace = Some("11".repeat(16));
    call.facts.policy = Some(4);
    call.facts.shadow = vec!["policy:hours".to_owned()];
    log.append(&Record::Opened(call)).unwrap();
    log.append(&allowed("c2")).unwrap();
    log.append(&closed("c1")).unwrap();
    let Record::Opened(mut no) = denied("d1") else { panic!() };
    no.tool = Some("=1+1,\"a\"\n".to_owned());
    no.who.peer = "uid:1000,pid:7".to_owned();
    log.append(&Record::Opened(no)).unwrap();
    log.append(&Record::Changed(change("r1"))).unwrap();
    log.close().unwrap();
    let mut lines = Vec::new();
    export(place.path(), &Filter::default(), &mut lines).unwrap();
    lines
}

fn written(form: Form, lines: &[u8], piece: usize) -> String {
    let (mut exporter, mut out) = (Exporter::new(form), Vec::new());
    for bytes in lines.chunks(piece) {
        exporter.take(bytes, &mut out).unwrap();
    }
    assert_eq!(exporter.records(), 6);
    exporter.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn check(form: Form, expected: Expect) {
    let lines = lines();
    let whole = written(form, &lines, lines.len());
    expected.assert_eq(&whole.replace('\r', ""));
    for piece in [1, 7, 1000] {
        assert_eq!(written(form, &lines, piece), whole);
    }
}

#[test]
fn the_logs_own_lines_are_as_they_are() {
    let lines = lines();
    assert_eq!(written(Form::Jsonl, &lines, 5).as_bytes(), lines);
}

#[test]
fn csv() {
    check(
        Form::Csv,
        expect![[r#"
        time,kind,id,tenant,agent,user,actor,token,peer,method,server,tool,action,subject,allowed_by,denied_code,denied_detail,denied_by,policy,shadow,obligations,approval,status,failure,upstream_status,took_micros,masked,upstream_bytes,result_bytes,pin,credentials,client,trace,arguments_digest,continues,detail,snapshot,reason,count,since,last_peer,ended,seq
        2026-11-21T23:05:41.000000Z,call.open,c1,default,alice,bob@example.com,,t1,127.0.0.1:50000,tools/call,billing,get-invoice,,,grant:alice/billing,,,,4,policy:hours,,,answered,,200,2500,0,120,96,,,"{""name"":""=HYPERLINK()""}",11111111111111111111111111111111,abababababababababababababababababababababababababababababababab,,,7,,,,,2026-11-21T23:05:41.002500Z,2
        2026-11-21T23:05:41.000000Z,call.denied,d1,default,alice,,,t1,"uid:1000,pid:7",tools/call,billing,"'=1+1,""a""\u{a}",,,,tool_not_granted,,,,,,,,,,,,,,,,,,abababababababababababababababababababababababababababababababab,,,7,,,,,,5
        2026-11-21T23:05:41.000000Z,change,r1,default,,,owner:uid:1000,,,,,,agent.add,agent:alice,,,,,,,,,,,,,,,,,,,,,,,,,,,,,6
        2026-11-21T23:05:41.000000Z,call.open,c2,default,alice,,,t1,127.0.0.1:50000,tools/call,billing,get-invoice,,,grant:alice/billing,,,,,,,,,,,,,,,,,,,abababababababababababababababababababababababababababababababab,,,7,,,,,,3
    "#]],
    );
}

#[test]
fn ocsf() {
    check(
        Form::Ocsf,
        expect![[r#"
            {"class_uid":6003,"class_name":"API Activity","category_uid":6,"category_name":"Application Activity","activity_id":99,"activity_name":"Call","type_uid":600399,"type_name":"API Activity: Call","severity_id":1,"severity":"Informational","status_id":1,"status":"Success","time":1795302341000,"metadata":{"version":"1.5.0","product":{"name":"Lanyard","vendor_name":"Lanyard","version":"0.1.0"},"log_name":"audit","uid":"c1","original_time":"2026-11-21T23:05:41.000000Z","event_code":"call.open","sequence":2,"tenant_uid":"default","correlation_uid":"11111111111111111111111111111111"},"actor":{"user":{"name":"bob@example.com","uid":"bob@example.com","type_id":1,"type":"User","account":{"name":"default","uid":"default","type_id":99,"type":"Tenant"},"credential_uid":"t1"},"app_name":"alice","app_uid":"alice","authorizations":[{"decision":"Allowed","policy":{"name":"grant:alice/billing","uid":"grant:alice/billing","is_applied":true,"version":"4"}},{"decision":"Denied","policy":{"name":"policy:hours","uid":"policy:hours","is_applied":false,"version":"4"}}]},"api":{"operation":"tools/call","service":{"name":"billing","uid":"billing","version":"7"},"request":{"uid":"c1"},"response":{"code":200}},"src_endpoint":{"ip":"127.0.0.1","port":50000},"start_time":1795302341000,"end_time":1795302341002,"duration":2,"resources":[{"name":"get-invoice","uid":"billing/get-invoice","type":"tool","namespace":"default"}],"enrichments":[{"name":"client","value":"=HYPERLINK()","data":{"name":"=HYPERLINK()"},"provider":"the client itself","desc":"What the client calls itself. It is no identity."}],"unmapped":{"arguments_digest":"abababababababababababababababababababababababababababababababab","snapshot":7,"status":"answered","upstream_bytes":120,"result_bytes":96,"masked":0,"took_micros":2500}}
            {"class_uid":6003,"class_name":"API Activity","category_uid":6,"category_name":"Application Activity","activity_id":99,"activity_name":"Call","type_uid":600399,"type_name":"API Activity: Call","severity_id":3,"severity":"Medium","status_id":2,"status":"Failure","time":1795302341000,"metadata":{"version":"1.5.0","product":{"name":"Lanyard","vendor_name":"Lanyard","version":"0.1.0"},"log_name":"audit","uid":"d1","original_time":"2026-11-21T23:05:41.000000Z","event_code":"call.denied","sequence":5,"tenant_uid":"default"},"actor":{"user":{"name":"alice","uid":"alice","type_id":99,"type":"Agent","account":{"name":"default","uid":"default","type_id":99,"type":"Tenant"},"credential_uid":"t1"},"app_name":"alice","app_uid":"alice"},"api":{"operation":"tools/call","service":{"name":"billing","uid":"billing","version":"7"},"request":{"uid":"d1"},"response":{"error":"tool_not_granted"}},"src_endpoint":{"name":"uid:1000,pid:7","type_id":99,"type":"Unix socket"},"status_code":"tool_not_granted","resources":[{"name":"=1+1,\"a\"\n","uid":"billing/=1+1,\"a\"\n","type":"tool","namespace":"default"}],"unmapped":{"arguments_digest":"abababababababababababababababababababababababababababababababab","snapshot":7}}
            {"class_uid":6003,"class_name":"API Activity","category_uid":6,"category_name":"Application Activity","activity_id":1,"activity_name":"Create","type_uid":600301,"type_name":"API Activity: Create","severity_id":1,"severity":"Informational","status_id":1,"status":"Success","time":1795302341000,"metadata":{"version":"1.5.0","product":{"name":"Lanyard","vendor_name":"Lanyard","version":"0.1.0"},"log_name":"audit","uid":"r1","original_time":"2026-11-21T23:05:41.000000Z","event_code":"change","sequence":6,"tenant_uid":"default"},"actor":{"user":{"name":"owner:uid:1000","uid":"owner:uid:1000","type_id":2,"type":"Admin","account":{"name":"default","uid":"default","type_id":99,"type":"Tenant"}}},"api":{"operation":"agent.add","service":{"name":"lanyard","uid":"lanyard","version":"0.1.0"},"request":{"uid":"r1"}},"src_endpoint":{"name":"lanyard","type_id":99,"type":"Local"},"resources":[{"name":"alice","uid":"agent:alice","type":"agent","namespace":"default"}]}
            {"class_uid":6003,"class_name":"API Activity","category_uid":6,"category_name":"Application Activity","activity_id":99,"activity_name":"Call","type_uid":600399,"type_name":"API Activity: Call","severity_id":1,"severity":"Informational","status_id":0,"status":"Unknown","time":1795302341000,"metadata":{"version":"1.5.0","product":{"name":"Lanyard","vendor_name":"Lanyard","version":"0.1.0"},"log_name":"audit","uid":"c2","original_time":"2026-11-21T23:05:41.000000Z","event_code":"call.open","sequence":3,"tenant_uid":"default"},"actor":{"user":{"name":"alice","uid":"alice","type_id":99,"type":"Agent","account":{"name":"default","uid":"default","type_id":99,"type":"Tenant"},"credential_uid":"t1"},"app_name":"alice","app_uid":"alice","authorizations":[{"decision":"Allowed","policy":{"name":"grant:alice/billing","uid":"grant:alice/billing","is_applied":true}}]},"api":{"operation":"tools/call","service":{"name":"billing","uid":"billing","version":"7"},"request":{"uid":"c2"}},"src_endpoint":{"ip":"127.0.0.1","port":50000},"resources":[{"name":"get-invoice","uid":"billing/get-invoice","type":"tool","namespace":"default"}],"unmapped":{"arguments_digest":"abababababababababababababababababababababababababababababababab","snapshot":7}}
        "#]],
    );
}

#[test]
fn nothing_is_still_a_table() {
    let mut out = Vec::new();
    Exporter::new(Form::Csv).finish(&mut out).unwrap();
    assert!(out.starts_with(b"time,kind,id,"));
}
