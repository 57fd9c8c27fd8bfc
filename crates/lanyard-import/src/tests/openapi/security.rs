//! What carries a credential is a secret, wherever a document puts it.

use expect_test::{Expect, expect};

use super::{import, options};

/// The schemes and what the tools ask for, of a document with these operations and this rest.
#[track_caller]
fn check(operations: &[&str], rest: &str, expected: Expect) {
    let mut text =
        format!("openapi: 3.0.0\nservers: [{{url: 'https://h.example'}}]\n{rest}\npaths:\n");
    for (index, operation) in operations.iter().enumerate() {
        text.push_str(&format!("  /p{index}: {{get: {operation}}}\n"));
    }
    let draft = import(&text, &options()).unwrap().draft;
    let ids = |list: &[crate::Requirement]| -> Vec<String> {
        list.iter().map(|requirement| requirement.scheme.clone()).collect()
    };
    let mut told: String =
        draft.schemes.iter().map(|scheme| format!("{} {:?}\n", scheme.id, scheme.kind)).collect();
    told.push_str(&format!("default {:?}\n", ids(&draft.default_security)));
    for tool in &draft.tools {
        let names: Vec<&str> = tool.args.iter().map(|arg| arg.name.as_str()).collect();
        told.push_str(&format!("{names:?} {:?}\n", tool.security.as_deref().map(ids)));
    }
    expected.assert_eq(&told);
}

#[test]
fn a_parameter_that_holds_a_credential_is_a_secret() {
    let header = "{parameters: [{name: Authorization, in: header, schema: {type: string}}]}";
    check(
        &[header, header],
        "",
        expect![[r#"
        Authorization ApiKey { place: Header, name: "Authorization" }
        default ["Authorization"]
        [] None
        [] None
    "#]],
    );
    let query = "{parameters: [{name: api_key, in: query, required: true, schema: {type: string}}, \
                 {name: page_token, in: query, required: true, schema: {type: string}}, \
                 {name: token, in: query, schema: {type: string}}]}";
    check(
        &[header, query, "{}"],
        "",
        expect![[r#"
        Authorization ApiKey { place: Header, name: "Authorization" }
        api_key ApiKey { place: Query, name: "api_key" }
        default []
        [] Some(["Authorization"])
        ["page_token", "token"] Some(["api_key"])
        [] None
    "#]],
    );
    let schemes =
        "components: {securitySchemes: {b: {type: http, scheme: bearer}}}\nsecurity: [{b: []}]";
    check(
        &[header, query, "{security: []}"],
        schemes,
        expect![[r#"
        b HttpBearer
        api_key ApiKey { place: Query, name: "api_key" }
        default ["b"]
        [] None
        ["page_token", "token"] Some(["b", "api_key"])
        [] Some([])
    "#]],
    );
}

#[test]
fn one_token_that_is_asked_for_twice_is_sent_once() {
    let schemes = "components: {securitySchemes: {a: {type: oauth2}, b: {type: openIdConnect}, c: \
                   {type: http, scheme: basic}, k: {type: apiKey, in: cookie, name: k}}}";
    check(
        &[
            "{security: [{a: [x], b: [y]}, {c: []}]}",
            "{security: [{a: [], c: []}, {k: [], c: []}]}",
            "{security: [{a: [], c: []}]}",
            "{security: [{none: []}, {}]}",
        ],
        schemes,
        expect![[r#"
            a HttpBearer
            c HttpBasic
            k ApiKey { place: Cookie, name: "k" }
            default []
            [] Some(["a"])
            [] Some(["k", "c"])
            [] None
            [] None
        "#]],
    );
}
