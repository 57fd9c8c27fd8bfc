//! Properties: no text panics, and values come back as they were.

use lanyard_core::Limits;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Context, render_in, render_value};

const CONTEXTS: [Context; 6] =
    [Context::Plain, Context::Header, Context::Url, Context::Json, Context::Form, Context::Other];

/// Pieces of templates, so that many of the texts get past the parser.
fn template() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(vec![
            "{{", "}}", "{{-", "-}}", "{{end}}", "{{else}}", "{{if .args.a}}", "{{range .args.b}}", "{{with .config}}",
            "{{range $i, $e := .}}", "{{$i}}", "{{.args.a}}", "{{.config.k}}", "{{.}}", "{{toJson .}}", "{\"a\":", ",\"b\":\"", "\"}", "[", "]", ",",
            "https://", "/", "?", "&", "=", "#", "x", " ", "\n", "{{define \"t\"}}", "{{template \"t\" .}}", "{{break}}",
            "{{continue}}", "{{/* */}}", "{{$x := .args.a}}", "{{$x}}", "{{nil}}", "{{`r`}}", "{{'c'}}", "{{1.5}}",
        ]).prop_map(str::to_owned),
        4 => call(),
        1 => ".{0,6}",
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// A call of any function with arguments of any kind.
fn call() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = super::super::functions::names().collect();
    let argument = prop::sample::select(vec![
        ".args.a",
        ".args.b",
        ".args",
        ".config",
        ".",
        "$",
        "nil",
        "true",
        "0",
        "-1",
        "3",
        "9223372036854775807",
        "-9223372036854775808",
        "1.5",
        "1e300",
        "\"\"",
        "\"a\"",
        "\"é你\"",
        "\"%d %s %v %5.2f\"",
        "\"2006-01-02 MST .000\"",
        "\"a.#(b==1)#|@keys\"",
        "\"[a\"",
        "\"(a|b)*\"",
        "(list 1 \"a\" nil)",
        "(dict \"a\" 1)",
        "now",
        "\"{\\\"a\\\":[1]}\"",
        ".args.gone",
        "\"Europe/Lisbon\"",
        "\"-1.5h\"",
        "\"YQ==\"",
        "\"{args.a,\\\"n\\\":args.b}\"",
        "\"args.*.#(#>0)#.@dig:a\"",
    ]);
    (prop::sample::select(names), prop::collection::vec(argument, 0..4))
        .prop_map(|(name, arguments)| format!("{{{{{name} {}}}}}", arguments.join(" ")))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON", |float| float.is_finite()).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(Value::from("secret://key")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-d.*#é]{0,2}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Small, so that a case that runs into them is quick.
fn limits() -> Limits {
    Limits { template_steps_max: 2000, template_output_bytes_max: 20_000, ..Limits::standard() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_template_panics(template in template(), a in value(), b in value(), context in prop::sample::select(CONTEXTS.to_vec())) {
        let root = json!({"config": {"k": "secret://key", "u": "https://h"}, "args": {"a": a, "b": b}});
        let source = root.to_string();
        let rendered = render_value(&template, &root, Some(&source), context, &limits());
        if let (Ok(text), Context::Json) = (rendered, context) {
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn no_text_panics(template in ".{0,40}", source in ".{0,20}", a in value()) {
        let root = json!({"args": a});
        // A source that is not the text of the data must do no harm either.
        let _outcome = render_value(&template, &root, Some(&source), Context::Plain, &limits());
        let _outcome = render_value("{{.}}{{.args}}", &root, Some(&source), Context::Plain, &limits());
    }

    #[test]
    fn no_path_panics(path in "[a-d0-1.|#*?@:!\\[\\]{}()\"\\\\=~%<>&, ]{0,16}", a in value()) {
        let root = json!({"args": {"path": path}, "a": a, "b": [a, a]});
        let _outcome = render_value("{{gjson .args.path}}", &root, None, Context::Plain, &limits());
    }

    #[test]
    fn json_bodies_give_values_back(a in "\\PC*|.*", b in value()) {
        let root = json!({"config": {}, "args": {"a": a, "b": b}});
        let body = r#"{"a":"{{.args.a}}","b":{{toJson .args.b}},"c":"-{{.args.a}}-","l":[{{.args.a | toRawJson}}]}"#;
        let text = render_in(Context::Json, body, &root.to_string()).expect("rendered");
        let read: Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(read, json!({"a": a, "b": b, "c": format!("-{a}-"), "l": [a]}));
    }

    #[test]
    fn urls_give_values_back(a in ".+", b in ".*") {
        prop_assume!(!matches!(a.as_str(), "." | ".."));
        let data = json!({"config": {}, "args": {"a": a, "b": b}}).to_string();
        let url = render_in(Context::Url, "/p/{{.args.a}}?q={{.args.b}}", &data).expect("rendered");
        let (path, query) = url.split_once('?').expect("a query");
        let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().map(String::from);
        let segments: Vec<&str> = path.split('/').collect();
        prop_assert_eq!(segments.len(), 3);
        prop_assert_eq!(decode(segments[2]), Ok(a));
        prop_assert!(!query.contains(['&', '#', '+']));
        prop_assert_eq!(decode(query.strip_prefix("q=").expect("the key")), Ok(b));
    }

    #[test]
    fn printing_data_gives_its_source(a in value()) {
        let source = serde_json::to_string_pretty(&json!({"a": a, "l": [a]})).expect("JSON");
        let printed = render_in(Context::Plain, "{{.}}", &source);
        prop_assert_eq!(printed, Ok(source));
    }
}
