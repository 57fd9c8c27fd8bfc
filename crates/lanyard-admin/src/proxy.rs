//! A file of `type: mcp-proxy` is added as the MCP server that it describes: from here on there is
//! one kind of them, however it was written.

use std::sync::Arc;

use lanyard_rest::{Parsed, Proxy, ProxyTransport};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::Admin;
use crate::error::ApiError;
use crate::options::{ServerKind, StoredOptions};
use crate::server_add::AddRequest;

impl Admin {
    /// The request for the MCP server that a file describes, if it describes one.
    pub(crate) async fn proxied(
        &self,
        request: &AddRequest,
    ) -> Result<Option<AddRequest>, ApiError> {
        // Nearly no file is one, and each is read again with the rows that hold when it is added.
        if request.kind != ServerKind::Rest || !request.source.contains("mcp-proxy") {
            return Ok(None);
        }
        let request = request.clone();
        self.blocking(move |shared| {
            let rows = request.secret_values.known_in(shared.rows()?, shared);
            let name = request.name.as_deref().map(lanyard_core::ServerName::parse).transpose()?;
            let place = (request.file.as_str(), request.source.as_str());
            let mut parsed = shared.parse(name.as_ref(), place, &request.options, &rows)?;
            let Some(proxy) = parsed.definition.proxy.take() else { return Ok(None) };
            translated(request, parsed, &proxy).map(Some)
        })
        .await
    }
}

fn translated(request: AddRequest, parsed: Parsed, proxy: &Proxy) -> Result<AddRequest, ApiError> {
    let Parsed { definition, literals, unset, .. } = parsed;
    let text = definition_json(proxy, definition.description.as_deref()).to_string();
    let text = RawValue::from_string(text)
        .map_err(|error| ApiError::internal("the definition of a proxy", &error))?;
    let StoredOptions { secrets, timeout_ms, .. } = &request.options;
    let options = StoredOptions {
        secrets: std::collections::BTreeMap::new(),
        timeout_ms: timeout_ms.or(definition.timeout_ms),
        tools: proxy
            .tools
            .as_ref()
            .map(|names| names.iter().map(|name| name.as_str().to_owned()).collect()),
        ..request.options.clone()
    };
    let given: Vec<String> =
        request.secret_values.names().iter().map(ToString::to_string).collect();
    Ok(AddRequest {
        kind: ServerKind::Mcp,
        name: Some(definition.name.to_string()),
        source: String::new(),
        definition: Some(text),
        bind: secrets.values().cloned().chain(given).collect(),
        unset: unset.iter().map(|name| name.as_str().to_owned()).collect(),
        keys: Arc::new(literals),
        warnings: parsed.warnings,
        // What lacks a secret cannot answer yet.
        no_verify: request.no_verify || !unset.is_empty(),
        options,
        ..request
    })
}

fn definition_json(proxy: &Proxy, description: Option<&str>) -> Value {
    let pairs = |pairs: &[(String, String)]| -> Map<String, Value> {
        pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
    };
    let kind = match proxy.transport {
        ProxyTransport::Http => "http",
        ProxyTransport::Sse => "sse",
    };
    json!({
        "type": kind,
        "url": proxy.url,
        "headers": pairs(&proxy.headers),
        "query": pairs(&proxy.query),
        "description": description,
    })
}

#[cfg(test)]
mod tests;
