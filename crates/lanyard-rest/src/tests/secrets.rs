//! Credentials in files: what becomes a secret, what the stored text is, and what a call does
//! without one.

use expect_test::{Expect, expect};

use super::{Options, lines, parsed, sent};

/// What was moved out, what is without a value, and the text that is stored.
#[track_caller]
fn check(options: &Options<'_>, text: &str, expected: Expect) {
    let parsed = match options.parse(text) {
        Ok(parsed) => parsed,
        Err(problems) => return expected.assert_eq(&lines(&problems)),
    };
    let mut out = String::new();
    for literal in &parsed.literals {
        let (secret, value) = (&literal.secret, literal.value.expose());
        out.push_str(&format!("literal {secret} {value:?} of line {}\n", literal.line));
    }
    for secret in &parsed.unset {
        out.push_str(&format!("unset {secret}\n"));
    }
    out.push_str(&parsed.source);
    expected.assert_eq(&out);
    // What is stored reads as the same server, with nothing left to move.
    let again = options.parse(&parsed.source).map_err(|problems| lines(&problems)).unwrap();
    assert!(again.literals.is_empty() && again.unset.is_empty(), "{}", parsed.source);
    assert_eq!(again.source, parsed.source);
    assert_eq!(again.definition.secrets(), parsed.definition.secrets());
    assert!(!format!("{parsed:?}").contains("tst_literal"), "Debug shows a credential");
}

const TOOL: &str =
    "tools: [{name: t, description: d, requestTemplate: {url: 'https://h.example/'}}]\n";

#[track_caller]
fn moved(server: &str, expected: Expect) {
    check(&Options::default(), &format!("{server}\n{TOOL}"), expected);
}

#[test]
fn literals_under_names_of_credentials_are_moved() {
    moved(
        "server:\n  name: billing # keep me\n  config:\n    accessToken: tst_literal1 # and me\n    \
         apiKey: 'tst_literal2'\n    region: eu\n    appCode: \"tst_literal3\"\n    monkey: 5\n    \
         PASSWORD: 12345\n    nested: {client_secret: tst_literal4, list_of_tokens: [tst_literal5]}",
        expect![[r#"
            literal billing-token "tst_literal1" of line 4
            literal billing-api-key "tst_literal2" of line 5
            literal billing-app-code "tst_literal3" of line 7
            literal billing-password "12345" of line 9
            literal billing-nested-client-secret "tst_literal4" of line 10
            literal billing-nested-list-of-tokens "tst_literal5" of line 10
            server:
              name: billing # keep me
              config:
                accessToken: "secret://billing-token" # and me
                apiKey: "secret://billing-api-key"
                region: eu
                appCode: "secret://billing-app-code"
                monkey: 5
                PASSWORD: "secret://billing-password"
                nested: {client_secret: "secret://billing-nested-client-secret", list_of_tokens: ["secret://billing-nested-list-of-tokens"]}
            tools: [{name: t, description: d, requestTemplate: {url: 'https://h.example/'}}]
        "#]],
    );
}

#[test]
fn empty_placeholders_become_secrets_without_a_value() {
    moved(
        "server:\n  name: hub\n  config:\n    accessToken: \"\"\n    apikey:\n    token: ~\n    \
         region: ''\n    flow: {appid: , secret: null}",
        expect![[r#"
            unset hub-token
            unset hub-apikey
            unset hub-token-2
            unset hub-flow-appid
            unset hub-flow-secret
            server:
              name: hub
              config:
                accessToken: "secret://hub-token"
                apikey: "secret://hub-apikey"
                token: "secret://hub-token-2"
                region: ''
                flow: {appid: "secret://hub-flow-appid" , secret: "secret://hub-flow-secret"}
            tools: [{name: t, description: d, requestTemplate: {url: 'https://h.example/'}}]
        "#]],
    );
}

#[test]
fn schemes_and_requirements_hold_no_literal() {
    moved(
        "server:\n  name: billing\n  securitySchemes:\n  - {id: BillingKey, type: apiKey, in: \
         header, name: X, defaultCredential: tst_literal1}\n  - id: Up\n    type: http\n    scheme: \
         bearer\n    defaultCredential: |\n      tst_literal2\n  defaultUpstreamSecurity: {id: \
         BillingKey, credential: 'tst_literal3'}\n  defaultDownstreamSecurity: {id: Up, credential: \
         tst_literal4}",
        expect![[r#"
            literal billing-key "tst_literal1" of line 4
            literal billing-up "tst_literal2" of line 9
            literal billing-billing-key "tst_literal3" of line 10
            literal billing-up-2 "tst_literal4" of line 11
            server:
              name: billing
              securitySchemes:
              - {id: BillingKey, type: apiKey, in: header, name: X, defaultCredential: "secret://billing-key"}
              - id: Up
                type: http
                scheme: bearer
                defaultCredential: "secret://billing-up"

              defaultUpstreamSecurity: {id: BillingKey, credential: "secret://billing-billing-key"}
              defaultDownstreamSecurity: {id: Up, credential: "secret://billing-up-2"}
            tools: [{name: t, description: d, requestTemplate: {url: 'https://h.example/'}}]
        "#]],
    );
}

#[test]
fn a_value_used_through_an_alias_is_moved_once() {
    moved(
        "server:\n  name: s\n  config: {token: &t tst_literal, other: {key: *t}}",
        expect![[r#"
            literal s-token "tst_literal" of line 3
            server:
              name: s
              config: {token: &t "secret://s-token", other: {key: *t}}
            tools: [{name: t, description: d, requestTemplate: {url: 'https://h.example/'}}]
        "#]],
    );
}

#[test]
fn json_is_edited_as_json() {
    let text = r#"{
  "server": {"name": "hub", "config": {"apiKey": "tst_literal", "tokens": ["", "tst_literal2"]}},
  "tools": []
}
"#;
    check(
        &Options::default(),
        text,
        expect![[r#"
            literal hub-api-key "tst_literal" of line 2
            literal hub-tokens-2 "tst_literal2" of line 2
            unset hub-tokens
            {
              "server": {"name": "hub", "config": {"apiKey": "secret://hub-api-key", "tokens": ["secret://hub-tokens", "secret://hub-tokens-2"]}},
              "tools": []
            }
        "#]],
    );
}

#[test]
fn bindings_from_outside_win() {
    let text = "server:\n  name: hub\n  config: {accessToken: tst_literal, plain: x}\n  \
                securitySchemes:\n  - id: Up\n    type: http\n    scheme: bearer\n  - {id: Q, \
                type: apiKey, in: query, name: k, defaultCredential: tst_literal}\n  \
                defaultUpstreamSecurity: [{id: Up}, {id: Q}]\n";
    check(
        &Options {
            bindings: &[("accessToken", "one"), ("Up", "two"), ("Q", "three"), ("plain", "four")],
            ..Options::default()
        },
        &format!("{text}{TOOL}"),
        expect![[r#"
            server:
              name: hub
              config: {accessToken: "secret://one", plain: "secret://four"}
              securitySchemes:
              - "defaultCredential": "secret://two"
                id: Up
                type: http
                scheme: bearer
              - {id: Q, type: apiKey, in: query, name: k, defaultCredential: "secret://three"}
              defaultUpstreamSecurity: [{id: Up}, {id: Q}]
            tools: [{name: t, description: d, requestTemplate: {url: 'https://h.example/'}}]
        "#]],
    );
}

#[test]
fn a_binding_supplies_a_setting_that_the_file_uses_and_leaves_out() {
    let tool = "tools:\n- name: t\n  description: d\n  requestTemplate:\n    url: \
                https://h.example/\n    headers: [{key: Authorization, value: 'Bearer \
                {{.config.accessToken}}'}]\n";
    let options = Options { bindings: &[("accessToken", "one")], ..Options::default() };
    check(
        &options,
        &format!("server:\n  name: hub\n{tool}"),
        expect![[r#"
            server:
              "config": {"accessToken": "secret://one"}
              name: hub
            tools:
            - name: t
              description: d
              requestTemplate:
                url: https://h.example/
                headers: [{key: Authorization, value: 'Bearer {{.config.accessToken}}'}]
        "#]],
    );
    check(
        &options,
        &format!("server: {{name: hub, config: {{}}}}\n{tool}"),
        expect![[r#"
            server: {name: hub, config: {"accessToken": "secret://one"}}
            tools:
            - name: t
              description: d
              requestTemplate:
                url: https://h.example/
                headers: [{key: Authorization, value: 'Bearer {{.config.accessToken}}'}]
        "#]],
    );
}

#[test]
fn a_binding_of_nothing_is_refused() {
    check(
        &Options {
            bindings: &[("accesToken", "one"), ("apiKey", "no-such")],
            ..Options::default()
        },
        &format!("server: {{name: hub, config: {{accessToken: '', apiKey: x}}}}\n{TOOL}"),
        expect![[r#"
            api.yaml:1:9: `accesToken` is bound to secret://one but is no key of server.config, no `.config` path of a template and no security scheme; did you mean `accessToken`?
            api.yaml:1:55: server.config.apiKey: secret://no-such does not exist; create it with `lanyard secret set no-such`
        "#]],
    );
}

/// A file whose one tool uses one secret in one way.
fn using(scheme: &str, secret: &str) -> String {
    format!(
        "server:\n  name: s\n  config: {{v: 'secret://{secret}'}}\n  securitySchemes:\n  - {{id: \
         S, {scheme}, defaultCredential: 'secret://{secret}'}}\n  defaultUpstreamSecurity: {{id: \
         S}}\ntools:\n- {{name: t, description: d, requestTemplate: {{url: 'https://h.example/x'}}}}\n"
    )
}

#[track_caller]
fn written(scheme: &str, secret: &str, expected: &str) {
    assert_eq!(sent(&parsed(&using(scheme, secret)), "t", "{}").trim_end(), expected);
}

#[test]
fn without_its_secret_no_request_is_built() {
    const BEARER: &str = "type: http, scheme: bearer";
    written(BEARER, "unset", "refused: secret://unset is not set");
    written(BEARER, "empty", "refused: secret://empty is not set");
    written(BEARER, "elsewhere", "refused: secret://elsewhere is not bound to this origin");
    let broken = "refused: the header Authorization would hold a control character";
    written(BEARER, "broken", broken);
    let broken = "refused: the header X would hold a control character";
    written("type: apiKey, in: header, name: X", "broken", broken);
}

#[test]
fn each_scheme_writes_to_its_place() {
    let request = |line: &str| format!("GET https://h.example /x\n{line}");
    let bearer = "type: http, scheme: bearer";
    written(bearer, "k", &request("Authorization: Bearer tst_key&=+"));
    written(bearer, "prefixed", &request("Authorization: Bearer tst_token"));
    let basic = "type: http, scheme: Basic";
    written(basic, "pair", &request("Authorization: Basic dXNlcjp0c3RfcGFzcw=="));
    written(basic, "k", &request("Authorization: Basic tst_key&=+"));
    written("type: apiKey, in: header, name: X-Key", "k", &request("X-Key: tst_key&=+"));
    written("type: apiKey, in: cookie, name: sid", "k", &request("Cookie: sid=tst_key%26%3D%2B"));
    let query = "GET https://h.example /x?api%20key=tst_key%26%3D%2B";
    written("type: apiKey, in: query, name: api key", "k", query);
}

#[test]
fn a_credential_replaces_what_the_file_set_and_the_last_word_is_its_own() {
    let text = "server:\n  name: s\n  securitySchemes:\n  - {id: A, type: http, scheme: bearer, \
                defaultCredential: 'secret://k'}\n  - {id: B, type: apiKey, in: query, name: key, \
                defaultCredential: 'secret://k'}\n  defaultUpstreamSecurity: {id: A}\ntools:\n- \
                name: t\n  description: d\n  requestTemplate:\n    url: \
                https://h.example/?key=mine&x=1\n    headers: [{key: authorization, value: mine}]\n    \
                security: [{id: A, credential: 'secret://prefixed'}, {id: B}]\n";
    expect![[r#"
        GET https://h.example /?x=1&key=tst_key%26%3D%2B
        Authorization: Bearer tst_token
    "#]]
    .assert_eq(&sent(&parsed(text), "t", "{}"));
}

#[test]
fn a_tool_needs_the_secrets_that_its_request_reads_and_no_others() {
    let text = "server:\n  name: s\n  config: {a: 'secret://a', b: {c: 'secret://c', d: \
                'secret://d'}, unused: 'secret://e'}\ntools:\n- {name: one, description: d, \
                requestTemplate: {url: 'https://h.example/', headers: [{key: A, value: \
                '{{.config.a}}'}]}}\n- {name: two, description: d, requestTemplate: {url: \
                'https://g.example/', body: '{\"x\": {{toJson .config.b}}}'}}\n- {name: three, \
                description: d, responseTemplate: {body: 'say {{.config.a}}'}}\n";
    let parsed = parsed(text);
    let needs = |index: usize| -> Vec<String> {
        let tool: &crate::Tool = &parsed.definition.tools[index];
        tool.secrets().iter().map(ToString::to_string).collect()
    };
    assert_eq!(needs(0), ["a"]);
    assert_eq!(needs(1), ["c", "d"]);
    assert!(needs(2).is_empty());
    assert_eq!(parsed.definition.secrets().len(), 4);
    let uses: Vec<String> = parsed
        .secret_uses
        .iter()
        .map(|used| format!("{} {} {:?}", used.line, used.path, used.origins))
        .collect();
    assert!(uses[0].starts_with("3 server.config.a") && uses[0].contains("h.example"), "{uses:?}");
    assert!(uses[3].ends_with("server.config.unused {}"), "{uses:?}");
    // A direct response shows the reference, never the value.
    assert_eq!(sent(&parsed, "three", "{}"), "say secret://a\n");
}
