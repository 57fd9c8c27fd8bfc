//! What is stored as a secret: one rule, whichever way a value comes in. The page of a link has tests
//! of its own.

use http::Method;
use serde_json::{Value, json};

use crate::fixture::World;

#[tokio::test]
async fn what_cannot_be_meant_is_refused_whichever_way_it_comes_in() {
    let world = World::new();
    let http = json!({ "type": "http", "url": "https://mail.example.com/mcp" });
    let add = json!({ "kind": "mcp", "name": "mail", "definition": http, "no_verify": true });
    world.ok(Method::POST, "/v1/servers", add).await;
    let path = "/v1/secrets/billing-key";
    world.ok(Method::PUT, path, json!({ "value": "tst_value_1" })).await;
    let server = |value: &str| {
        let definition = json!({
            "type": "http", "url": "https://a.example/mcp", "headers": { "X-Key": "secret://a-key" },
        });
        json!({
            "kind": "mcp", "name": "a", "definition": definition, "no_verify": true,
            "secret_values": { "a-key": value },
        })
    };
    for (value, why) in [
        ("      ", "nothing but blanks"),
        ("\t \n \n", "nothing but blanks"),
        ("\n\n\n\n", "the value is empty"),
        ("tst_\0value", "a control character"),
        ("tst_\u{1b}[2J", "a control character"),
        ("tst_\rvalue", "a control character"),
    ] {
        for (method, path, body) in [
            (Method::PUT, path, json!({ "value": value })),
            (Method::PUT, path, json!({ "value": value, "rotate": true })),
            (
                Method::PUT,
                "/v1/user-credentials/mail/ann",
                json!({ "value": value, "key": "bearer" }),
            ),
            (Method::POST, "/v1/servers", server(value)),
        ] {
            let (status, answer) = world.ask(method, path, body).await;
            let said = answer["error"].as_str().unwrap();
            assert!(status == 422 && said.contains(why), "{path} {value:?}: {status} {said}");
            assert!(!said.contains("tst_"), "{said}");
        }
    }
    let versions: Vec<_> = world.rows().secret_versions.iter().map(|row| row.version).collect();
    assert_eq!(versions, [1], "nothing was stored");
    // A key of several lines is meant, and so are line ends that an editor left at its end.
    let pem = "-----BEGIN TEST-----\r\ntst\r\n-----END TEST-----\r\n\r\n";
    let made = world.ok(Method::PUT, path, json!({ "value": pem })).await;
    assert_eq!(made["version"], json!(2));
    let made =
        world.ok(Method::PUT, path, json!({ "value": "key\u{fc}\n\n", "rotate": true })).await;
    assert_eq!((made["version"].clone(), &made["set"]), (json!(3), &Value::Bool(true)));
}
