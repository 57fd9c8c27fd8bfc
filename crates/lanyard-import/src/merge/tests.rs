//! Edits survive, changes come in, and what is both is told.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{Merged, merge};
use crate::tests::{Guard, accepted, read};
use crate::{Draft, OpenApiOptions, import_openapi};

const THEN: &str = r#"
openapi: 3.0.0
info: {title: Desk, description: Tickets}
servers: [{url: "https://desk.example/v1"}]
security: [{key: []}]
components: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}}
paths:
  /tickets:
    get:
      operationId: listTickets
      summary: Lists tickets
      parameters: [{name: state, in: query, schema: {type: string, enum: [open, closed]}}, {name: "filter[words]", in: query, schema: {type: string}}]
    post:
      operationId: addTicket
      summary: Adds a ticket
      requestBody: {required: true, content: {application/json: {schema: {type: object, required: [title], properties: {title: {type: string}, tags: {type: array, items: {type: string}}}}}}}
  /tickets/{id}:
    get: {operationId: getTicket, summary: One ticket, parameters: [{name: id, in: path, required: true, schema: {type: string}}]}
    delete: {operationId: dropTicket, summary: Drops it, parameters: [{name: id, in: path, required: true, schema: {type: string}}]}
"#;

/// The same API later: a state more, an argument and an operation more, a description and a type
/// changed, one operation gone.
const LATER: &str = r#"
openapi: 3.0.0
info: {title: Desk, description: Tickets and more}
servers: [{url: "https://desk.example/v2"}]
security: [{key: []}]
components: {securitySchemes: {key: {type: apiKey, in: header, name: X-Api-Key}}}
paths:
  /tickets:
    get:
      operationId: listTickets
      summary: Lists all tickets
      parameters: [{name: state, in: query, schema: {type: string, enum: [open, closed, late]}}, {name: "filter[words]", in: query, schema: {type: string}}, {name: page, in: query, schema: {type: integer}}]
    post:
      operationId: addTicket
      summary: Adds one ticket
      requestBody: {required: true, content: {application/json: {schema: {type: object, required: [title], properties: {title: {type: string, maxLength: 80}, tags: {type: array, items: {type: string}}, urgent: {type: boolean}}}}}}
  /tickets/count:
    get: {operationId: countTickets, summary: How many there are}
  /tickets/{id}:
    get: {operationId: getTicket, summary: One ticket, parameters: [{name: id, in: path, required: true, schema: {type: integer}}]}
"#;

fn imported(text: &str) -> Draft {
    import_openapi(text, &OpenApiOptions::new(&Guard, 1 << 20)).unwrap().draft
}

/// Merges the later document into the earlier one after edits: each text is replaced by another.
#[track_caller]
fn merged(edits: &[(&str, &str)]) -> Merged {
    let base = imported(THEN).to_yaml();
    let mut edited = base.clone();
    for (from, to) in edits {
        assert!(edited.contains(from), "{from} is not in\n{edited}");
        edited = edited.replace(from, to);
    }
    let merged = merge(&base, &edited, &imported(LATER)).unwrap();
    accepted(&merged.yaml);
    merged
}

/// What is told, and the lines of the result that the person's text did not have (`+`) and those
/// that it had (`-`).
#[track_caller]
fn check(edits: &[(&str, &str)], expected: Expect) -> String {
    let merged = merged(edits);
    let mut out = String::new();
    for told in &merged.changes {
        out.push_str(&format!("{told}\n"));
    }
    for told in &merged.conflicts {
        out.push_str(&format!("! {told}\n"));
    }
    expected.assert_eq(&out);
    merged.yaml
}

#[test]
fn without_edits_everything_comes_in() {
    let yaml = check(
        &[],
        expect![[r#"
        listTickets: `description` changed
        listTickets: the schema of the argument `state` changed
        listTickets: the argument `page` is new
        addTicket: `description` changed
        addTicket: the schema of the argument `title` changed
        addTicket: the argument `urgent` is new
        getTicket: the schema of the argument `id` changed
        dropTicket: the operation is gone
        countTickets: new: GET /tickets/count
        server: `description` changed
        server: `baseUrl` changed
        server: `name` of the security scheme `key` changed
    "#]],
    );
    let expected = accepted(&imported(LATER).to_yaml());
    let read = accepted(&yaml);
    assert_eq!(read.definition.tools.len(), expected.definition.tools.len());
    for (one, other) in read.definition.tools.iter().zip(&expected.definition.tools) {
        assert_eq!(
            (&one.name, &one.description, &one.input_schema),
            (&other.name, &other.description, &other.input_schema)
        );
    }
}

#[test]
fn edits_survive() {
    let yaml = check(
        &[
            (
                "name: listTickets\n  description: Lists tickets",
                "name: find_tickets\n  # For everybody.\n  description: Finds what is open",
            ),
            (
                "- name: filter_words\n    wireName: filter[words]",
                "- name: words\n    wireName: filter[words]",
            ),
            ("defaultCredential: \"\"", "defaultCredential: secret://desk"),
            (
                "  requestTemplate:\n    url: /tickets\n    method: POST\n    argsToJsonBody: true",
                "  requestTemplate:\n    url: /tickets\n    method: POST\n    body: '{\"title\": {{toJson .args.title}}, \"tags\": {{toJson .args.tags}}}'",
            ),
        ],
        expect![[r#"
            find_tickets: the schema of the argument `state` changed
            find_tickets: the argument `page` is new
            addTicket: `description` changed
            addTicket: the schema of the argument `title` changed
            getTicket: the schema of the argument `id` changed
            dropTicket: the operation is gone
            countTickets: new: GET /tickets/count
            server: `description` changed
            server: `baseUrl` changed
            server: `name` of the security scheme `key` changed
            ! find_tickets: `description` changed here and upstream: yours is kept
            ! addTicket: the argument `urgent` (body) is new upstream, and your request has no place for it: left out
        "#]],
    );
    for kept in
        ["find_tickets", "Finds what is open", "name: words", "secret://desk", "toJson .args.tags"]
    {
        assert!(yaml.contains(kept), "{kept} is not in\n{yaml}");
    }
}

#[test]
fn what_was_removed_stays_removed_and_what_was_edited_is_not_taken_away() {
    let base = imported(THEN).to_yaml();
    let start = base.find("- name: getTicket").unwrap();
    let end = base.find("- name: dropTicket").unwrap();
    let yaml = check(
        &[
            (base.get(start..end).unwrap(), ""),
            ("description: Drops it", "description: Drops a ticket for good"),
        ],
        expect![[r#"
            listTickets: `description` changed
            listTickets: the schema of the argument `state` changed
            listTickets: the argument `page` is new
            addTicket: `description` changed
            addTicket: the schema of the argument `title` changed
            addTicket: the argument `urgent` is new
            countTickets: new: GET /tickets/count
            getTicket: you removed it, and it changed upstream: left out
            server: `description` changed
            server: `baseUrl` changed
            server: `name` of the security scheme `key` changed
            ! dropTicket: the operation is gone upstream and was edited: kept
        "#]],
    );
    assert!(!yaml.contains("getTicket") && yaml.contains("for good"));
}

#[test]
fn schemes_follow_their_new_ids() {
    let yaml = check(
        &[
            ("id: key", "id: desk-key"),
            ("method: DELETE", "method: DELETE\n    security: [{id: desk-key}]"),
        ],
        expect![[r#"
            listTickets: `description` changed
            listTickets: the schema of the argument `state` changed
            listTickets: the argument `page` is new
            addTicket: `description` changed
            addTicket: the schema of the argument `title` changed
            addTicket: the argument `urgent` is new
            getTicket: the schema of the argument `id` changed
            countTickets: new: GET /tickets/count
            server: `description` changed
            server: `baseUrl` changed
            ! dropTicket: the operation is gone upstream and was edited: kept
            ! server: the security scheme `desk-key` changed here and upstream: yours is kept
        "#]],
    );
    assert!(!yaml.contains("id: key\n"));
}

#[test]
fn comments_and_layout_stay_where_nothing_came_in() {
    let base = imported(THEN).to_yaml();
    let edited = base
        .replace("server:\n", "# Kept by the support team.\nserver:\n")
        .replace("- name: addTicket", "# Ask before use.\n- name:   addTicket")
        .replace("tools:\n", "tools:   \n");
    let again = merge(&base, &edited, &imported(THEN)).unwrap();
    assert_eq!(again.yaml, edited.replace("tools:   \n", "tools:\n"));
    assert_eq!((again.changes.len(), again.conflicts.len()), (0, 0));
    let later = merge(&base, &edited, &imported(LATER)).unwrap();
    assert!(later.yaml.contains("# Ask before use.\n- name: addTicket"));
    // A text of another shape is read all the same; its comments are not kept.
    let flow = serde_json::to_string(&lanyard_rest::yaml_value("", &edited).unwrap().0).unwrap();
    let merged = merge(&base, &flow, &imported(LATER)).unwrap();
    assert_eq!(
        lanyard_rest::yaml_value("", &merged.yaml).unwrap().0,
        lanyard_rest::yaml_value("", &later.yaml).unwrap().0
    );
}

#[test]
fn a_text_that_is_no_yaml_is_told() {
    let problem = merge("server: {}", "server: [", &imported(THEN)).unwrap_err();
    assert_eq!(problem.file, "edited");
}

/// Some lines of a definition taken out or doubled, as edits go wrong.
fn damaged(yaml: &str, cuts: &[(prop::sample::Index, usize)]) -> String {
    let mut lines: Vec<&str> = yaml.lines().collect();
    for (index, count) in cuts {
        if lines.is_empty() {
            break;
        }
        let at = index.index(lines.len());
        let end = at.saturating_add(*count).min(lines.len());
        lines.drain(at..end);
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever a person's text looks like: merging what did not change changes nothing.
    #[test]
    fn nothing_new_changes_nothing(cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize), 0..4)) {
        let draft = imported(THEN);
        let base = draft.to_yaml();
        let edited = damaged(&base, &cuts);
        if read(&edited).is_ok() {
            let merged = merge(&base, &edited, &draft).unwrap();
            let value = |text: &str| lanyard_rest::yaml_value("", text).unwrap().0;
            prop_assert_eq!(value(&merged.yaml), value(&edited), "{}", merged.yaml);
            prop_assert_eq!(merged.changes, vec![]);
            prop_assert_eq!(merged.conflicts, vec![]);
        }
    }

    /// Whatever a person changed: what is merged into a definition is one.
    #[test]
    fn what_comes_of_a_definition_is_one(cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize), 0..4)) {
        let base = imported(THEN).to_yaml();
        let edited = damaged(&base, &cuts);
        if read(&edited).is_ok() {
            accepted(&merge(&base, &edited, &imported(LATER)).unwrap().yaml);
        }
    }

    /// Whatever two descriptions: without edits the result is the new one.
    #[test]
    fn no_edits_give_the_new_one(cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..3_usize), 0..3), swap in any::<bool>()) {
        let (one, other) = if swap { (LATER, THEN) } else { (THEN, LATER) };
        let old = import_openapi(&damaged(one, &cuts), &OpenApiOptions::new(&Guard, 1 << 20));
        if let Ok(old) = old {
            let base = old.draft.to_yaml();
            let new = imported(other);
            let merged = merge(&base, &base, &new).unwrap();
            prop_assert_eq!(merged.conflicts, vec![]);
            let tools = |yaml: &str| {
                let mut tools = lanyard_rest::yaml_value("", yaml).unwrap().0["tools"].as_array().unwrap().clone();
                for tool in &mut tools {
                    // Names stay as they were.
                    tool.as_object_mut().unwrap().shift_remove("name");
                }
                tools.sort_by_key(|tool| tool["requestTemplate"].to_string());
                tools
            };
            prop_assert_eq!(tools(&merged.yaml), tools(&new.to_yaml()), "{} {:?}", base, merged.changes);
        }
    }
}
