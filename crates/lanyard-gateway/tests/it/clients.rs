//! An independent client, crate `rmcp`, in both eras and on both kinds of endpoint.

use rmcp::model::{CallToolRequestParams, ClientConfig, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, serve_client_with_lifecycle};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};

use crate::harness::{BILLING, World};

async fn check(mode: ClientLifecycleMode, path: &str, prefix: &str) {
    let world = World::start().await;
    let config = StreamableHttpClientTransportConfig::with_uri(world.url(path))
        .auth_header(world.token("alice"));
    let transport = StreamableHttpClientTransport::from_config(config);
    let client =
        serve_client_with_lifecycle(ClientConfig::default(), transport, mode).await.unwrap();
    let tools = client.list_all_tools().await.unwrap();
    let name = format!("{prefix}get_invoice");
    assert!(tools.len() == 13 && tools.iter().any(|tool| tool.name == name), "{tools:?}");
    let Value::Object(arguments) = json!({"number": "INV-7"}) else { panic!() };
    let params = CallToolRequestParams::new(name).with_arguments(arguments);
    let result = client.call_tool(params).await.unwrap();
    let text = serde_json::to_string(&result).unwrap();
    assert!(text.contains("/invoices/INV-7") && result.is_error != Some(true), "{text}");
    let params = CallToolRequestParams::new(format!("{prefix}none"));
    let refused = client.call_tool(params).await.unwrap_err().to_string();
    assert!(refused.contains("not found"), "{refused}");
    client.cancel().await.unwrap();
}

fn discover() -> ClientLifecycleMode {
    ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
}

#[tokio::test]
async fn rmcp_with_a_session_on_mcp() {
    check(ClientLifecycleMode::Initialize, "/mcp", "billing__").await;
}

#[tokio::test]
async fn rmcp_with_a_session_on_one_server() {
    check(ClientLifecycleMode::Initialize, BILLING, "").await;
}

#[tokio::test]
async fn rmcp_without_a_session_on_mcp() {
    check(discover(), "/mcp", "billing__").await;
}

#[tokio::test]
async fn rmcp_without_a_session_on_one_server() {
    check(discover(), BILLING, "").await;
}
