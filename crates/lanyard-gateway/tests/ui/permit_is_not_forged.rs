//! A call is allowed by `Grants::decide` and by nobody else.

use lanyard_core::{ServerName, ToolName};
use lanyard_policy::Permit;

fn main() {
    let server = ServerName::parse("billing").unwrap();
    let tool = ToolName::parse("refund").unwrap();
    let _permit = Permit { by: "me".to_owned(), server, tool };
}
