//! `type: mcp-proxy`: what of a file a server is that speaks MCP itself.

use expect_test::{Expect, expect};

use super::{Options, lines};
use crate::{Parsed, ProxyTransport};

fn shown(parsed: &Parsed) -> String {
    let proxy = parsed.definition.proxy.as_ref().unwrap();
    let transport = match proxy.transport {
        ProxyTransport::Http => "http",
        ProxyTransport::Sse => "sse",
    };
    let mut out = format!("{} {transport} {}\n", parsed.definition.name, proxy.url);
    for (kind, pairs) in [("header", &proxy.headers), ("query", &proxy.query)] {
        for (name, value) in pairs {
            out.push_str(&format!("{kind} {name}: {value}\n"));
        }
    }
    if let Some(tools) = &proxy.tools {
        let tools: Vec<&str> = tools.iter().map(|name| name.as_str()).collect();
        out.push_str(&format!("tools {}\n", tools.join(",")));
    }
    for literal in &parsed.literals {
        out.push_str(&format!("key {} on line {}\n", literal.secret, literal.line));
    }
    for secret in &parsed.unset {
        out.push_str(&format!("unset {secret}\n"));
    }
    for used in &parsed.secret_uses {
        let origins: Vec<String> = used.origins.iter().map(ToString::to_string).collect();
        out.push_str(&format!("{} goes to {}\n", used.secret, origins.join(" ")));
    }
    out.push_str(&lines(&parsed.warnings));
    out
}

#[track_caller]
fn check(text: &str, expected: Expect) {
    let parsed = Options::default().parse(text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    expected.assert_eq(&shown(&parsed));
}

#[test]
fn as_little_as_can_be() {
    check(
        "server: {name: s, type: mcp-proxy, mcpServerURL: 'https://h.example/mcp'}\n",
        expect![[r#"
            s http https://h.example/mcp
        "#]],
    );
}

#[test]
fn credentials_go_where_their_schemes_say() {
    check(
        r#"server:
  name: errors
  type: mcp-proxy
  transport: sse
  mcpServerURL: "https://h.example/mcp?v=1"
  timeout: 9000
  description: Errors
  config: {a: b}
  baseUrl: https://x.example
  securitySchemes:
  - {id: Up, type: http, scheme: bearer, defaultCredential: "secret://x"}
  - {id: Key, type: apiKey, in: header, name: X-Key, defaultCredential: plain-text-key}
  - {id: Query, type: apiKey, in: query, name: key, defaultCredential: ""}
  - {id: Cook, type: apiKey, in: cookie, name: c, defaultCredential: "secret://x"}
  - {id: Cook2, type: apiKey, in: cookie, name: d, defaultCredential: "secret://x"}
  defaultUpstreamSecurity: [{id: Up}, {id: Key}, {id: Query}, {id: Cook}, {id: Cook2}]
"#,
        expect![[r#"
            errors sse https://h.example/mcp?v=1
            header authorization: Bearer secret://x
            header x-key: secret://errors-key
            header cookie: c=secret://x; d=secret://x
            query key: secret://errors-query
            key errors-key on line 12
            unset errors-query
            x goes to https://h.example
            errors-key goes to https://h.example
            errors-query goes to https://h.example
            x goes to https://h.example
            x goes to https://h.example
            api.yaml:8:11: server.config: warning: this is for `type: rest` and does nothing here
            api.yaml:9:12: server.baseUrl: warning: this is for `type: rest` and does nothing here
        "#]],
    );
}

#[test]
fn tools_that_are_listed_are_all_that_is_seen() {
    let file = |more: &str| {
        format!(
            "server: {{name: s, type: mcp-proxy, mcpServerURL: 'https://h.example/mcp', \
             securitySchemes: [{{id: A, type: http, scheme: bearer, defaultCredential: \
             'secret://x'}}]}}\n{more}\n"
        )
    };
    let security = "requestTemplate: {security: {id: A}, method: GET}";
    check(
        &file(&format!(
            "tools:\n- {{name: a, description: d, args: [], {security}}}\n- {{name: b, security: {{id: A}}, {security}}}"
        )),
        expect![[r#"
            s http https://h.example/mcp
            header authorization: Bearer secret://x
            tools a,b
            x goes to https://h.example
            api.yaml:3:26: tools[0].description: warning: the server says it itself, and that counts
            api.yaml:3:35: tools[0].args: warning: the server says it itself, and that counts
            api.yaml:3:76: tools[0].requestTemplate.method: warning: this is for `type: rest` and does nothing here
            api.yaml:4:23: tools[1].security: warning: this has no effect: agents prove who they are with their token
            api.yaml:4:69: tools[1].requestTemplate.method: warning: this is for `type: rest` and does nothing here
        "#]],
    );
    check(
        &file("tools: [{name: a}, {name: b}]\nallowTools: [b]"),
        expect![[r#"
        s http https://h.example/mcp
        tools b
        x goes to 
    "#]],
    );
    check(
        &file("tools: []\nallowTools: [b, c]"),
        expect![[r#"
        s http https://h.example/mcp
        tools b,c
        x goes to 
    "#]],
    );
    check(
        &file("allowTools: []"),
        expect![[r#"
        s http https://h.example/mcp
        tools 
        x goes to 
    "#]],
    );
}

#[test]
fn a_credential_can_be_named_from_outside() {
    let file = "server: {name: s, type: mcp-proxy, mcpServerURL: 'https://h.example/mcp', \
                securitySchemes: [{id: A, type: http, scheme: bearer}], defaultUpstreamSecurity: \
                {id: A}}\n";
    let options = Options { bindings: &[("A", "mine")], ..Options::default() };
    expect![[r#"
        s http https://h.example/mcp
        header authorization: Bearer secret://mine
        mine goes to https://h.example
    "#]]
    .assert_eq(&shown(&options.parse(file).unwrap()));
}
