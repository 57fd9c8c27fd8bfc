//! What is sent for a call is what the description says: through the import, the YAML, its reader
//! and the writer of requests.

use expect_test::{Expect, expect};
use lanyard_core::{Limits, Origin, SecretError, SecretName, SecretSource, Timestamp};
use lanyard_rest::{RenderContext, Rendered};
use serde_json::{Value, json};

use super::super::accepted;
use super::{DESK, SHOP, import, options};

/// Every secret has the same value.
struct Secrets;

impl SecretSource for Secrets {
    fn expose(&self, _: &SecretName, _: &[Origin]) -> Result<&str, SecretError> {
        Ok("tst_secret")
    }
}

/// The request of a call: method, URL, headers but those of every request, body.
fn sent(document: &str, tool: &str, arguments: &Value) -> String {
    let draft = import(document, &options()).unwrap().draft;
    let parsed = accepted(&draft.to_yaml());
    let Some(tool) = parsed.definition.tools.iter().find(|it| it.name.as_str() == tool) else {
        return format!("there is no {tool}\n");
    };
    let limits = Limits::standard();
    let context = RenderContext {
        secrets: &Secrets,
        now: Timestamp(0),
        random: &|buffer| buffer.fill(7),
        client_ip: None,
        limits: &limits,
    };
    let Ok(Rendered::Request(plan)) = tool.render(arguments.as_object().unwrap(), &context) else {
        return "not rendered\n".to_owned();
    };
    let mut out = format!("{} {}{}\n", plan.method, plan.origin, plan.target);
    for (name, value) in &plan.headers {
        if name != "Accept" && name != "User-Agent" {
            out.push_str(&format!("{name}: {value}\n"));
        }
    }
    if !plan.body.is_empty() {
        out.push_str(&format!("\n{}\n", String::from_utf8_lossy(&plan.body).replace('\r', "")));
    }
    out
}

#[track_caller]
fn check(document: &str, tool: &str, arguments: &Value, expected: Expect) {
    expected.assert_eq(&sent(document, tool, arguments));
}

#[test]
fn parameters_arrive_as_the_document_says() {
    let arguments = json!({
        "order-id": 17, "X-TRACE": "a b", "lang": "pt", "fields": ["id", "lines"], "ids": [1, 2],
        "piped": ["a", "b"], "spaced": ["a", "b"], "filter_name": "x&y", "range": {"from": 1, "to": 2},
        "expand": ["a", "b"], "size": 5, "where": {"a": "b"}, "format": "json", "session": "s;t",
        "order-id_query": "q",
    });
    check(
        SHOP,
        "orders_get",
        &arguments,
        expect![[r#"
        GET https://eu.shop.example/v2/orders/17?lang=pt&fields=id&fields=lines&ids=1,2&piped=a%7Cb&spaced=a%20b&filter%5Bname%5D=x%26y&range%5Bfrom%5D=1&range%5Bto%5D=2&expand%5B%5D=a&expand%5B%5D=b&size=5&where=%7B%22a%22%3A%22b%22%7D&format=json&order-id=q
        X-TRACE: a b
        X-Key: tst_secret
        Cookie: session=s%3Bt
    "#]],
    );
    check(
        SHOP,
        "get_categories_path",
        &json!({"path": "a/b c"}),
        expect![[r#"
        GET https://static.shop.example/categories/a/b%20c
        X-Key: tst_secret
    "#]],
    );
}

#[test]
fn bodies_arrive_as_the_document_says() {
    let line = json!({"product": "lamp", "count": 2});
    check(
        SHOP,
        "change_order",
        &json!({"order-id": 1, "lines": [line]}),
        expect![[r#"
        PATCH https://eu.shop.example/v2/orders/1
        Content-Type: application/merge-patch+json
        X-Key: tst_secret
        Authorization: Bearer tst_secret

        {"lines":[{"product":"lamp","count":2}]}
    "#]],
    );
    let list = json!({"items": [line, line]});
    check(
        SHOP,
        "createorder_d6bd679c",
        &list,
        expect![[r#"
        PUT https://eu.shop.example/v2/orders
        Content-Type: application/json
        X-Key: tst_secret

        [{"product":"lamp","count":2},{"product":"lamp","count":2}]
    "#]],
    );
    let form = json!({"user": "a b&c", "roles": ["x", "y"], "device": {"os": "z"}});
    check(
        SHOP,
        "login",
        &form,
        expect![[r#"
        POST https://eu.shop.example/v2/login
        Content-Type: application/x-www-form-urlencoded
        X-Key: tst_secret

        user=a+b%26c&roles=x&roles=y&device%5Bos%5D=z
    "#]],
    );
}

#[test]
fn texts_unions_and_files_arrive_as_the_document_says() {
    let line = json!({"product": "lamp", "count": 2});
    check(
        SHOP,
        "addNote",
        &json!({"body": "# {{x}} \"y\""}),
        expect![[r#"
        POST https://eu.shop.example/v2/notes
        Content-Type: text/markdown
        X-Key: tst_secret

        # {{x}} "y"
    "#]],
    );
    check(
        SHOP,
        "shape",
        &json!({"body": {"kind": "c", "radius": 1.50}}),
        expect![[r#"
        PUT https://eu.shop.example/v2/notes
        Content-Type: application/json
        X-Key: tst_secret

        {"kind":"c","radius":1.5}
    "#]],
    );
    let files = json!({"file": "aGk=", "thumbs": ["YQ==", "Yg=="], "about": line});
    check(
        SHOP,
        "upload",
        &files,
        expect![[r#"
        POST https://eu.shop.example/v2/upload
        Content-Type: multipart/form-data; boundary=lanyard-07070707070707070707070707070707
        X-Key: tst_secret

        --lanyard-07070707070707070707070707070707
        Content-Disposition: form-data; name="file"; filename="file"
        Content-Type: application/octet-stream

        hi
        --lanyard-07070707070707070707070707070707
        Content-Disposition: form-data; name="thumbs"; filename="thumbs"
        Content-Type: application/octet-stream

        a
        --lanyard-07070707070707070707070707070707
        Content-Disposition: form-data; name="thumbs"; filename="thumbs"
        Content-Type: application/octet-stream

        b
        --lanyard-07070707070707070707070707070707
        Content-Disposition: form-data; name="about"

        {"product":"lamp","count":2}
        --lanyard-07070707070707070707070707070707--

    "#]],
    );
}

#[test]
fn swagger_requests_arrive_as_the_document_says() {
    let arguments =
        json!({"limit": 3, "state": ["open", "closed"], "ids": [1, 2], "words": ["a", "b"]});
    check(
        DESK,
        "get_tickets",
        &arguments,
        expect![[r#"
        GET https://desk.example:8443/api/v1/tickets?limit=3&state=open&state=closed&ids=1,2&words=a%20b&token=tst_secret
    "#]],
    );
    check(
        DESK,
        "add",
        &json!({"title": "t", "parent": {"title": "p"}}),
        expect![[r#"
        POST https://desk.example:8443/api/v1/tickets
        Content-Type: application/json; charset=utf-8
        Authorization: Basic tst_secret

        {"title":"t","parent":{"title":"p"}}
    "#]],
    );
    check(
        DESK,
        "attach",
        &json!({"id": "1", "file": "aGk=", "title": "t"}),
        expect![[r#"
        POST https://desk.example:8443/api/v1/tickets/1/files
        Content-Type: multipart/form-data; boundary=lanyard-07070707070707070707070707070707
        Authorization: Basic tst_secret

        --lanyard-07070707070707070707070707070707
        Content-Disposition: form-data; name="file"; filename="file"
        Content-Type: application/octet-stream

        hi
        --lanyard-07070707070707070707070707070707
        Content-Disposition: form-data; name="title"

        t
        --lanyard-07070707070707070707070707070707--

    "#]],
    );
    check(
        DESK,
        "rename",
        &json!({"id": "1", "tags": ["a", "b,c"]}),
        expect![[r#"
        PUT https://desk.example:8443/api/v1/tickets/1/files
        Content-Type: application/x-www-form-urlencoded
        Authorization: Basic tst_secret

        tags=a,b%2Cc
    "#]],
    );
}

/// What is sent for one parameter.
fn styled(place: &str, style: &str, explode: bool, schema: &Value, arguments: &Value) -> String {
    let parameter = json!({
        "name": "color", "in": place, "required": true, "style": style,
        "explode": explode, "schema": schema,
    });
    let path = if place == "path" { "/{color}" } else { "/" };
    let document = json!({
        "openapi": "3.0.4", "servers": [{"url": "https://h.example"}],
        "paths": {path: {"get": {"operationId": "x", "parameters": [parameter]}}},
    });
    // The members of an exploded object are arguments of their own.
    let members = style == "form" && explode && arguments["color"].is_object();
    let arguments = if members { &arguments["color"] } else { arguments };
    let request = sent(&document.to_string(), "x", arguments);
    request.replace("GET https://h.example", "").trim().replace('\n', " ")
}

const STYLES: &[(&str, &str, bool)] = &[
    ("path", "matrix", false),
    ("path", "matrix", true),
    ("path", "label", false),
    ("path", "label", true),
    ("path", "simple", false),
    ("path", "simple", true),
    ("query", "form", false),
    ("query", "form", true),
    ("query", "spaceDelimited", false),
    ("query", "pipeDelimited", false),
    ("query", "deepObject", true),
    ("header", "simple", false),
    ("header", "simple", true),
    ("cookie", "form", false),
    ("cookie", "form", true),
];

/// The table of styles. Source: OpenAPI Specification 3.0.4, "Style Examples"; brackets are
/// percent-encoded here, as RFC 3986 asks, and a space is `%20`.
#[test]
fn styles_are_those_of_the_specification() {
    let text = json!({"type": "string"});
    let list = json!({"type": "array", "items": text});
    let number = json!({"type": "integer"});
    let object = json!({"type": "object", "properties": {"R": number, "G": number, "B": number}});
    let values = [
        (text, json!({"color": "blue"})),
        (list, json!({"color": ["blue", "black", "brown"]})),
        (object, json!({"color": {"R": 100, "G": 200, "B": 150}})),
    ];
    let mut table = String::new();
    for (place, style, explode) in STYLES.iter().copied() {
        for (schema, arguments) in &values {
            let request = styled(place, style, explode, schema, arguments);
            table.push_str(&format!("{place} {style} {explode}: {request}\n"));
        }
    }
    expect![[r#"
        path matrix false: /;color=blue
        path matrix false: /;color=blue,black,brown
        path matrix false: /;color=R,100,G,200,B,150
        path matrix true: /;color=blue
        path matrix true: there is no x
        path matrix true: there is no x
        path label false: /.blue
        path label false: /.blue,black,brown
        path label false: /.R,100,G,200,B,150
        path label true: /.blue
        path label true: there is no x
        path label true: there is no x
        path simple false: /blue
        path simple false: /blue,black,brown
        path simple false: /R,100,G,200,B,150
        path simple true: /blue
        path simple true: /blue,black,brown
        path simple true: there is no x
        query form false: /?color=blue
        query form false: /?color=blue,black,brown
        query form false: /?color=R,100,G,200,B,150
        query form true: /?color=blue
        query form true: /?color=blue&color=black&color=brown
        query form true: /?R=100&G=200&B=150
        query spaceDelimited false: /?color=blue
        query spaceDelimited false: /?color=blue%20black%20brown
        query spaceDelimited false: /?color=R%20100%20G%20200%20B%20150
        query pipeDelimited false: /?color=blue
        query pipeDelimited false: /?color=blue%7Cblack%7Cbrown
        query pipeDelimited false: /?color=R%7C100%7CG%7C200%7CB%7C150
        query deepObject true: /?color=blue
        query deepObject true: /?color%5B%5D=blue&color%5B%5D=black&color%5B%5D=brown
        query deepObject true: /?color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150
        header simple false: / color: blue
        header simple false: / color: blue,black,brown
        header simple false: / color: R,100,G,200,B,150
        header simple true: / color: blue
        header simple true: / color: blue,black,brown
        header simple true: there is no x
        cookie form false: / Cookie: color=blue
        cookie form false: / Cookie: color=blue,black,brown
        cookie form false: / Cookie: color=R,100,G,200,B,150
        cookie form true: / Cookie: color=blue
        cookie form true: / Cookie: color=blue; color=black; color=brown
        cookie form true: / Cookie: R=100; G=200; B=150
    "#]]
    .assert_eq(&table);
}
