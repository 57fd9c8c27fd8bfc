//! Values that try to be more than values: what is sent for each, or why nothing is.

use super::{golden, parsed, sent};

/// One tool for each place where a value can stand.
const FILE: &str = r##"
server:
  name: target
  config: {base: "https://h.example/base", token: "secret://key"}
  securitySchemes:
  - {id: Query, type: apiKey, in: query, name: api_key, defaultCredential: "secret://key"}
  - {id: Cookie, type: apiKey, in: cookie, name: sid, defaultCredential: "secret://key"}
tools:
- {name: path, description: d, args: [{name: a, position: path}],
   requestTemplate: {url: "https://h.example/v1/{a}/end?x=1"}}
- {name: part, description: d, args: [{name: a, position: path}],
   requestTemplate: {url: "https://h.example/v1/{a}.json"}}
- {name: two, description: d, args: [{name: a, position: path}, {name: b, position: path}],
   requestTemplate: {url: "https://h.example/{a}{b}/x"}}
- {name: last, description: d, args: [{name: a, position: path}],
   requestTemplate: {url: "https://h.example/v1/{a}"}}
- {name: segments, description: d, args: [{name: a, position: path, pathSegments: true}],
   requestTemplate: {url: "https://h.example/files/{a}"}}
- {name: joined, description: d, args: [{name: a, type: array, position: path, style: comma}],
   requestTemplate: {url: "https://h.example/v1/{a}"}}
- {name: query, description: d, args: [{name: a, position: query}, {name: b, position: query}],
   requestTemplate: {url: "https://h.example/q?fixed=1"}}
- {name: repeat, description: d, args: [{name: a, type: array, position: query, style: repeat}],
   requestTemplate: {url: "https://h.example/q"}}
- {name: comma, description: d, args: [{name: a, type: array, position: query, style: comma}],
   requestTemplate: {url: "https://h.example/q"}}
- {name: pipe, description: d, args: [{name: a, type: array, position: query, style: pipe}],
   requestTemplate: {url: "https://h.example/q"}}
- {name: deep, description: d, args: [{name: a, type: object, position: query, style: deepObject}],
   requestTemplate: {url: "https://h.example/q"}}
- {name: header, description: d, args: [{name: a, wireName: X-Note, position: header}],
   requestTemplate: {url: "https://h.example/h"}}
- {name: header_list, description: d, args: [{name: a, wireName: X-List, type: array, position: header, style: comma}],
   requestTemplate: {url: "https://h.example/h"}}
- {name: cookie, description: d, args: [{name: a, wireName: theme, position: cookie}],
   requestTemplate: {url: "https://h.example/c", security: {id: Cookie}}}
- {name: json, description: d, args: [{name: a, position: body}, {name: b, position: body}],
   requestTemplate: {url: "https://h.example/j", method: POST}}
- {name: form, description: d, args: [{name: a}, {name: b}],
   requestTemplate: {url: "https://h.example/f", method: POST, argsToFormBody: true}}
- {name: multipart, description: d, args: [{name: a}, {name: file, format: binary}],
   requestTemplate: {url: "https://h.example/m", method: POST, argsToMultipartBody: true}}
- {name: parts, description: d, args: [{name: a, type: object, style: deepObject}],
   requestTemplate: {url: "https://h.example/m", method: POST, argsToMultipartBody: true}}
- {name: in_url, description: d, args: [{name: a}, {name: b}],
   requestTemplate: {url: "https://h.example/t/{{.args.a}}/x?k={{.args.b}}&fixed=1"}}
- {name: in_name, description: d, args: [{name: a}, {name: b}],
   requestTemplate: {url: "https://h.example/t?{{.args.a}}={{.args.b}}", security: {id: Query}}}
- {name: after_base, description: d, args: [{name: a}],
   requestTemplate: {url: "{{.config.base}}/{{.args.a}}"}}
- {name: both, description: d, args: [{name: a}, {name: b, position: path}],
   requestTemplate: {url: "https://h.example/{{.args.a}}/{b}"}}
- {name: in_header, description: d, args: [{name: a}],
   requestTemplate: {url: "https://h.example/h", headers: [{key: X-T, value: "v={{.args.a}}"}]}}
- {name: in_json, description: d, args: [{name: a}, {name: b}],
   requestTemplate: {url: "https://h.example/j", method: POST, body: '{"s": "{{.args.a}}", "in": {"x": "pre {{.args.a}} post"}, "v": {{.args.b}}}'}}
- {name: in_form, description: d, args: [{name: a}, {name: b}],
   requestTemplate: {url: "https://h.example/f", method: POST, headers: [{key: Content-Type, value: application/x-www-form-urlencoded}], body: "a={{.args.a}}&b={{.args.b}}&fixed=1"}}
"##;

#[test]
fn a_value_changes_its_own_text_and_nothing_else() {
    let parsed = parsed(FILE);
    let count = golden("hostile.txt", |input| {
        let (tool, arguments) = input.split_once('\n').unwrap();
        sent(&parsed, tool, arguments)
    });
    assert!(count >= 60, "{count} cases");
}
