//! What the admin API asks of whoever holds the conversations with MCP servers, as long as nobody
//! does: a server can be stored and not connected to.

use lanyard_admin::{Listing, ServerStatus, Status, Trial, Unlisted, Verify};
use lanyard_core::{ServerName, TenantName};

/// Nobody.
#[derive(Debug)]
pub(crate) struct Nobody;

impl Verify for Nobody {
    fn list(&self, _: Trial) -> Listing<'_> {
        let what = "this gateway connects to no MCP server".to_owned();
        Box::pin(std::future::ready(Err(Unlisted { what, stderr: String::new() })))
    }
}

impl Status for Nobody {
    fn status(&self, _: &TenantName, _: &ServerName) -> Option<ServerStatus> {
        None
    }

    fn reconnect(&self, _: &TenantName, _: &ServerName) {}
}
