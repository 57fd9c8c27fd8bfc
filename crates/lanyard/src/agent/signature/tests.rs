//! Tools as data: their signatures, comments and examples, in mcporter's layout.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{Shown, comment, example, short_signature, signature};
use crate::agent::client::Tool;
use crate::agent::streams::Paint;

fn tool(name: &str, description: &str, input_schema: Value) -> Tool {
    let description = (!description.is_empty()).then(|| description.to_owned());
    Tool { name: name.to_owned(), description, input_schema, output_schema: None, read_only: false }
}

#[track_caller]
fn check(tool: &Tool, shown: Shown, expected: Expect) {
    let mut lines = comment(tool, Paint::Off);
    lines.extend(signature(tool, shown, Paint::Off));
    lines.push(example("everything", tool, shown));
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn a_tool_without_a_schema_takes_nothing() {
    check(
        &tool("get-env", "", Value::Null),
        Shown::Some,
        expect![[r#"
            function get-env();
            lanyard call 'everything.get-env()'"#]],
    );
}

#[test]
fn long_texts_wrap_under_themselves() {
    let properties = json!({
        "name": {"type": "string", "default": "README.md.gz", "description": "Name of the output file"},
        "data": {"type": "string", "format": "uri", "default": "https://example.com/it's", "description": "URL or data URI of the file content to compress"},
        "outputType": {"type": "string", "enum": ["resourceLink", "resource"], "default": "resourceLink", "description": "How the resulting gzipped file should be returned. 'resourceLink' returns a link to a resource that can be read later, 'resource' returns a full resource object."},
    });
    let about = "Compresses a single file using gzip compression. Depending upon the selected output type, returns either the compressed data as a gzipped resource or a resource link, allowing it to be downloaded in a subsequent request during the current session.";
    check(
        &tool("gzip", about, json!({"type": "object", "properties": properties})),
        Shown::Some,
        expect![[r#"
            /**
             * Compresses a single file using gzip compression. Depending upon the selected output type, returns
             * either the compressed data as a gzipped resource or a resource link, allowing it to be downloaded in
             * a subsequent request during the current session.
             *
             * @param name? Name of the output file
             * @param data? URL or data URI of the file content to compress
             * @param outputType? How the resulting gzipped file should be returned. 'resourceLink' returns a link
             *                    to a resource that can be read later, 'resource' returns a full resource object.
             */
            function gzip(name?: string, data?: string, outputType?: "resourceLink" | "resource");
            lanyard call 'everything.gzip(name: "README.md.gz")'"#]],
    );
}

/// The tool of `list-server-optional.txt`.
fn eight() -> Tool {
    let properties = json!({
        "name": {"type": "string"}, "n": {"type": "integer"}, "flag": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}}, "obj": {"type": "object"},
        "when": {"type": "string", "format": "date-time"}, "id": {"type": "string"},
        "z": {"type": "string"},
    });
    let schema = json!({"type": "object", "properties": properties, "required": ["name"]});
    tool("x", "does x", schema)
}

#[test]
fn past_five_parameters_the_optional_ones_are_summed_up() {
    check(
        &eight(),
        Shown::Some,
        expect![[r#"
            /**
             * does x
             */
            function x(name: string, n?: number, flag?: boolean, tags?: string[], obj?: Record<string, unknown>);
            // optional (3): when, id, z
            lanyard call 'everything.x(name: "value", n: 1, flag: true)'"#]],
    );
    check(
        &eight(),
        Shown::All,
        expect![[r#"
            /**
             * does x
             */
            function x(name: string, n?: number, flag?: boolean, tags?: string[], obj?: Record<string, unknown>, when?: string /* ISO 8601 */, id?: string, z?: string);
            lanyard call 'everything.x(name: "value", n: 1, flag: true, id: "example-id")'"#]],
    );
}

#[test]
fn every_required_parameter_is_shown_and_at_most_five_names_are_listed() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let properties = names.map(|name| (name.to_owned(), json!({"type": "string"})));
    let properties = properties.into_iter().collect::<serde_json::Map<_, _>>();
    let required = ["b", "d", "f", "h", "j", "l"];
    let schema = json!({"type": "object", "properties": properties, "required": required});
    check(
        &tool("t", "", schema),
        Shown::Some,
        expect![[r#"
            function t(b: string, d: string, f: string, h: string, j: string, l: string);
            // optional (6): a, c, e, g, i, ...
            lanyard call 'everything.t(b: "value", d: "value", f: "value", h: "value", j: "value", l: "value")'"#]],
    );
}

#[test]
fn types_and_return_types_are_those_of_the_schema() {
    let properties = json!({
        "any": {}, "list": {"type": "array"}, "many": {"type": ["null", "integer"]},
        "uuid": {"type": "string", "format": "uuid"},
    });
    let mut tool = tool("t", "", json!({"type": "object", "properties": properties}));
    for (schema, expected) in [
        (json!({"type": "object"}), "object"),
        (json!({"title": " Weather "}), "Weather"),
        (json!({"type": "array", "items": {"type": "integer"}}), "number[]"),
        (json!({"properties": {}}), "object"),
        (json!({}), "unknown"),
    ] {
        tool.output_schema = Some(schema);
        let expected = format!(
            "t(any?: unknown, list?: unknown[], many?: number, uuid?: string /* UUID */): {expected}"
        );
        assert_eq!(short_signature(&tool), expected);
    }
}

#[test]
fn an_example_survives_a_shell() {
    let properties = json!({"q": {"type": "string", "enum": ["it's"]}, "path": {"type": "string"}, "none": {"default": null}});
    let schema = json!({"properties": properties, "required": ["q", "path"]});
    expect![[r#"lanyard call 's.t(q: "it'\''s", path: "/path/to/file.md")'"#]].assert_eq(&example(
        "s",
        &tool("t", "", schema),
        Shown::Some,
    ));
}

#[test]
fn what_a_server_writes_does_not_steer_the_terminal() {
    let schema = json!({"properties": {"a\u{1b}[2J": {
        "enum": ["\u{9b}2J"], "description": "One\u{7} \u{1b}]0;title\u{7}two\nthree"}}});
    let tool = tool("t\u{1b}c", "about\r\u{1b}[1A", schema);
    check(
        &tool,
        Shown::Some,
        expect![[r#"
        /**
         * about [1A
         *
         * @param a[2J? One ]0;titletwo
         *               three
         */
        function tc(a[2J?: "2J");
        lanyard call 'everything.tc(a[2J: "2J")'"#]],
    );
}

#[test]
fn colours_are_those_of_mcporter() {
    let schema = json!({"properties": {"a": {"type": "number", "description": "First"}}});
    let tool = tool("t", "", schema);
    let mut lines = comment(&tool, Paint::On);
    lines.extend(signature(&tool, Shown::Some, Paint::On));
    expect![[r#"
        ^[38;5;244m/**^[0m
        ^[38;5;244m * ^[0m^[33m@param ^[0m^[36ma?^[0m^[38;5;244m First^[0m
        ^[38;5;244m */^[0m
        ^[38;5;244mfunction^[0m ^[36mt^[0m(a?: ^[90mnumber^[0m);"#]]
    .assert_eq(&lines.join("\n").replace('\u{1b}', "^"));
}
