//! Tests of `input`.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{
    ClientCapability, InputRequired, Retry, can_be_asked, input_required_result, needs_capability,
    question_for, retry_params, url_elicitations, with_request_state,
};
use crate::Version;
use crate::results::{Implementation, Stamp};

const NEW: Version = Version::V2026_07_28;
const OLD: Version = Version::V2025_11_25;

#[track_caller]
fn reads(result: &str, expected: Expect) {
    let shown = InputRequired::read(result).map(|input| {
        let asked: Vec<_> = input
            .requests()
            .iter()
            .map(|(key, method, params)| format!("{key}: {method} {params:?}"))
            .collect();
        format!("{}; state {:?}", asked.join(", "), input.request_state())
    });
    expected.assert_eq(&shown.unwrap_or_else(|| "none".to_owned()));
}

#[test]
fn what_does_not_ask_for_input() {
    for result in [
        "7",
        "{}",
        r#"{"inputRequests":{"a":{"method":"roots/list"}}}"#,
        r#"{"resultType":"complete","requestState":"s"}"#,
        r#"{"resultType":"input_required"}"#,
        r#"{"resultType":"input_required","requestState":null}"#,
        r#"{"resultType":"input_required","requestState":7}"#,
        r#"{"resultType":"input_required","inputRequests":[]}"#,
        r#"{"resultType":"input_required","inputRequests":{"a":{}}}"#,
        r#"{"resultType":"input_required","inputRequests":{"a":"roots/list"}}"#,
        r#"{"resultType":"input_required","inputRequests":{"a":{"method":7}}}"#,
        r#"{"resultType":"input_required","inputRequests":{"a":{"method":"m","params":[]}}}"#,
    ] {
        assert!(InputRequired::read(result).is_none(), "{result}");
    }
}

#[test]
fn only_some_requests_of_a_stateless_client_can_be_answered_by_a_question() {
    for method in ["tools/call", "prompts/get", "resources/read"] {
        assert!(can_be_asked(NEW, method) && can_be_asked(OLD, method), "{method}");
    }
    for method in ["completion/complete", "tasks/get", "vendor/method"] {
        assert!(!can_be_asked(NEW, method) && can_be_asked(OLD, method), "{method}");
    }
}

#[test]
fn what_asks_for_input() {
    reads(
        r#"{"resultType":"input_required","requestState":"s\u0061"}"#,
        expect![[r#"; state Some("\"s\\u0061\"")"#]],
    );
    reads(
        r#"{"inputRequests":{"k\"":{"method":"roots/list"},"b":{"params":{"n":1e2},"method":"elicitation/create"}},"resultType":"input_required"}"#,
        expect![[
            r#"k": roots/list None, b: elicitation/create Some(RawValue({"n":1e2})); state None"#
        ]],
    );
}

#[test]
fn asking_for_input() {
    let server = Implementation { name: "s".into(), title: None, version: "1".into() };
    let stamp = Stamp { version: NEW, server: &server };
    let requests = [("a", "roots/list", None), ("b\"", "sampling/createMessage", Some("{}"))];
    let result = input_required_result(stamp, &requests, Some("x\n"));
    expect![[r#"{"resultType":"input_required","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}},"inputRequests":{"a":{"method":"roots/list"},"b\"":{"method":"sampling/createMessage","params":{}}},"requestState":"x\n"}"#]].assert_eq(&result);
    reads(
        &result,
        expect![[
            r#"a: roots/list None, b": sampling/createMessage Some(RawValue({})); state Some("\"x\\n\"")"#
        ]],
    );
    let result = with_request_state(&result, "other").unwrap();
    assert!(result.ends_with(r#""requestState":"other"}"#), "{result}");
    let nothing = input_required_result(stamp, &[], Some("x"));
    assert!(!nothing.contains("inputRequests"), "{nothing}");
    reads(&nothing, expect![[r#"; state Some("\"x\"")"#]]);
}

#[test]
fn coming_back() {
    assert!(Retry::read("{}").is_none());
    assert!(Retry::read("[]").is_none());
    let retry = Retry::read(r#"{"inputResponses":[],"requestState":7}"#).unwrap();
    assert_eq!((retry.responses().len(), retry.request_state()), (0, None));
    let params =
        r#"{"name":"t","inputResponses":{"a":{"action":"accept"},"b":7},"requestState":"\u0073"}"#;
    let retry = Retry::read(params).unwrap();
    assert_eq!(retry.response("a").as_deref(), Some(r#"{"action":"accept"}"#));
    assert_eq!(retry.response("b"), None);
    assert_eq!(retry.request_state(), Some(r#""\u0073""#));
    let again = retry_params(params, &[("c", "{ }")], retry.request_state());
    expect![[r#"{"name":"t","inputResponses":{"c":{ }},"requestState":"\u0073"}"#]]
        .assert_eq(&again);
    expect![[r#"{"name":"t","inputResponses":{}}"#]].assert_eq(&retry_params::<&str, &str>(
        params,
        &[],
        None,
    ));
}

#[test]
fn what_a_client_cannot_do_it_is_not_asked() {
    use ClientCapability::{Elicitation, ElicitationUrl, Roots, Sampling, SamplingTools};
    let url = Some(r#"{"mode":"url"}"#);
    let tools = Some(r#"{"tools":[]}"#);
    for (method, params, capabilities, lacks) in [
        ("sampling/createMessage", None, "{}", Some(Sampling)),
        ("sampling/createMessage", None, r#"{"sampling":null}"#, Some(Sampling)),
        ("sampling/createMessage", tools, "{}", Some(Sampling)),
        ("sampling/createMessage", tools, r#"{"sampling":{}}"#, Some(SamplingTools)),
        ("sampling/createMessage", None, r#"{"sampling":{}}"#, None),
        ("sampling/createMessage", tools, r#"{"sampling":{"tools":{}}}"#, None),
        ("elicitation/create", None, "{}", Some(Elicitation)),
        ("elicitation/create", None, r#"{"elicitation":{"url":{}}}"#, Some(Elicitation)),
        ("elicitation/create", url, r#"{"elicitation":{}}"#, Some(ElicitationUrl)),
        ("elicitation/create", None, r#"{"elicitation":{}}"#, None),
        ("elicitation/create", None, r#"{"elicitation":{"form":{},"url":{}}}"#, None),
        ("elicitation/create", url, r#"{"elicitation":{"url":{}}}"#, None),
        ("roots/list", None, "[]", Some(Roots)),
        ("roots/list", None, r#"{"roots":{"listChanged":true}}"#, None),
        ("x/unknown", None, "{}", None),
    ] {
        let actual = needs_capability(method, params, capabilities);
        assert_eq!(actual.err(), lacks, "{method} {params:?} {capabilities}");
    }
    for lacks in [Sampling, SamplingTools, Elicitation, ElicitationUrl, Roots] {
        // What is told to be missing is enough once it is there.
        assert!(lacks.is_in(lacks.as_json()), "{lacks}");
    }
}

#[test]
fn questions_for_each_version() {
    let url = r#"{"mode":"url","url":"u","elicitationId":"own"}"#;
    let bare = r#"{"mode":"url","url":"u"}"#;
    let form = r#"{"mode":"form","message":"m"}"#;
    let task = r#"{"task":{"ttl":1},"messages":[],"_meta":{"progressToken":1}}"#;
    let meta = r#"{"messages":[],"_meta":{"a":1,"progressToken":1},"elicitationId":"kept"}"#;
    let mut shown = String::new();
    for (method, params) in [
        ("elicitation/create", url),
        ("elicitation/create", bare),
        ("elicitation/create", form),
        ("sampling/createMessage", task),
        ("sampling/createMessage", meta),
        ("roots/list", "7"),
    ] {
        for version in [Version::V2025_06_18, OLD, NEW] {
            let question = question_for(version, method, Some(params), "made\"up").unwrap();
            shown += &format!("{version} {question}\n");
        }
    }
    expect![[r#"
        2025-06-18 {"mode":"url","url":"u","elicitationId":"own"}
        2025-11-25 {"mode":"url","url":"u","elicitationId":"own"}
        2026-07-28 {"mode":"url","url":"u"}
        2025-06-18 {"mode":"url","url":"u","elicitationId":"made\"up"}
        2025-11-25 {"mode":"url","url":"u","elicitationId":"made\"up"}
        2026-07-28 {"mode":"url","url":"u"}
        2025-06-18 {"message":"m"}
        2025-11-25 {"mode":"form","message":"m"}
        2026-07-28 {"mode":"form","message":"m"}
        2025-06-18 {"task":{"ttl":1},"messages":[],"_meta":{"progressToken":1}}
        2025-11-25 {"task":{"ttl":1},"messages":[],"_meta":{"progressToken":1}}
        2026-07-28 {"messages":[]}
        2025-06-18 {"messages":[],"_meta":{"a":1,"progressToken":1},"elicitationId":"kept"}
        2025-11-25 {"messages":[],"_meta":{"a":1,"progressToken":1},"elicitationId":"kept"}
        2026-07-28 {"messages":[],"_meta":{"a":1},"elicitationId":"kept"}
        2025-06-18 7
        2025-11-25 7
        2026-07-28 7
    "#]]
    .assert_eq(&shown);
    assert_eq!(question_for(NEW, "roots/list", None, "x"), None);
}

#[test]
fn urls_that_must_be_visited_first() {
    let error = r#"{"code":-32042,"message":"m","data":{"elicitations":[{"mode":"url","url":"u","elicitationId":"e","message":"m"}]}}"#;
    let listed: Vec<_> = url_elicitations(error).unwrap().iter().map(|raw| raw.get()).collect();
    assert_eq!(listed, [r#"{"mode":"url","url":"u","elicitationId":"e","message":"m"}"#]);
    for other in [
        "7",
        r#"{"code":-32042}"#,
        r#"{"code":-32042,"data":{"elicitations":[]}}"#,
        r#"{"code":-32042,"data":{"elicitations":[7]}}"#,
        r#"{"code":-32602,"data":{"elicitations":[{}]}}"#,
    ] {
        assert!(url_elicitations(other).is_none(), "{other}");
    }
}

proptest! {
    #[test]
    fn what_is_asked_for_is_read_back(
        asked in prop::collection::btree_map("[ -~é]{0,6}", ("[a-z/]{1,8}", any::<bool>()), 0..4),
        state in prop::option::of("[ -~é\n]{0,8}"),
    ) {
        let server = Implementation { name: "s".into(), title: None, version: "1".into() };
        let stamp = Stamp { version: NEW, server: &server };
        let requests: Vec<(&str, &str, Option<&str>)> = asked
            .iter()
            .map(|(key, (method, some))| (key.as_str(), method.as_str(), some.then_some("{\"a\":1.0}")))
            .collect();
        let result = input_required_result(stamp, &requests, state.as_deref());
        let read = InputRequired::read(&result);
        // Without anything that is asked for, and without a state, there is nothing to come back to.
        prop_assert_eq!(read.is_some(), !requests.is_empty() || state.is_some());
        let Some(read) = read else { return Ok(()) };
        let back: Vec<(&str, &str, Option<&str>)> = read
            .requests()
            .iter()
            .map(|(key, method, params)| (key.as_ref(), method.as_ref(), params.map(|raw| raw.get())))
            .collect();
        prop_assert_eq!(back, requests);
        let state = state.map(|state| serde_json::Value::from(state).to_string());
        prop_assert_eq!(read.request_state(), state.as_deref());
    }

    #[test]
    fn nothing_panics(text in "[{}\\[\\]\":,\\\\a_metresulTypinpuRqs ]{0,24}") {
        drop((InputRequired::read(&text), Retry::read(&text), url_elicitations(&text)));
        drop(question_for(NEW, "elicitation/create", Some(&text), &text));
        drop(question_for(OLD, "elicitation/create", Some(&text), &text));
        drop(retry_params(&text, &[(&text, "{}")], None));
        let lacks = needs_capability("elicitation/create", Some(&text), "{}");
        prop_assert!(lacks.is_err());
    }
}
