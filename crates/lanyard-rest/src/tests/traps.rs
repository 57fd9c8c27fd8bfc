//! The traps of the original format, each by name: what goes wrong there does not here.

use super::{Options, lines, parsed, sent};

/// The one tool of a file, called.
#[track_caller]
fn check(file: &str, arguments: &str, expected: &str) {
    let answer = match Options::default().parse(file) {
        Ok(parsed) => sent(&parsed, "t", arguments),
        Err(problems) => lines(&problems),
    };
    assert_eq!(answer.trim_end(), expected);
}

fn tool(args: &str, request: &str) -> String {
    format!(
        "server: {{name: s, config: {{key: 'secret://k'}}}}\ntools:\n- name: t\n  description: d\n  \
         args: [{args}]\n  requestTemplate: {{url: 'https://h.example/x', {request}}}\n"
    )
}

#[test]
fn required_type_and_enum_are_in_a_schema_that_allows_nothing_else() {
    let file = tool("{name: a, enum: [x], required: true, position: query}", "");
    let schema = &parsed(&file).definition.tools[0].input_schema;
    assert_eq!(schema["required"][0], "a");
    assert_eq!(schema["properties"]["a"]["type"], "string");
    assert_eq!(schema["properties"]["a"]["enum"][0], "x");
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn an_omitted_argument_renders_no_broken_json() {
    let file =
        tool("{name: a, type: integer}, {name: b}", "body: '{\"a\": {{.args.a}}, \"b\": 1}'");
    let json = "GET https://h.example /x\nContent-Type: application/json; charset=utf-8\n\n";
    check(&file, "{}", &format!("{json}{{ \"b\": 1}}"));
}

#[test]
fn allow_tools_under_server_hides_tools() {
    let file = tool("", "").replace("name: s,", "name: s, allowTools: [],");
    assert!(parsed(&file).definition.tools.is_empty());
}

#[test]
fn a_missing_credential_stops_the_request() {
    let file = tool("", "headers: [{key: X, value: '{{.config.key}}'}]");
    check(&file.replace("//k", "//unset"), "{}", "refused: secret://unset is not set");
    let file = tool("", "headers: [{key: X, value: '{{.config.kee}}'}]");
    let missing = "refused: error executing header X template: .config.kee is not set in the \
                   server's config";
    check(&file, "{}", missing);
}

#[test]
fn a_missing_setting_with_a_default_is_no_failure() {
    let file = tool("", "headers: [{key: X, value: '{{.config.kee | default \"none\"}}'}]");
    check(&file, "{}", "GET https://h.example /x\nX: none");
}

#[test]
fn numbers_are_sent_as_they_were_written() {
    let file = tool("{name: a, type: number, position: query}", "");
    for number in ["1000000", "123456789", "0.000001", "1.50", "-0", "98765432109876543210"] {
        let sent = format!("GET https://h.example /x?a={number}");
        check(&file, &format!("{{\"a\": {number}}}"), &sent);
    }
}

#[test]
fn pairs_with_semicolons_and_percent_signs_arrive() {
    let file = tool("{name: a, position: query}", "");
    check(&file, r#"{"a": "a;b 100%"}"#, "GET https://h.example /x?a=a%3Bb%20100%25");
}

#[test]
fn to_json_of_a_list_is_that_list_and_of_nothing_is_nothing() {
    let body = "body: '{\"labels\": {{toJson .args.labels}}, \"n\": 1}'";
    let file = tool("{name: labels, type: array}", body);
    let json = "GET https://h.example /x\nContent-Type: application/json; charset=utf-8\n\n";
    check(&file, r#"{"labels": ["a", "b"]}"#, &format!(r#"{json}{{"labels": ["a","b"], "n": 1}}"#));
    check(&file, "{}", &format!(r#"{json}{{ "n": 1}}"#));
}

#[test]
fn an_omitted_optional_argument_is_not_sent() {
    let body =
        "method: PUT, body: '{\"content\": \"{{.args.content}}\", \"sha\": \"{{.args.sha}}\"}'";
    let file = tool("{name: content}, {name: sha}", body);
    let json = "PUT https://h.example /x\nContent-Type: application/json; charset=utf-8\n\n";
    check(&file, r#"{"content": ""}"#, &format!(r#"{json}{{"content": ""}}"#));
}

#[test]
fn every_tool_has_the_origin_of_its_own_url() {
    let file = "server: {name: s}\ntools:\n- {name: a, description: d, requestTemplate: {url: \
                'https://one.example/x'}}\n- {name: b, description: d, requestTemplate: {url: \
                'http://two.example:8080/y'}}\n";
    let definition = parsed(file).definition;
    let origins: Vec<String> = definition.origins().iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["http://two.example:8080", "https://one.example"]);
    assert_eq!(definition.tools[1].origin().unwrap().to_string(), origins[0]);
}

#[test]
fn a_bad_file_gives_no_server() {
    assert!(Options::default().parse("server: {name: s}\ntools: [{}]\n").is_err());
}
