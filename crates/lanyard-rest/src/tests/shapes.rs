//! Answers and what the agent is given of them.

use expect_test::{Expect, expect};

use super::{parsed, shaped};

const FILE: &str = r#"
server: {name: s}
tools:
- {name: plain, description: d, requestTemplate: {url: "https://h.example/"}}
- {name: around, description: d, requestTemplate: {url: "https://h.example/"},
   responseTemplate: {prependBody: "before {{not a template}}\n", appendBody: "\nafter"}}
- {name: body, description: d, requestTemplate: {url: "https://h.example/"},
   responseTemplate: {body: "{{.a}}|{{.args.x}}|{{.config.y}}|{{$status}}|{{index $headers \"x-one\"}}|{{$args.p}}|{{$body}}"},
   args: [{name: p, position: query, default: q}]}
- {name: list, description: d, requestTemplate: {url: "https://h.example/"},
   responseTemplate: {body: "{{range $i, $x := .}}{{$i}}={{$x.n}} {{end}}{{index $headers \":status\"}}"}}
- {name: nothing, description: d, requestTemplate: {url: "https://h.example/"},
   responseTemplate: {body: "{{if .never}}x{{end}}"}}
- {name: error, description: d, requestTemplate: {url: "https://h.example/"},
   errorResponseTemplate: "{{gjson \"_headers.\\\\:status\"}} {{index ._headers \"x-why\"}} {{.message}} {{$body}}"}
- {name: error_list, description: d, requestTemplate: {url: "https://h.example/"},
   errorResponseTemplate: "{{len .}} {{$status}}"}
- {name: error_empty, description: d, requestTemplate: {url: "https://h.example/"},
   errorResponseTemplate: "{{.nothing}}"}
- {name: fails, description: d, requestTemplate: {url: "https://h.example/"},
   responseTemplate: {body: "{{index .list 5}}"}}
- {name: schema, description: d, requestTemplate: {url: "https://h.example/"},
   outputSchema: {type: object, properties: {n: {type: number}}}}
- {name: schema_body, description: d, requestTemplate: {url: "https://h.example/"},
   responseTemplate: {body: "n is {{.n}}"}, outputSchema: {type: object}}
- {name: secret, description: d, requestTemplate: {url: "https://h.example/"},
   responseTemplate: {body: "{{.config.token}} {{.x}}"}}
"#;

#[track_caller]
fn check(tool: &str, status: u16, headers: &[(&str, &str)], body: &str, expected: Expect) {
    expected.assert_eq(&shaped(&parsed(FILE), tool, status, headers, body.as_bytes()));
}

#[test]
fn errors_are_results() {
    let plain = |status, body, expected| check("plain", status, &[], body, expected);
    plain(404, "{\"e\":1}", expect!["isError\ncall failed, status: 404, response: {\"e\":1}\n"]);
    plain(500, "", expect!["isError\ncall failed, status: 500, response: \n"]);
    plain(199, "x", expect!["isError\ncall failed, status: 199, response: x\n"]);
}

#[test]
fn a_redirect_is_an_error() {
    let headers = &[("Location", "https://evil.example/")];
    check("plain", 302, headers, "", expect!["isError\ncall failed, status: 302, response: \n"]);
}

#[test]
fn error_templates_see_status_headers_and_body() {
    let headers = &[("X-Why", "first"), ("x-why", "last")];
    check(
        "error",
        403,
        headers,
        r#"{"message":"no"}"#,
        expect!["isError\n403 last no {\"message\":\"no\"}\n"],
    );
    check("error", 403, headers, "<p>", expect!["isError\n403 last  <p>\n"]);
    check("error", 403, headers, "", expect!["isError\n403 last  \n"]);
    check("error", 403, headers, "null", expect!["isError\n403 last  null\n"]);
    check("error_list", 400, &[], "[1, 2]", expect!["isError\n2 400\n"]);
    check(
        "error_empty",
        400,
        &[],
        "{}",
        expect!["isError\ncall failed, status: 400, response: {}\n"],
    );
}

#[test]
fn text_is_kept_as_it_came() {
    check("plain", 200, &[], "", expect!["success\n"]);
    check("plain", 204, &[], "", expect!["success\n"]);
    check("plain", 200, &[], "{\"a\": 1.50}", expect!["{\"a\": 1.50}\n"]);
    check(
        "around",
        201,
        &[],
        "{}",
        expect![[r#"
        before {{not a template}}
        {}
        after
    "#]],
    );
}

#[test]
fn templates_see_the_answer_and_their_variables() {
    check(
        "body",
        200,
        &[("X-One", "1")],
        r#"{"a": 1.50}"#,
        expect!["1.50|||200|1|q|{\"a\": 1.50}\n"],
    );
    check("list", 200, &[], r#"[{"n":1},{"n":2}]"#, expect!["0=1 1=2 200\n"]);
    check("nothing", 200, &[], "{}", expect!["success\n"]);
}

#[test]
fn a_template_needs_an_object_or_a_list() {
    for body in ["", "text", "5", "\"x\"", "null", "{"] {
        check(
            "body",
            200,
            &[],
            body,
            expect![
                "failed: error executing response template: the answer is no JSON object or list\n"
            ],
        );
    }
    let failed = shaped(&parsed(FILE), "fails", 200, &[], br#"{"list":["tst_value"]}"#);
    assert!(failed.starts_with("failed: error executing response template: "), "{failed}");
    assert!(!failed.contains("tst_value"), "{failed}");
}

#[test]
fn pictures_are_pictures_whatever_the_template() {
    for tool in ["plain", "body", "schema"] {
        check(
            tool,
            200,
            &[("content-type", "Image/PNG; charset=binary")],
            "\u{1}\u{2}",
            expect!["image image/png AQI=\n"],
        );
    }
    check(
        "plain",
        404,
        &[("content-type", "image/png")],
        "x",
        expect!["isError\ncall failed, status: 404, response: x\n"],
    );
}

#[test]
fn structured_content_is_the_raw_answer() {
    check(
        "schema",
        200,
        &[],
        " {\"n\": 1.0} ",
        expect![" {\"n\": 1.0} \nstructured {\"n\": 1.0}\n"],
    );
    check("schema_body", 200, &[], r#"{"n": 1}"#, expect!["n is 1\nstructured {\"n\": 1}\n"]);
    check(
        "schema",
        200,
        &[],
        "<html>",
        expect![
            "failed: the server's answer is not JSON, but the tool declares an output schema\n"
        ],
    );
}

#[test]
fn an_answer_is_never_searched_for_secrets() {
    check(
        "secret",
        200,
        &[],
        r#"{"config": {"token": "secret://k"}, "x": "secret://k"}"#,
        expect!["secret://k secret://k\n"],
    );
}

#[test]
fn bytes_that_are_no_text_do_no_harm() {
    let parsed = parsed(FILE);
    let shown = shaped(&parsed, "plain", 200, &[], b"a\xffb");
    assert_eq!(shown, "a\u{fffd}b\n");
}
