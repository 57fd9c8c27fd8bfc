//! The entry of a server that is a URL.

use serde_json::{Map, Value as Json, json};

use super::Reader;
use crate::definition::rules::{decoded, header_name};
use crate::import::Format;
use crate::import::tree::Node;
use crate::problem::shown;

impl Reader<'_> {
    /// Fills in what there is to say about a URL.
    pub(super) fn remote(
        &mut self,
        node: &Node,
        url: &str,
        members: &mut Map<String, Json>,
    ) -> Option<()> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let base = self.plain("url", base);
        let (kept, moved) = self.query(query);
        let headers = self.headers(node);
        let mark = if kept.is_empty() { "" } else { "?" };
        members.insert("url".to_owned(), json!(format!("{}{mark}{kept}", base?)));
        members.insert("headers".to_owned(), Json::Object(headers));
        members.insert("query".to_owned(), Json::Object(moved));
        Some(())
    }

    /// What of a query stays in the URL, and what holds references and leaves it.
    fn query(&mut self, query: &str) -> (String, Map<String, Json>) {
        let (mut kept, mut moved) = (Vec::new(), Map::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let template = self.template("url", value);
            match (template, decoded(name)) {
                (Some(template), Some(name)) if template != value => {
                    moved.insert(name, json!(template));
                }
                (Some(_), _) => kept.push(pair),
                (None, _) => {}
            }
        }
        (kept.join("&"), moved)
    }

    fn headers(&mut self, node: &Node) -> Map<String, Json> {
        let mut given = self.pairs(node, "headers");
        given.extend(self.pairs(node, "http_headers"));
        for pair in &mut given {
            // GoClaw's own spelling of a reference.
            let variable = pair.1.strip_prefix("env:").filter(|_| self.format == Format::Goclaw);
            if let Some(variable) = variable {
                pair.1 = format!("${{{variable}}}");
            }
        }
        for (name, variable) in self.pairs(node, "env_http_headers") {
            given.push((name, format!("${{{variable}}}")));
        }
        if let Some(token) = self.text_of(node, &["bearerToken", "bearer_token"]) {
            // A token with a scheme of its own is sent as it is.
            let scheme = if token.contains(' ') { "" } else { "Bearer " };
            given.push(("authorization".to_owned(), format!("{scheme}{token}")));
        }
        let variables = ["bearerTokenEnv", "bearer_token_env", "bearer_token_env_var"];
        if let Some(variable) = self.text_of(node, &variables) {
            given.push(("authorization".to_owned(), format!("Bearer ${{{variable}}}")));
        }
        let mut headers = Map::new();
        for (name, text) in given {
            let name = name.to_ascii_lowercase();
            if let Err(why) = header_name(&name) {
                self.notes.push(format!("headers.{}: {why}; it is left out", shown(&name)));
            } else if let Some(text) = self.template(&format!("headers.{name}"), &text) {
                headers.insert(name, json!(text));
            }
        }
        headers
    }
}
