//! The examples of the format's description, as requests and results.

use super::{Options, golden, lines, parsed, render, sent, shaped};
use crate::Rendered;

const TICKETS: &str = r#"
server:
  name: desk
  description: The help desk
tools:
- name: find_tickets
  description: Find tickets by words and state
  args:
  - {name: words, description: Words to look for, type: string, required: true, position: query}
  - {name: state, description: State, type: string, enum: [open, closed], default: open, position: query}
  - {name: limit, description: At most, type: integer, minimum: 1, default: 20, position: query}
  requestTemplate: {url: "https://desk.example.com/api/v2/tickets", method: GET}
- name: comment
  description: Comment on a ticket
  args:
  - {name: ticket_id, description: Number, type: integer, required: true, position: path}
  - {name: notify, description: Mail the watchers, type: boolean, default: false, position: query}
  - {name: text, description: The comment, type: string, required: true, position: body}
  - {name: tags, description: Tags, type: array, items: {type: string}, position: body}
  requestTemplate: {url: "https://desk.example.com/api/v2/tickets/{ticket_id}/comments", method: POST}
"#;

const PLANNER: &str = r#"
server: {name: planner}
tools:
- name: create_tasks
  description: Create several tasks in a list
  args:
  - {name: list, description: Name of the list, type: string, required: true}
  - {name: titles, description: Titles, type: array, items: {type: string}, required: true}
  - {name: note, description: Note on every task, type: string, default: ""}
  - {name: due, description: "Due date, YYYY-MM-DD", type: string, format: date}
  requestTemplate:
    url: "https://planner.example.com/v1/lists/{{.args.list}}/tasks"
    method: POST
    headers:
    - {key: Content-Type, value: application/json}
    - {key: X-Request-Id, value: "{{uuidv4}}"}
    body: |
      {"titles": {{toJson .args.titles}}, "note": "{{.args.note}}", "due": "{{.args.due}}"}
  responseTemplate:
    body: |
      {{- range $i, $t := .tasks }}
      {{ add $i 1 }}. {{ $t.title }}{{ if $t.due }} (due {{ $t.due }}){{ end }}
      {{- else }}
      No task was created.
      {{- end }}
  errorResponseTemplate: 'Planner answered {{ gjson "_headers.\\:status" }}: {{ .error.message | default "no reason given" }}'
"#;

const BILLING: &str = r#"
server:
  name: billing
  securitySchemes:
  - {id: BillingKey, type: apiKey, in: header, name: X-Api-Key, defaultCredential: "secret://billing-key"}
  defaultUpstreamSecurity: {id: BillingKey}
allowTools: [get_invoice]
tools:
- name: get_invoice
  description: One invoice by number
  args:
  - {name: number, description: Number, type: string, pattern: "^INV-[0-9]+$", required: true, position: path}
  requestTemplate: {url: "https://billing.example.com/invoices/{number}", method: GET}
  responseTemplate: {prependBody: "Invoice as JSON:\n"}
- name: refund
  description: Refund an invoice
  args:
  - {name: number, description: Number, type: string, required: true, position: body}
  requestTemplate: {url: "https://billing.example.com/refunds", method: POST}
"#;

const SUPPORT: &str = r#"
server:
  name: support-info
  config: {desk: Lisbon}
tools:
- name: answer_time
  description: How long support takes to answer
  args:
  - {name: days, description: Days promised, type: integer, default: 2}
  responseTemplate:
    body: "Support answers within {{ .args.days }} day{{ if ne .args.days 1 }}s{{ end }}. Desk: {{ .config.desk }}."
"#;

fn file(name: &str) -> &'static str {
    match name {
        "desk" => TICKETS,
        "planner" => PLANNER,
        "billing" => BILLING,
        _ => SUPPORT,
    }
}

/// A case is `file tool` and the arguments on the next line.
#[test]
fn each_example_is_sent_as_its_description_says() {
    golden("examples.txt", |input| {
        let (call, arguments) = input.split_once('\n').unwrap();
        let (name, tool) = call.split_once(' ').unwrap();
        sent(&parsed(file(name)), tool, arguments)
    });
}

#[test]
fn examples_are_accepted_without_a_warning() {
    for name in ["desk", "planner", "billing", "support"] {
        assert_eq!(lines(&parsed(file(name)).warnings), "", "{name}");
    }
}

#[test]
fn only_allowed_tools_are_exposed_and_only_their_origins_count() {
    let definition = parsed(BILLING).definition;
    let names: Vec<&str> = definition.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["get_invoice"]);
    let origins: Vec<String> = definition.origins().iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["https://billing.example.com"]);
    assert_eq!(definition.tools[0].secrets()[0].as_str(), "billing-key");
    assert_eq!(definition.tools[0].method(), Some("GET"));
}

#[test]
fn the_schema_lists_arguments_in_the_order_of_the_file_and_no_others() {
    let parsed = parsed(TICKETS);
    expect_test::expect![[r#"{"type":"object","properties":{"words":{"description":"Words to look for","type":"string"},"state":{"description":"State","type":"string","enum":["open","closed"],"default":"open"},"limit":{"description":"At most","type":"integer","minimum":1,"default":20}},"required":["words"],"additionalProperties":false}"#]]
    .assert_eq(&parsed.definition.tools[0].input_schema.to_string());
}

#[test]
fn answers_are_shaped_by_the_template() {
    let planner = parsed(PLANNER);
    let answer = br#"{"tasks":[{"title":"Write","due":"2026-12-01"},{"title":"Read"}]}"#;
    expect_test::expect![[r#"

        1. Write (due 2026-12-01)
        2. Read

    "#]]
    .assert_eq(&shaped(&planner, "create_tasks", 200, &[], answer));
    let none = shaped(&planner, "create_tasks", 200, &[], b"{}");
    assert_eq!(none.trim(), "No task was created.");
    let error = br#"{"error":{"message":"list is locked"}}"#;
    assert_eq!(
        shaped(&planner, "create_tasks", 423, &[], error),
        "isError\nPlanner answered 423: list is locked\n"
    );
    assert_eq!(
        shaped(&planner, "create_tasks", 502, &[], b"<html>"),
        "isError\nPlanner answered 502: no reason given\n"
    );
}

#[test]
fn debug_of_a_request_shows_no_value() {
    let parsed = parsed(BILLING);
    let Ok(Rendered::Request(plan)) = render(&parsed, "get_invoice", r#"{"number":"INV-77"}"#)
    else {
        panic!("not rendered");
    };
    let shown = format!("{plan:?} {:?}", parsed.definition);
    assert!(!shown.contains("tst_") && !shown.contains("INV-77"), "{shown}");
}

#[test]
fn a_set_lists_the_tools_of_other_servers() {
    let text = "toolSet:\n  name: desk\n  serverTools:\n  - {serverName: tickets, tools: \
                [search_tickets, add_comment]}\n  - {serverName: wiki, tools: [find_page]}\n\
                allowTools: [\"tickets___search_tickets\", \"wiki/find_page\"]\n";
    let set = Options::default().parse(text).unwrap().definition.set.unwrap();
    let listed: Vec<&str> = set.entries.iter().map(|entry| entry.listed.as_str()).collect();
    assert_eq!(listed, ["tickets___search_tickets", "wiki___find_page"]);
    assert_eq!(set.entries[1].server.as_str(), "wiki");
    assert_eq!(set.entries[1].tool.as_str(), "find_page");
}

#[test]
fn a_set_may_name_whatever_a_server_lists_itself() {
    let text = |tool: &str| {
        format!(
            "toolSet:\n  name: desk\n  serverTools:\n  - {{serverName: live, tools: [{tool}]}}\n"
        )
    };
    let set = Options::default().parse(&text("gone_tomorrow")).unwrap().definition.set.unwrap();
    assert_eq!(set.entries[0].listed.as_str(), "live___gone_tomorrow");
    assert!(Options::default().parse(&text("'no name'")).is_err());
}
