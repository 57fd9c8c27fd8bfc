//! Messages between a client of one era and a server of another: what a gateway changes in them on
//! the way.
//!
//! Everything here takes raw JSON and gives raw JSON. A message is changed in place by
//! [`splice`](crate::splice), so what no rule names stays as it is, byte for byte. Which messages to
//! send, and when, is decided elsewhere.
//!
//! *Reader* is whoever a message goes to, *writer* whoever it came from.

mod errors;
mod params;
mod results;

pub use errors::{ErrorFacts, error_for};
pub use params::{
    EnvelopeParts, cancelled_params, discover_params, initialize_params, listen_params,
    mcp_name_of, notified_progress_token, params_for_legacy, params_for_modern, progress_token,
    restore_progress_token, set_level_params, subscribe_params, with_arguments, with_name,
    with_progress_token,
};
pub use results::{Crossing, is_cacheable, result_for, result_type};
