//! A body that is one argument as it is: a text, or a file that came as base64.

use serde_json::Value;

use crate::args::{Arg, Position};
use crate::body::{Body, Written};
use crate::check::Check;
use crate::fields::{Fields, shown};
use crate::multipart::decode;
use crate::problem::suggestion;
use crate::request::RenderError;
use crate::values::{refused, text};

/// Reads `argToBody`, the name of the argument. `taken` says whether something else makes a body.
pub(crate) fn read(
    fields: &mut Fields<'_>,
    args: &[Arg],
    taken: bool,
    check: &mut Check<'_>,
) -> Option<Body> {
    let name = fields.text("argToBody", &mut check.problems)?;
    let path = fields.path_of("argToBody");
    if taken {
        let message = "`argToBody` excludes `body` and the `argsTo...` options";
        check.problems.error(name.mark(), &path, message);
    }
    let bodies = || args.iter().filter(|arg| arg.position == Some(Position::Body));
    for other in bodies().filter(|arg| arg.name != name.text) {
        let message = format!("the body is `{}` alone: this goes nowhere", shown(name.text));
        check.problems.error(other.mark, &other.path, message);
    }
    let Some(arg) = bodies().find(|arg| arg.name == name.text) else {
        let hint = suggestion(name.text, bodies().map(|arg| arg.name.as_str()));
        let message = format!("`{}` is no argument with `position: body`{hint}", shown(name.text));
        check.problems.error(name.mark(), &path, message);
        return None;
    };
    Some(Body::Raw { arg: [arg.clone()] })
}

/// The body of a call: nothing if it has no value. Its type is that of bytes or text, unless the
/// definition says another.
pub(crate) fn write(arg: &Arg, value: Option<&Value>) -> Result<Written, RenderError> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Written::nothing()) };
    let (bytes, content_type) = if arg.binary {
        let bytes = value.as_str().and_then(decode);
        let bytes = bytes.ok_or_else(|| refused(arg, "is a file and must be base64"))?;
        (bytes, "application/octet-stream")
    } else {
        (text(value).unwrap_or_default().into_owned().into_bytes(), "text/plain; charset=utf-8")
    };
    Ok(Written { bytes, content_type: Some(content_type.to_owned()), replaces: false })
}
