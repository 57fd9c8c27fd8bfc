//! Times as operators write them: RFC 3339 in UTC, a date, or a span before now.

use lanyard_core::{Timestamp, span};

use crate::error::ApiError;

/// Reads `2026-11-21T23:05:41Z`, `2026-11-21`, `90s`, `15m`, `12h` or `7d`.
pub(crate) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, ApiError> {
    if let Some(span) = span(text) {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        return Ok(Timestamp(now.0.saturating_sub(micros)));
    }
    let full = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    let parsed: Result<jiff::Timestamp, _> = full.parse();
    match parsed {
        Ok(time) => Ok(Timestamp(time.as_microsecond())),
        Err(_) => Err(ApiError::invalid(format!(
            "`{text}` is no time; write 2026-11-21, 2026-11-21T23:05:41Z, or 7d for seven days ago"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use lanyard_core::Timestamp;

    use super::parse;

    #[test]
    fn times_and_spans() {
        let now = Timestamp(1_795_302_341_000_000);
        for (text, expected) in [
            ("2026-11-21", Some("2026-11-21T00:00:00.000000Z")),
            ("2026-11-21T23:05:41Z", Some("2026-11-21T23:05:41.000000Z")),
            ("1d", Some("2026-11-20T23:05:41.000000Z")),
            ("90s", Some("2026-11-21T23:04:11.000000Z")),
            ("yesterday", None),
            ("", None),
            ("-1d", None),
            ("d", None),
            ("2026-13-01", None),
        ] {
            let actual = parse(text, now).ok().map(|time| time.to_string());
            assert_eq!(actual.as_deref(), expected, "{text}");
        }
    }
}
