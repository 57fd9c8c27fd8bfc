//! What a text means, told before a policy decides on it: a path, an SQL text, a URL. Pure.
//!
//! Policies compare values; they call nothing. So whoever asks a policy hands it, beside the text
//! of an argument, what the text would mean as each of these. Where readers of such a text are
//! known to disagree, these say so instead of choosing a reading: a path is `odd`, an SQL text and
//! a URL are not `parsed`. A rule that protects something stops those too.
//!
//! INVARIANT: nothing is looked up. A path is not opened, a name is not resolved.
//! INVARIANT: no text makes these panic, recurse without bound or take more than a moment.

mod path;
mod sql;
mod url;

pub use path::{Path, path};
pub use sql::{Sql, sql};
pub use url::{Url, url};
