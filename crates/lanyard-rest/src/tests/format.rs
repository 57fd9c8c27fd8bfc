//! Every construct of the format that is used in the wild, and Lanyard's own.

use expect_test::{Expect, expect};

use super::{Options, golden, lines, object, parsed, sent, with_context};
use crate::Rendered;

const WILD: &str = include_str!("../../testdata/constructs.yaml");

/// A case is a tool of `constructs.yaml` and its arguments.
#[test]
fn constructs_of_shipped_files_work() {
    let parsed = parsed(WILD);
    assert_eq!(lines(&parsed.warnings), "");
    golden("constructs.txt", |input| {
        let (tool, arguments) = input.split_once('\n').unwrap();
        sent(&parsed, tool, arguments)
    });
}

#[track_caller]
fn check(request: &str, args: &str, arguments: &str, expected: Expect) {
    let text = format!(
        "server: {{name: s, config: {{odd: 'secret://odd'}}}}\ntools:\n- name: t\n  description: \
         d\n  args: [{args}]\n  requestTemplate: {{url: 'https://h.example/x', {request}}}\n"
    );
    match Options::default().parse(&text) {
        Ok(parsed) => expected.assert_eq(&sent(&parsed, "t", arguments)),
        Err(problems) => expected.assert_eq(&lines(&problems)),
    }
}

#[test]
fn a_request_starts_from_no_headers_at_all() {
    let parsed = parsed(
        "server: {name: s}\ntools: [{name: t, description: d, requestTemplate: {url: \
         'https://h.example/x'}}]",
    );
    let rendered =
        with_context(|context| parsed.definition.tools[0].render(&object("{}"), context));
    let Ok(Rendered::Request(plan)) = rendered else { panic!("not rendered") };
    let headers: Vec<String> = plan.headers.iter().map(|(k, v)| format!("{k}: {v}")).collect();
    assert_eq!(headers, ["Accept: */*", "User-Agent: lanyard/0.1.0"]);
}

#[test]
fn defaults_give_way_to_the_file_whatever_its_case() {
    check(
        "headers: [{key: accept, value: text/csv}, {key: USER-AGENT, value: mine}]",
        "",
        "{}",
        expect![[r#"
            GET https://h.example /x
            accept: text/csv
            USER-AGENT: mine
        "#]],
    );
}

#[test]
fn unquoted_header_values_are_their_source_text() {
    check(
        "headers: [{key: A, value: 2022-06-28}, {key: B, value: 1.0}, {key: C, value: true}, {key: \
         D, value: 0x1F}, {key: E, value: null}, {key: F, value: }]",
        "",
        "{}",
        expect![[r#"
            GET https://h.example /x
            A: 2022-06-28
            B: 1.0
            C: true
            D: 0x1F
            E: null
            F: 
        "#]],
    );
}

#[test]
fn bodies_made_of_arguments() {
    const ARGS: &str = "{name: a}, {name: b, type: integer}, {name: q, position: query}";
    let all = r#"{"a": "x y", "b": 1.0, "q": "z"}"#;
    check(
        "method: post, argsToJsonBody: true",
        ARGS,
        all,
        expect![[r#"
            POST https://h.example /x?q=z
            Content-Type: application/json; charset=utf-8

            {"a":"x y","b":1.0}
        "#]],
    );
    check(
        "argsToJsonBody: true",
        ARGS,
        "{}",
        expect![[r#"
            GET https://h.example /x
            Content-Type: application/json; charset=utf-8

            {}
        "#]],
    );
    check(
        "argsToUrlParam: true",
        ARGS,
        all,
        expect!["GET https://h.example /x?a=x%20y&b=1.0&q=z\n"],
    );
    check(
        "argsToFormBody: true",
        ARGS,
        all,
        expect![[r#"
            GET https://h.example /x?q=z
            Content-Type: application/x-www-form-urlencoded

            a=x+y&b=1.0
        "#]],
    );
    check("method: POST", ARGS, all, expect!["POST https://h.example /x?q=z\n"]);
}

#[test]
fn body_arguments_follow_the_content_type() {
    const ARGS: &str = "{name: a, position: BODY}, {name: b}";
    let all = r#"{"a": "1&2", "b": "not sent"}"#;
    check(
        "headers: [{key: content-type, value: application/x-www-form-urlencoded; charset=utf-8}]",
        ARGS,
        all,
        expect![[r#"
            GET https://h.example /x
            content-type: application/x-www-form-urlencoded; charset=utf-8

            a=1%262
        "#]],
    );
    check(
        "headers: [{key: Content-Type, value: application/merge-patch+json}]",
        ARGS,
        all,
        expect![[r#"
            GET https://h.example /x
            Content-Type: application/merge-patch+json

            {"a":"1&2"}
        "#]],
    );
    check(
        "headers: [{key: Content-Type, value: application/json}]",
        ARGS,
        "{}",
        expect![[r#"
            GET https://h.example /x
            Content-Type: application/json
        "#]],
    );
}

#[test]
fn a_body_template_of_json_must_give_json() {
    let json = "headers: [{key: Content-Type, value: application/json}]";
    check(
        &format!("{json}, body: 'a: {{{{.args.a}}}}'"),
        "{name: a}",
        r#"{"a": "1"}"#,
        expect![[r#"
            refused: error executing body template: the template's own text is not JSON here (template 1:1)
        "#]],
    );
    check(
        &format!("{json}, body: '{{{{if .args.a}}}}{{\"a\": 1}}{{{{end}}}}'"),
        "{name: a}",
        "{}",
        expect![[r#"
            refused: error executing body template: the body is not one JSON value
        "#]],
    );
    check(
        "body: '{{toJson .args.a}}'",
        "{name: a, type: array}",
        r#"{"a": [1, "x"]}"#,
        expect![[r#"
            GET https://h.example /x
            Content-Type: application/json; charset=utf-8

            [1,"x"]
        "#]],
    );
    check(
        "body: 'hello {{.args.a}}'",
        "{name: a}",
        r#"{"a": "you"}"#,
        expect![[r#"
            GET https://h.example /x

            hello you
        "#]],
    );
}

#[test]
fn styles_write_lists_and_objects() {
    let style = |style: &str, value: &str, expected| {
        check(
            "",
            &format!("{{name: a, wireName: w, position: query, style: {style}}}"),
            value,
            expected,
        );
    };
    let list = r#"{"a": ["x y", 1, true, null]}"#;
    style(
        "json",
        list,
        expect!["GET https://h.example /x?w=%5B%22x%20y%22%2C1%2Ctrue%2Cnull%5D\n"],
    );
    style("repeat", list, expect!["GET https://h.example /x?w=x%20y&w=1&w=true\n"]);
    style("comma", list, expect!["GET https://h.example /x?w=x%20y,1,true\n"]);
    style("pipe", list, expect!["GET https://h.example /x?w=x%20y%7C1%7Ctrue\n"]);
    style("space", r#"{"a": ["x", 1]}"#, expect!["GET https://h.example /x?w=x%201\n"]);
    let object = r#"{"a": {"k": 1, "m": {"n": [2, 3]}, "z": null}}"#;
    style(
        "deepObject",
        object,
        expect!["GET https://h.example /x?w%5Bk%5D=1&w%5Bm%5D%5Bn%5D=2&w%5Bm%5D%5Bn%5D=3\n"],
    );
    style("comma", r#"{"a": {"k": 1, "m": "x"}}"#, expect!["GET https://h.example /x?w=k,1,m,x\n"]);
    style("repeat", r#"{"a": "one"}"#, expect!["GET https://h.example /x?w=one\n"]);
    style("repeat", r#"{"a": []}"#, expect!["GET https://h.example /x\n"]);
    check(
        "argsToFormBody: true",
        "{name: a, style: repeat}, {name: b, style: deepObject, type: object}",
        r#"{"a": ["x y", "&"], "b": {"k": "v w"}}"#,
        expect![[r#"
            GET https://h.example /x
            Content-Type: application/x-www-form-urlencoded

            a=x+y&a=%26&b%5Bk%5D=v+w
        "#]],
    );
    check(
        "",
        "{name: a, wireName: X-A, position: header, style: repeat}, {name: b, position: cookie, style: comma}",
        r#"{"a": ["x", "y"], "b": ["1", "2"]}"#,
        expect![[r#"
            GET https://h.example /x
            X-A: x
            X-A: y
            Cookie: b=1,2
        "#]],
    );
}

#[test]
fn wire_names_are_the_names_of_the_request() {
    let text = "server: {name: s}\ntools:\n- name: t\n  description: d\n  args: [{name: id_path, \
                wireName: id, position: path}, {name: id, position: query}, {name: id_body, \
                wireName: id, position: body}]\n  requestTemplate: {url: \
                'https://h.example/pets/{id}', method: PUT}\n";
    expect![[r#"
        PUT https://h.example /pets/1?id=2
        Content-Type: application/json; charset=utf-8

        {"id":3}
    "#]]
    .assert_eq(&sent(&parsed(text), "t", r#"{"id_path": 1, "id": 2, "id_body": 3}"#));
}

#[test]
fn urls_that_are_only_a_path_stand_below_a_base() {
    let text = "server: {name: s, baseUrl: 'https://h.example/v1/'}\ntools:\n- {name: t, description: d, \
                args: [{name: a, position: path}], requestTemplate: {url: '/notes/{a}/{{.args.a}}'}}\n";
    let call = r#"{"a": "x/y"}"#;
    let own = Options::default().parse(text).unwrap();
    assert_eq!(sent(&own, "t", call), "GET https://h.example /v1/notes/x%2Fy/x%2Fy\n");
    let options = Options { base_url: Some("http://localhost:8080"), ..Options::default() };
    let given = options.parse(text).unwrap();
    assert_eq!(sent(&given, "t", call), "GET http://localhost:8080 /notes/x%2Fy/x%2Fy\n");
}

#[test]
fn the_name_given_to_the_command_wins() {
    let text = "server: {name: My Free Text}\ntools: []\n";
    let options = Options { name: Some("mine"), ..Options::default() };
    assert_eq!(options.parse(text).unwrap().definition.name.as_str(), "mine");
}

#[test]
fn allow_lists_in_both_places_are_an_intersection() {
    let exposed = |lists: [&str; 2]| {
        let text = format!(
            "server: {{name: s{}}}\n{}tools:\n- {{name: a, description: d, requestTemplate: {{url: \
             'https://a.example/'}}}}\n- {{name: b, description: d, requestTemplate: {{url: \
             'https://b.example/'}}}}\n",
            lists[0], lists[1]
        );
        let definition = parsed(&text).definition;
        let names: Vec<String> =
            definition.tools.iter().map(|tool| tool.name.to_string()).collect();
        format!("{} {}", names.join(","), definition.origins().len())
    };
    assert_eq!(exposed(["", ""]), "a,b 2");
    assert_eq!(exposed([", allowTools: [a]", ""]), "a 1");
    assert_eq!(exposed(["", "allowTools: [b]\n"]), "b 1");
    assert_eq!(exposed([", allowTools: [a, b]", "allowTools: [b]\n"]), "b 1");
    assert_eq!(exposed([", allowTools: [a]", "allowTools: [b]\n"]), " 0");
    assert_eq!(exposed([", allowTools: []", ""]), " 0");
}

#[test]
fn references_within_an_argument_keep_their_target() {
    let text = "server: {name: s}\ntools:\n- name: t\n  description: d\n  args:\n  - {name: a/b, \
                position: query, description: says, schema: {$ref: '#/$defs/n', $defs: {n: {type: object, \
                properties: {next: {$ref: '#/$defs/n'}, whole: {$ref: '#'}}}}, default: {$ref: '#/x'}}}\n  \
                requestTemplate: {url: 'https://h.example/'}\n";
    expect![[r##"{"description":"says","$ref":"#/properties/a~1b/$defs/n","$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/properties/a~1b/$defs/n"},"whole":{"$ref":"#/properties/a~1b"}}}},"default":{"$ref":"#/x"}}"##]]
    .assert_eq(&parsed(text).definition.tools[0].input_schema["properties"]["a/b"].to_string());
}

#[test]
fn a_secret_is_written_as_it_is_wherever_it_stands() {
    check(
        "headers: [{key: A, value: 'x {{.config.odd}}'}], body: '{\"k\": \"{{.config.odd}}\", \"b\": \
         \"{{.config.odd | b64enc}}\"}'",
        "",
        "{}",
        expect![[r#"
            GET https://h.example /x
            A: x a|b&c\d"e f
            Content-Type: application/json; charset=utf-8

            {"k": "a|b&c\\d\"e f", "b": "YXxiJmNcZCJlIGY="}
        "#]],
    );
}

#[test]
fn direct_results_are_structured_if_they_are_json_and_declared_so() {
    let text = "server: {name: s}\ntools:\n- {name: t, description: d, args: [{name: a}], \
                responseTemplate: {body: '{\"a\": {{toJson .args.a}}}'}, outputSchema: {type: \
                object}}\n- {name: empty, description: d, responseTemplate: {body: '{{.args.x}}'}}\n";
    let parsed = parsed(text);
    let call = sent(&parsed, "t", r#"{"a": "x"}"#);
    assert_eq!(call, "{\"a\": \"x\"}\nstructured {\"a\": \"x\"}\n");
    assert_eq!(sent(&parsed, "empty", "{}"), "success\n");
}

#[test]
fn anchors_and_merges_share_what_tools_have_in_common() {
    let text = "server: {name: s}\ntools:\n- name: a\n  description: d\n  requestTemplate: &base\n    url: \
                https://h.example/a\n    headers: [{key: X, value: y}]\n- name: b\n  description: d\n  \
                requestTemplate: {<<: *base, url: 'https://h.example/b', method: POST}\n";
    assert_eq!(sent(&parsed(text), "b", "{}"), "POST https://h.example /b\nX: y\n");
}

#[test]
fn a_body_is_one_argument_as_it_is() {
    let args = "{name: text, position: body}, {name: n}";
    let text = "{\"text\": \"<a b='{{x}}'>\\n\"}";
    check(
        "method: POST, argToBody: text, headers: [{key: Content-Type, value: application/xml}]",
        args,
        text,
        expect![[r#"
            POST https://h.example /x
            Content-Type: application/xml

            <a b='{{x}}'>

        "#]],
    );
    check(
        "method: POST, argToBody: text",
        args,
        text,
        expect![[r#"
        POST https://h.example /x
        Content-Type: text/plain; charset=utf-8

        <a b='{{x}}'>

    "#]],
    );
    check(
        "method: POST, argToBody: text",
        args,
        "{}",
        expect![[r#"
        POST https://h.example /x
    "#]],
    );
    let file = "{name: file, position: body, format: binary}";
    check(
        "method: PUT, argToBody: file",
        file,
        r#"{"file": "aGk="}"#,
        expect![[r#"
        PUT https://h.example /x
        Content-Type: application/octet-stream

        hi
    "#]],
    );
    check(
        "method: PUT, argToBody: file",
        file,
        r#"{"file": "?"}"#,
        expect![[r#"
        refused: the argument `file` is a file and must be base64
    "#]],
    );
}

#[test]
fn a_body_of_one_argument_is_the_only_body() {
    let args = "{name: text, position: body}, {name: more, position: body}";
    check(
        "argToBody: texd",
        args,
        "{}",
        expect![[r#"
        api.yaml:5:10: tools[0].args[0]: the body is `texd` alone: this goes nowhere
        api.yaml:5:40: tools[0].args[1]: the body is `texd` alone: this goes nowhere
        api.yaml:6:60: tools[0].requestTemplate.argToBody: `texd` is no argument with `position: body`; did you mean `text`?
    "#]],
    );
    check(
        "argToBody: text, argsToJsonBody: true",
        args,
        "{}",
        expect![[r#"
        api.yaml:5:40: tools[0].args[1]: the body is `text` alone: this goes nowhere
        api.yaml:6:60: tools[0].requestTemplate.argToBody: `argToBody` excludes `body` and the `argsTo...` options
    "#]],
    );
    check(
        "argToBody: text, body: x",
        "{name: text, position: body}",
        "{}",
        expect![[r#"
        api.yaml:6:60: tools[0].requestTemplate.argToBody: `argToBody` excludes `body` and the `argsTo...` options
    "#]],
    );
}
