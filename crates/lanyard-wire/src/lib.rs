//! JSON-RPC and MCP as data: decode, classify, encode, framing, every protocol version's
//! differences.
//!
//! Two families of versions meet here. *Legacy* (2024-11-05 to 2025-11-25) begins with
//! `initialize` and has sessions; *modern* (2026-07-28) is stateless, and every request carries an
//! envelope in `params._meta`. [`classify()`] tells which one a message belongs to, and refuses what
//! is neither.
//!
//! INVARIANT: this crate is pure. Bytes come in as arguments and go out as values; there is no
//! socket, no clock, no randomness. No sequence of bytes makes it panic, and every size it keeps
//! has a limit that the caller sets.
//!
//! INVARIANT: what a message says is read once. Duplicate keys are refused at every depth, so no
//! two readers of the same bytes can disagree on what was asked.

mod capabilities;
mod classify;
mod contents;
mod decode;
mod encode;
mod error;
mod fuzz;
mod headers;
mod input;
mod inspect;
mod json;
pub mod lines;
mod listing;
mod message;
mod method;
mod notices;
pub mod notifications;
mod param_headers;
mod params;
pub mod results;
pub mod splice;
pub mod sse;
pub mod translate;
mod version;

pub use capabilities::{Named, ServerCapabilities, capabilities_for, merged_capabilities};
pub use classify::{Carrier, Classified, Envelope, Handshake, classify, classify_batch};
pub use contents::{Block, Contents, text_block};
pub use decode::{DecodeLimits, Incoming, decode, decode_server_message};
pub use encode::{
    encode_batch, encode_error, encode_notification, encode_raw_error, encode_request,
    encode_result,
};
pub use error::WireError;
pub use fuzz::{fuzz_decode, fuzz_translate};
pub use headers::{RoutingHeaders, encode_header_value, header_value};
pub use input::{
    Asked, ClientCapability, InputRequired, Retry, can_be_asked, input_required_result,
    needs_capability, question_for, retry_params, url_elicitations, with_request_state,
};
pub use listing::{Item, ListPage, prompt_for, tool_for, tool_param_headers};
pub use message::{Id, Kind, Message, Reply};
pub use method::Method;
pub use notices::{
    ChangedList, logged_level, notification_for, notification_parts, subscription_id, updated_uri,
    with_subscription_id, without_subscription_id,
};
pub use param_headers::ParamHeaders;
pub use params::{
    CallParams, CancelledParams, ListParams, ListenParams, LogLevel, ReadParams, SetLevelParams,
};
pub use version::Version;
