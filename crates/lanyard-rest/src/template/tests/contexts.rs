//! What a value can do where it lands: nothing but be itself.

use serde_json::json;

use super::{Context, check, render_in};

/// Values that mean something somewhere.
const HOSTILE: &[&str] = &[
    "\"",
    "\\",
    "\n",
    "\r\nX-Evil: 1",
    "\0",
    "\u{7f}",
    "\u{85}",
    "?x=1",
    "#f",
    "../../admin",
    "a/b",
    "@evil.com",
    "%2e%2e",
    "%00",
    "a&b=c",
    "a=b",
    "a;b",
    "a b+c",
    "é你🦀",
    "{{.config.key}}",
    "secret://key",
    "\",\"admin\":true,\"x\":\"",
    "1,\"admin\":true",
    "</script>",
    "\u{2028}",
    "\\u0022",
    "~._-",
    "[]{}",
    "javascript:",
    "//evil.com",
    "\\\\evil.com",
    "http://evil.com",
];

fn data(value: &str) -> String {
    json!({"config": {"base": "https://h/api", "path": "a/b"}, "args": {"v": value}}).to_string()
}

#[test]
fn a_url_cannot_be_widened() {
    for value in HOSTILE {
        let url =
            render_in(Context::Url, "https://h/p/{{.args.v}}/e?q={{.args.v}}&r=1", &data(value));
        let url = url.expect("rendered");
        assert!(url.is_ascii() && !url.contains(char::is_control), "{url}");
        let rest = url.strip_prefix("https://h/p/").expect("the prefix");
        let (path, query) = rest.split_once('?').expect("a query");
        let segment = path.strip_suffix("/e").expect("the suffix");
        let (pair, last) = query.split_once('&').expect("two pairs");
        assert_eq!(last, "r=1");
        let decode = |text: &str| {
            percent_encoding::percent_decode_str(text).decode_utf8().expect("text").into_owned()
        };
        assert!(!segment.contains('/') && !pair.contains(['#', '+', ';', '?']), "{url}");
        assert_eq!(decode(segment), *value);
        assert_eq!(decode(pair.strip_prefix("q=").expect("the key")), *value);
        for template in [
            "{{.args.v}}",
            "https://{{.args.v}}/",
            "https:{{.args.v}}",
            "https://h{{.args.v}}",
            "//{{.args.v}}",
            "h{{.args.v}}",
        ] {
            let refused = render_in(Context::Url, template, &data(value)).expect_err("refused");
            assert!(refused.starts_with("only .config may give"), "{refused}");
        }
    }
}

const URL_DATA: &str = r#"{
      "config": {"base": "https://h/api", "path": "a/b c", "host": "h.example", "dots": "../x", "bad": "h@evil",
                 "empty": "", "query": "https://h/p?key=1", "nl": "h\n"},
      "args": {"id": "a b", "dot": ".", "dots": "..", "half": "%2e", "one": "e", "empty": "", "n": null, "list": [1, "x"], "num": 1e21}
    }"#;

#[test]
fn urls_that_are_refused() {
    check(
        Context::Url,
        URL_DATA,
        &[
            ("https://h/{{.args.dots}}", "!a value in the path is `.` or `..`"),
            ("https://h/{{.args.dot}}/x", "!a value in the path is `.` or `..` (template 1:24)"),
            ("https://h/.{{.args.dot}}/x", "!a value in the path is `.` or `..` (template 1:25)"),
            ("/.{{.args.dot}}/x", "!a value in the path is `.` or `..` (template 1:16)"),
            ("https://h/%2e{{.args.dot}}?q", "!a value in the path is `.` or `..` (template 1:27)"),
            ("https://h/{{.args.empty}}", "!a value in the path is empty"),
            ("https://h/{{.args.empty}}/x", "!a value in the path is empty (template 1:26)"),
            ("https://h/{{.args.gone}}", "!a value in the path is missing (template 1:11)"),
            ("https://h/v{{.args.gone}}", "!a value in the path is missing (template 1:12)"),
            ("https://h/{{.config.dots}}", "!a value in the path is `.` or `..` (template 1:11)"),
            (
                "{{.config.bad}}/x",
                "!the setting at the start of the URL is no URL text (template 1:1)",
            ),
            (
                "https://{{.config.nl}}/x",
                "!the setting at the start of the URL is no URL text (template 1:9)",
            ),
            ("https://h\\x", "!a backslash before the URL's path (template 1:1)"),
            (
                "{{print .config.base .args.id}}",
                "!only .config may give a part of the URL's scheme, host or port (template 1:1)",
            ),
            (
                "https://{{.config.gone | default .args.id}}/",
                "!only .config may give a part of the URL's scheme, host or port (template 1:9)",
            ),
            (
                "https://{{ternary .config.host \"x\" (eq .args.id \"a b\")}}/",
                "!only .config may give a part of the URL's scheme, host or port (template 1:9)",
            ),
        ],
    );
}

#[test]
fn urls() {
    check(
        Context::Url,
        URL_DATA,
        &[
            ("{{.config.base}}/{{.args.id}}", "https://h/api/a%20b"),
            ("{{.config.base}}{{.args.id}}", "https://h/apia%20b"),
            ("{{trimSuffix \"/api\" .config.base}}/x", "https://h/x"),
            ("{{.config.gone | default \"https://d\"}}/x", "https://d/x"),
            (
                "https://{{.config.host}}:8080/{{.config.path}}/{{.args.half}}",
                "https://h.example:8080/a/b%20c/%252e",
            ),
            ("{{.config.query}}&q={{.args.id}}", "https://h/p?key=1&q=a%20b"),
            ("https://h/v{{.args.empty}}/x", "https://h/v/x"),
            (
                "https://h/{{.args.list}}/{{.args.num}}/{{.args.n}}",
                "https://h/%5B1%2C%20%22x%22%5D/1e21/null",
            ),
            ("https://h/..{{.args.one}}", "https://h/..e"),
            ("https://h/x?a={{.args.gone}}", "https://h/x"),
            ("https://h/x?a={{.args.gone}}&b=1", "https://h/x?b=1"),
            ("https://h/x?a=1&b={{.args.gone}}", "https://h/x?a=1"),
            ("https://h/x?a=1&b={{.args.gone}}&c=2", "https://h/x?a=1&c=2"),
            ("https://h/x?a={{.args.gone}}&b={{.args.gone}}", "https://h/x"),
            ("https://h/x?a=\"{{.args.gone}}\"&b=1", "https://h/x?b=1"),
            ("https://h/x?a={{urlquery .args.gone}}&b=1", "https://h/x?b=1"),
            (
                "https://h/x?a=v{{.args.gone}}&b={{.args.gone}}{{.args.gone}}&c={{.args.empty}}&d={{.args.n}}",
                "https://h/x?a=v&b=&c=&d=null",
            ),
            (
                "https://h/x?{{.args.id}}={{urlquery .args.id}}&{{.args.gone}}",
                "https://h/x?a%20b=a+b",
            ),
            (
                "https://h/x?a={{.args.id | urlquery | printf \"%s&x=1\"}}",
                "https://h/x?a=a%2Bb%26x%3D1",
            ),
            ("https://h/x?q=?{{.args.one}}", "https://h/x?q=?e"),
            ("https://h/x?a=?", "https://h/x?a=?"),
            ("https://h/{id}?f={x}#{{.args.id}}", "https://h/{id}?f={x}#a%20b"),
            ("\n  /p/{{.args.id}}\n", "/p/a%20b"),
            ("{{if .args.id}}https://h/{{end}}{{.args.id}}", "https://h/a%20b"),
        ],
    );
}

#[test]
fn a_json_body_cannot_be_rewritten() {
    for value in HOSTILE {
        let body = render_in(
            Context::Json,
            r#"{"a": "{{.args.v}}", "b": "x{{.args.v}}y", "c": {{toJson .args.v}}, "{{.args.v}}k": 1}"#,
            &data(value),
        );
        let body: serde_json::Value = serde_json::from_str(&body.expect("rendered")).expect("JSON");
        assert_eq!(
            body,
            json!({"a": value, "b": format!("x{value}y"), "c": value, format!("{value}k"): 1})
        );
    }
    for value in [
        "",
        "x",
        "1,2",
        "1 2",
        "\"a\",\"b\":1",
        "}",
        "[1",
        "nul",
        "1}",
        "{{",
        "\u{feff}1",
        "NaN",
        "'x'",
    ] {
        let refused = render_in(Context::Json, r#"{"a": {{.args.v}}}"#, &data(value));
        assert!(refused.is_err(), "{value}: {refused:?}");
    }
}

const JSON_DATA: &str = r#"{"config": {}, "args": {"s": "a\"b", "n": 5, "l": [1, {"k": "\u00e9"}], "t": true, "z": null, "empty": "", "json": " {\"a\": 1} "}}"#;

#[test]
fn json_bodies_that_are_refused() {
    let notone = "!the body is not one JSON value";
    let place = "!an action where the JSON body has no place for a value";
    check(
        Context::Json,
        JSON_DATA,
        &[
            (
                "{{.args.s}}",
                "!an action outside quotes gave something that is not one JSON value (template 1:1)",
            ),
            ("{{.args.gone}}", "!the value of the JSON body is missing (template 1:1)"),
            ("[1{{.args.n}}]", &format!("{place} (template 1:3)")),
            ("[{{.args.n}}1]", "!the template's own text is not JSON here (template 1:13)"),
            ("[{{.args.n}}{{.args.n}}]", &format!("{place} (template 1:13)")),
            ("{ {{.args.n}} }", &format!("{place} (template 1:3)")),
            ("{\"a\" {{.args.n}} }", &format!("{place} (template 1:6)")),
            (
                "{\"a\":\"\\{{.args.s}}\"}",
                "!an action inside an escape sequence of the JSON body (template 1:8)",
            ),
            (
                "{\"a\":\"\\u00{{.args.s}}\"}",
                "!an action inside an escape sequence of the JSON body (template 1:11)",
            ),
            (
                "{\"a\":{{if .args.gone}}1{{end}}}",
                "!the template's own text is not JSON here (template 1:31)",
            ),
            ("", notone),
            ("{}{}", "!the template's own text is not JSON here (template 1:1)"),
            ("[1,]", notone),
            ("[1", notone),
            ("{\"a\":tru}", notone),
            ("[01]", notone),
            ("\"{{.args.gone}}", notone),
        ],
    );
}

#[test]
fn json_bodies() {
    check(
        Context::Json,
        JSON_DATA,
        &[
            ("{{toJson .args.gone}}", "null"),
            ("\"{{.args.gone}}\"", "\"\""),
            (
                "{\"n\": {{.args.n}}, \"l\": {{.args.l}}, \"t\": {{.args.t}}, \"z\": {{.args.z}}, \"j\": {{.args.json}}}\n",
                "{\"n\": 5, \"l\": [1, {\"k\": \"\\u00e9\"}], \"t\": true, \"z\": null, \"j\": {\"a\": 1}}\n",
            ),
            (
                "{\"l\": \"{{.args.l}}\", \"e\": \"{{.args.empty}}\", \"z\": \"{{.args.z}}\"}",
                "{\"l\": \"[1, {\\\"k\\\": \\\"\\\\u00e9\\\"}]\", \"e\": \"\", \"z\": \"null\"}",
            ),
            ("{\"a\": {{.args.gone}}}", "{}"),
            ("{\"a\": \"{{.args.gone}}\"}", "{}"),
            (
                "{\"a\": {{toJson .args.gone}}, \"b\": {{.args.gone | toRawJson}}, \"c\": {{toPrettyJson .args.gone}}}",
                "{}",
            ),
            ("{\"a\": 1, \"b\": {{.args.gone}}}", "{\"a\": 1}"),
            ("{\"a\": {{.args.gone}}, \"b\": 2}", "{ \"b\": 2}"),
            ("{\"a\": 1,\n \"b\": \"{{.args.gone}}\",\n \"c\": 3\n}", "{\"a\": 1,\n \"c\": 3\n}"),
            ("{\"a\": 1, \"b\": {{.args.gone}}, \"c\": {{.args.gone}}\n}", "{\"a\": 1}"),
            ("[{{.args.gone}}, \"{{.args.gone}}\"]", "[]"),
            ("[1, {{.args.gone}}, 2, {{.args.gone}}]", "[1, 2]"),
            ("{\"o\": {\"x\": {{.args.gone}}}, \"l\": [{{.args.gone}}]}", "{\"o\": {}, \"l\": []}"),
            (
                "{\"a\": \"x{{.args.gone}}\", \"b\": \"{{.args.gone}}{{.args.gone}}\", \"c\": \"{{.args.gone}} \"}",
                "{\"a\": \"x\", \"b\": \"\", \"c\": \" \"}",
            ),
            ("{\"{{.args.gone}}\": 1, \"q\": \"a\\\"\"}", "{\"\": 1, \"q\": \"a\\\"\"}"),
            (
                "[{{range $i, $e := .args.l}}{{if $i}},{{end}}{{toJson $e}}{{end}}]",
                "[1,{\"k\":\"é\"}]",
            ),
            (
                "{{toJson .args}}",
                r#"{"s":"a\"b","n":5,"l":[1,{"k":"é"}],"t":true,"z":null,"empty":"","json":" {\"a\": 1} "}"#,
            ),
            ("{{dict \"a\" .args.gone \"s\" .args.s}}", r#"{"a":null,"s":"a\"b"}"#),
            ("-1.5e3", "-1.5e3"),
        ],
    );
}

#[test]
fn headers_and_forms() {
    for value in HOSTILE {
        let header = render_in(Context::Header, "v={{.args.v}}", &data(value));
        if value.contains(char::is_control) {
            assert_eq!(header, Err("a control character in a header (template 1:3)".to_owned()));
        } else {
            assert_eq!(header, Ok(format!("v={value}").trim_end_matches(' ').to_owned()));
        }
        let form = render_in(Context::Form, "a={{.args.v}}&b=1&{{.args.v}}=2\n", &data(value));
        let form = form.expect("rendered");
        let pairs: Vec<&str> = form.split('&').collect();
        assert_eq!(pairs.len(), 3, "{form}");
        assert!(
            form.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%+&=".contains(&byte))
        );
        let decoded = pairs[0].strip_prefix("a=").expect("the key").replace('+', " ");
        assert_eq!(
            percent_encoding::percent_decode_str(&decoded).decode_utf8().expect("text"),
            *value
        );
    }
    let data = r#"{"config": {}, "args": {"s": "a b&c", "nl": "x\n"}}"#;
    check(
        Context::Header,
        data,
        &[
            ("{{.args.nl}}", "!a control character in a header (template 1:1)"),
            ("a\nb", "!a control character in a header"),
            ("\n  Bearer {{.args.s}}\n", "Bearer a b&c"),
        ],
    );
    check(
        Context::Form,
        data,
        &[
            ("\n a={{.args.s}}&b={{.args.s | urlquery}}&c={{.args.gone}}\n", "a=a+b%26c&b=a+b%26c"),
            ("a={{.args.gone}}&b=\"{{.args.gone}}\"\n", ""),
        ],
    );
    check(Context::Other, data, &[("<x>{{.args.s}}{{.args.gone}}</x>\n", "<x>a b&c</x>\n")]);
}
