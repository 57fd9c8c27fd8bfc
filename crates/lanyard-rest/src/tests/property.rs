//! For any values: what is sent reads back as those values, by readers that are not ours, and as
//! nothing else. For any text: reading it as a file gives an answer.

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{Options, parsed, tool, with_context};
use crate::{Parsed, RenderError, Rendered, RequestPlan};

const FILE: &str = r#"
server: {name: s}
tools:
- {name: places, description: d,
   args: [{name: p, position: path}, {name: q, position: query}, {name: r, position: query}, {name: c, position: cookie}, {name: h, wireName: X-H, position: header}],
   requestTemplate: {url: "https://h.example/v1/{p}/end"}}
- {name: json, description: d, args: [{name: a, position: body}, {name: b, position: body}],
   requestTemplate: {url: "https://h.example/", method: POST}}
- {name: form, description: d, args: [{name: a}, {name: b}],
   requestTemplate: {url: "https://h.example/", method: POST, argsToFormBody: true}}
- {name: multipart, description: d, args: [{name: a}, {name: b}],
   requestTemplate: {url: "https://h.example/", method: POST, argsToMultipartBody: true}}
- {name: url, description: d, args: [{name: a}, {name: b}],
   requestTemplate: {url: "https://h.example/v1/{{.args.a}}/end?x={{.args.b}}&fixed=1"}}
- {name: json_template, description: d, args: [{name: a}, {name: b}],
   requestTemplate: {url: "https://h.example/", method: POST, body: '{"a": "{{.args.a}}", "b": {{toJson .args.b}}, "c": "<{{.args.a}}>", "fixed": 1}'}}
- {name: form_template, description: d, args: [{name: a}, {name: b}],
   requestTemplate: {url: "https://h.example/", method: POST, headers: [{key: Content-Type, value: application/x-www-form-urlencoded}], body: 'a={{.args.a}}&b={{.args.b}}&fixed=1'}}
- {name: deep, description: d, args: [{name: a, type: object, position: query, style: deepObject}],
   requestTemplate: {url: "https://h.example/"}}
"#;

fn call(
    parsed: &Parsed,
    name: &str,
    arguments: &[(&str, Value)],
) -> Result<RequestPlan, RenderError> {
    let arguments: Map<String, Value> =
        arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    match with_context(|context| tool(parsed, name).render(&arguments, context))? {
        Rendered::Request(plan) => Ok(plan),
        Rendered::Direct(_) => panic!("{name} sends a request"),
    }
}

/// Any text, often with the characters that mean something somewhere.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,12}",
        "[-./%&=?#+;:@{}\\[\\]\"'\\\\ \r\n\t\u{0}\u{7f}<>|,a2eé~]{0,12}",
        Just("..".to_owned()),
        Just("{p}".to_owned()),
        Just("{{.config.x}}".to_owned()),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec((text(), inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

fn pairs(query: &str, space: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (decoded(&name.replace('+', space)), decoded(&value.replace('+', space)))
    };
    query.split('&').map(pair).collect()
}

fn header<'a>(plan: &'a RequestPlan, wanted: &str) -> Vec<&'a str> {
    let named = plan.headers.iter().filter(|(name, _)| name == wanted);
    named.map(|(_, value)| value.as_str()).collect()
}

/// What a path cannot hold as one segment.
fn is_no_segment(text: &str) -> bool {
    matches!(text, "" | "." | "..")
}

fn is_plain(target: &str) -> bool {
    target.bytes().all(|byte| byte.is_ascii_graphic())
}

fn own(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

proptest! {
    #[test]
    fn path_query_and_cookie_read_back(p in text(), q in text(), r in text(), c in text()) {
        let parsed = parsed(FILE);
        let values = [("p", &p), ("q", &q), ("r", &r), ("c", &c)];
        let values = values.map(|(name, value)| (name, Value::String(value.clone())));
        let sent = call(&parsed, "places", &values);
        prop_assert_eq!(sent.is_err(), is_no_segment(&p));
        if let Ok(plan) = sent {
            prop_assert!(is_plain(&plan.target));
            let (path, query) = plan.target.split_once('?').unwrap();
            let segments: Vec<String> = path.split('/').map(decoded).collect();
            prop_assert_eq!(segments, ["", "v1", &p, "end"]);
            prop_assert_eq!(pairs(query, "+"), [own("q", &q), own("r", &r)]);
            let cookies = header(&plan, "Cookie");
            prop_assert_eq!(cookies.len(), 1);
            prop_assert!(!cookies[0].contains([';', ',', ' ', '"', '\\']));
            prop_assert_eq!(pairs(cookies[0], "+"), [own("c", &c)]);
        }
    }

    #[test]
    fn a_header_is_its_value_or_nothing(h in text()) {
        let parsed = parsed(FILE);
        let values = [("p", Value::from("x")), ("h", Value::String(h.clone()))];
        let whole = h.trim_matches([' ', '\t']) == h;
        let bad = h.contains(|c: char| c.is_control() && c != '\t') || !whole;
        match call(&parsed, "places", &values) {
            Ok(plan) => {
                prop_assert!(!bad);
                prop_assert_eq!(header(&plan, "X-H"), [h.as_str()]);
                prop_assert_eq!(plan.headers.len(), 3);
            }
            Err(error) => prop_assert!(bad, "{}", error),
        }
    }

    #[test]
    fn json_bodies_read_back(a in json(), b in json()) {
        let parsed = parsed(FILE);
        let plan = call(&parsed, "json", &[("a", a.clone()), ("b", b.clone())]).unwrap();
        let body: Value = serde_json::from_slice(&plan.body).unwrap();
        prop_assert_eq!(body, serde_json::json!({ "a": a, "b": b }));
    }

    #[test]
    fn forms_read_back(a in text(), b in text()) {
        let parsed = parsed(FILE);
        let values = [("a", Value::String(a.clone())), ("b", Value::String(b.clone()))];
        for (name, fixed) in [("form", None), ("form_template", Some(own("fixed", "1")))] {
            let plan = call(&parsed, name, &values).unwrap();
            let expected: Vec<_> = [own("a", &a), own("b", &b)].into_iter().chain(fixed).collect();
            prop_assert_eq!(pairs(std::str::from_utf8(&plan.body).unwrap(), " "), expected);
        }
    }

    #[test]
    fn parts_read_back(a in text(), b in text()) {
        let parsed = parsed(FILE);
        let values = [("a", Value::String(a.clone())), ("b", Value::String(b.clone()))];
        let plan = call(&parsed, "multipart", &values).unwrap();
        let content_type = header(&plan, "Content-Type")[0];
        let (_, boundary) = content_type.split_once("boundary=").unwrap();
        let body = std::str::from_utf8(&plan.body).unwrap();
        let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
        let part = |name: &str, value: &str| {
            format!("\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        prop_assert_eq!(parts, ["", &part("a", &a), &part("b", &b), "--\r\n"]);
    }

    #[test]
    fn url_templates_read_back(a in text(), b in text()) {
        let parsed = parsed(FILE);
        let values = [("a", Value::String(a.clone())), ("b", Value::String(b.clone()))];
        let sent = call(&parsed, "url", &values);
        prop_assert_eq!(sent.is_err(), is_no_segment(&a));
        if let Ok(plan) = sent {
            prop_assert!(is_plain(&plan.target));
            let (path, query) = plan.target.split_once('?').unwrap();
            let segments: Vec<String> = path.split('/').map(decoded).collect();
            prop_assert_eq!(segments, ["", "v1", &a, "end"]);
            prop_assert_eq!(pairs(query, "+"), [own("x", &b), own("fixed", "1")]);
        }
    }

    #[test]
    fn json_templates_read_back(a in text(), b in json()) {
        let parsed = parsed(FILE);
        let values = [("a", Value::String(a.clone())), ("b", b.clone())];
        let plan = call(&parsed, "json_template", &values).unwrap();
        let body: Value = serde_json::from_slice(&plan.body).unwrap();
        let expected = serde_json::json!({"a": a, "b": b, "c": format!("<{a}>"), "fixed": 1});
        prop_assert_eq!(body, expected);
    }

    #[test]
    fn members_of_a_deep_object_keep_its_name(value in json()) {
        let parsed = parsed(FILE);
        if let (true, Ok(plan)) = (value.is_object(), call(&parsed, "deep", &[("a", value)]))
            && let Some((_, query)) = plan.target.split_once('?')
        {
            for (name, _) in pairs(query, "+") {
                prop_assert!(name.starts_with("a[") && name.ends_with(']'), "{}", name);
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        let _either = Options::default().parse(&text);
    }

    /// A file with a piece cut out, or with a piece of itself put in.
    #[test]
    fn a_damaged_file_is_read_or_refused(start in 0..3000_usize, length in 0..200_usize, to in 0..3000_usize) {
        let whole: Vec<char> = include_str!("../../testdata/constructs.yaml").chars().collect();
        let (start, to) = (start.min(whole.len()), to.min(whole.len()));
        let end = start.saturating_add(length).min(whole.len());
        let cut: String = whole[..start].iter().chain(&whole[end..]).collect();
        let put: String = whole[..to].iter().chain(&whole[start..end]).chain(&whole[to..]).collect();
        for text in [cut, put] {
            if let Ok(parsed) = Options::default().parse(&text) {
                // What is stored reads again.
                prop_assert!(Options::default().parse(&parsed.source).is_ok(), "{}", parsed.source);
            }
        }
    }
}
