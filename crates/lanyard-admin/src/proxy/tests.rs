//! Files of `type: mcp-proxy`, added through the API.

use http::Method;
use lanyard_mcp::Kind;
use serde_json::{Value, json};

use crate::fixture::World;

const FILE: &str = r#"server:
  name: errors
  type: mcp-proxy
  mcpServerURL: "https://errors.example.com/mcp"
  timeout: 9000
  description: Errors
  securitySchemes: [{id: Up, type: http, scheme: bearer, defaultCredential: "tst_plain"}]
  defaultUpstreamSecurity: {id: Up}
tools:
- {name: status, description: d}
- {name: log}
allowTools: [status]
"#;

fn request(file: &str) -> Value {
    json!({ "file": "errors.yaml", "source": file })
}

#[tokio::test]
async fn a_file_of_a_proxy_is_an_mcp_server_from_then_on() {
    let world = World::new();
    world.lists(&[(Kind::Tool, r#"{"name":"status","inputSchema":{}}"#)]);
    let shown = world
        .ok(Method::POST, "/v1/servers", {
            let mut dry = request(FILE);
            dry["dry_run"] = json!(true);
            dry
        })
        .await;
    assert_eq!((&shown["result"], &shown["kind"]), (&json!("checked"), &json!("mcp")));
    assert!(world.rows().servers.is_empty() && world.rows().secrets.is_empty());
    let added = world.ok(Method::POST, "/v1/servers", request(FILE)).await;
    assert_eq!(added["secrets"][0]["moved_from_file"], true);
    assert_eq!(added["warnings"][0]["line"], 10);
    assert!(!added.to_string().contains("tst_plain"));
    let rows = world.rows();
    let row = &rows.servers[0];
    assert_eq!((row.kind.as_str(), row.verified), ("mcp", true));
    assert_eq!(
        row.source,
        r#"{"type":"http","url":"https://errors.example.com/mcp","headers":{"authorization":"Bearer secret://errors-up"},"description":"Errors"}"#
    );
    assert_eq!(row.options, r#"{"timeout_ms":9000,"tools":["status"]}"#);
    assert_eq!(rows.secrets[0].origins, ["https://errors.example.com"]);
    // With its key in a secret it is the same again, and what is set wins over the file.
    let with_reference = FILE.replace("tst_plain", "secret://errors-up");
    let again = world.ok(Method::POST, "/v1/servers", request(&with_reference)).await;
    assert_eq!(again["result"], "unchanged");
    let mut other = request(&with_reference);
    other["options"] = json!({ "timeout_ms": 5 });
    let (status, answer) = world.ask(Method::POST, "/v1/servers", other).await;
    assert_eq!(status, 409, "{answer}");
}

#[tokio::test]
async fn a_secret_can_be_left_open_or_named() {
    let world = World::new();
    let open = FILE.replace("tst_plain", "");
    let added = world.ok(Method::POST, "/v1/servers", request(&open)).await;
    assert_eq!(added["secrets"][0]["set"], false);
    assert!(!world.rows().servers[0].verified);
    world.ok(Method::PUT, "/v1/secrets/mine", json!({ "value": "tst_other" })).await;
    let mut named =
        request(&FILE.replace("\"tst_plain\"", "secret://mine").replace("errors\n", "named\n"));
    named["no_verify"] = json!(true);
    let (status, answer) = world.ask(Method::POST, "/v1/servers", named.clone()).await;
    assert_eq!(status, 422, "{answer}");
    named["options"] = json!({ "secrets": { "Up": "secret://mine" } });
    world.ok(Method::POST, "/v1/servers", named).await;
    let rows = world.rows();
    let mine = rows.secrets.iter().find(|row| row.name.as_str() == "mine").unwrap();
    assert_eq!(mine.origins, ["https://errors.example.com"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_told_by_its_place() {
    let world = World::new();
    let wrong = FILE.replace("mcpServerURL", "mcpServerUrl");
    let (status, answer) = world.ask(Method::POST, "/v1/servers", request(&wrong)).await;
    assert_eq!((status, &answer["problems"][0]["line"]), (422, &json!(2)), "{answer}");
    // A word in a comment makes no proxy of a REST API.
    let rest = "# not a mcp-proxy\nserver: {name: r}\ntools: []\n";
    let added = world.ok(Method::POST, "/v1/servers", request(rest)).await;
    assert_eq!(added["result"], "added");
    assert_eq!(world.rows().servers[0].kind, "rest");
}
