//! A template file changes what is written, and is refused with its place where it is wrong.

use expect_test::expect;
use lanyard_rest::Schemas;
use serde_json::{Value, json};

use crate::{OpenApiOptions, Patch, given_names, import_openapi, merge};

struct Any;

impl Schemas for Any {
    fn check_schema(&self, _: &Value) -> Result<(), String> {
        Ok(())
    }

    fn check_value(&self, _: &Value, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

fn description() -> Value {
    json!({
        "openapi": "3.1.0", "info": { "title": "T", "version": "1" },
        "servers": [{ "url": "https://t.example" }],
        "paths": { "/x": { "post": {
            "operationId": "x",
            "parameters": [{ "name": "X-Old", "in": "header", "schema": { "const": "1" }, "required": true }],
            "requestBody": { "required": true, "content": { "application/json": { "schema": {
                "type": "object", "properties": { "a": { "type": "string" } },
            } } } },
            "responses": { "200": { "description": "ok", "content": { "application/json": { "schema": {
                "type": "array", "items": { "type": "object", "properties": {
                    "name": { "type": "string", "description": "Its\nname" },
                    "parts": { "type": "array", "items": { "type": "object", "properties": {
                        "size": { "type": ["integer", "null"] },
                    } } },
                } },
            } } } } },
        } } },
    })
}

const PATCH: &str = "server:
  config: {desk: Lisbon}
  securitySchemes:
  - {id: Key, type: apiKey, in: header, name: X-Key, defaultCredential: ''}
tools:
  requestTemplate:
    headers:
    - {key: X-Desk, value: '{{.config.desk}}'}
    - {key: content-type, value: application/vnd.t+json}
    argsToFormBody: true
    argsToUrlParam: false
    security: {id: Key}
  responseTemplate: {appendBody: ' (end)'}
";

fn imported(patch: Option<&str>) -> crate::Draft {
    let options = OpenApiOptions { explain_answers: true, ..OpenApiOptions::new(&Any, 1 << 20) };
    let mut draft = import_openapi(&description().to_string(), &options).unwrap().draft;
    draft.patch = patch.map(|text| Patch::parse("patch.yaml", text).unwrap());
    draft
}

#[test]
fn every_tool_is_changed() {
    expect![[r#"
        server:
          name: t
          description: T
          baseUrl: https://t.example
          config:
            desk: Lisbon
          securitySchemes:
          - id: Key
            type: apiKey
            in: header
            name: X-Key
            defaultCredential: ""
        tools:
        - name: x
          description: POST /x
          args:
          - name: X-Old
            position: header
            style: comma
            schema:
              const: "1"
              default: "1"
          - name: a
            type: string
            position: body
          requestTemplate:
            url: /x
            method: POST
            headers:
            - key: X-Desk
              value: "{{.config.desk}}"
            - key: content-type
              value: application/vnd.t+json
            argsToFormBody: true
            security:
              id: Key
          responseTemplate:
            prependBody: |
              # API Response Information

              What the API answered stands below, after what its members mean.

              ## Response Structure

              > Content-Type: application/json

              - **[].name**: Its name (Type: string)
              - **[].parts** (Type: array)
              - **[].parts[].size** (Type: integer or null)

              ## Original Response
            appendBody: " (end)"
    "#]]
    .assert_eq(&imported(Some(PATCH)).to_yaml());
}

#[test]
fn a_body_takes_the_place_of_what_stands_around_the_answer() {
    let text = imported(Some("tools: {responseTemplate: {body: '{{.name}}'}}")).to_yaml();
    assert!(text.contains("body: \"{{.name}}\"") || text.contains("body: '{{.name}}'"), "{text}");
    assert!(!text.contains("prependBody"), "{text}");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let mut told = String::new();
    for bad in [
        "tools: []",
        "tools: {requestTemplate: {url: x}}",
        "tools: {requestTemplate: {argsToJsonBody: yes please}}",
        "server: {name: x}",
        "server: {securitySchemes: {id: x}}",
        "tol: {}",
        "- 1",
        "a: [",
        "",
    ] {
        told.push_str(&Patch::parse("patch.yaml", bad).unwrap_err());
        told.push('\n');
    }
    expect![[r#"
        patch.yaml: tools must be an object
        patch.yaml: tools.requestTemplate.url is unknown here; known are: headers, body, argsToJsonBody, argsToUrlParam, argsToFormBody, security
        patch.yaml: tools.requestTemplate.argsToJsonBody must be true or false
        patch.yaml: server.name is unknown here; known are: config, securitySchemes
        patch.yaml: server.securitySchemes must be a list
        patch.yaml: tol is unknown here; known are: server, tools
        patch.yaml: the file must be an object
        patch.yaml:1:4: this is not YAML: unclosed bracket '['
        patch.yaml:1:1: the file is empty
    "#]].assert_eq(&told);
}

#[test]
fn a_credential_has_no_place_in_the_file() {
    for (bad, place) in [
        ("server: {config: {apiKey: k3y}}", "server.config.apiKey"),
        ("server: {config: {token: 12345}}", "server.config.token"),
        ("server: {securitySchemes: [{id: K, defaultCredential: k3y}]}", "defaultCredential"),
        (
            "tools: {requestTemplate: {headers: [{key: Authorization, value: Bearer k3y}]}}",
            "headers",
        ),
        (
            "tools: {requestTemplate: {security: {id: K, credential: k3y}}}",
            "requestTemplate.security",
        ),
        ("tools: {security: [{id: K, credential: k3y}]}", "tools.security"),
    ] {
        let told = Patch::parse("patch.yaml", bad).unwrap_err();
        assert!(told.contains(place) && told.contains("secret://NAME"), "{bad}: {told}");
        assert!(!told.contains("k3y") && !told.contains("12345"), "{told}");
    }
    for good in [
        "server: {config: {apiKey: '', token: 'secret://t', desk: x}}",
        "tools: {requestTemplate: {headers: [{key: X-Key, value: '{{.config.k}}'}]}}",
        "tools: {requestTemplate: {security: {id: K}}}",
    ] {
        assert!(Patch::parse("patch.yaml", good).is_ok(), "{good}");
    }
}

#[test]
fn a_changed_import_merges_like_any_other() {
    let base = imported(Some(PATCH)).to_yaml();
    assert_eq!(given_names(&base).unwrap()[0].1, "x");
    let edited = base.replace("Lisbon", "Porto");
    let merged = merge(&base, &edited, &imported(Some(PATCH))).unwrap();
    assert_eq!(merged.yaml, edited);
    let other = PATCH.replace("(end)", "(over)");
    let merged = merge(&base, &edited, &imported(Some(&other))).unwrap();
    assert!(merged.yaml.contains("(over)") && merged.yaml.contains("Porto"), "{}", merged.yaml);
}
