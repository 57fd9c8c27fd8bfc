//! Pages of the console: made here, whole as they are, for a browser that runs no script.
//!
//! What a page shows comes from agents, servers and policies. It is text and nothing else: the
//! macro escapes it, and characters that would not be seen are spelled out.
//!
//! INVARIANT: no page runs a script, loads anything from elsewhere, is framed, or is stored.
//! INVARIANT: nothing is changed but by a form of a page of this very origin, sent by who is
//! signed in, with the secret of the sign-in that only its pages hold ([`session::Acting`]), or by
//! who holds an intake link, to the one secret of that link.

pub(crate) mod form;
pub(crate) mod login;
pub(crate) mod session;

use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use lanyard_core::Timestamp;
use lanyard_mcp::text::visible;
use maud::{DOCTYPE, Markup, html};

use self::session::SignedIn;
use crate::error::ApiError;

/// What a page may load and do: its own style and pictures, and its own forms.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'",
);

/// What goes with everything that the console answers. The referrer stays within the origin: with
/// `no-referrer` a browser would not say either where a form comes from.
fn headers() -> [(HeaderName, HeaderValue); 6] {
    [
        (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ]
}

/// A page.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    /// What it is called.
    pub(crate) title: &'a str,
    /// Who looks at it, where somebody is signed in.
    pub(crate) viewer: Option<&'a SignedIn>,
    /// Where the browser goes by itself after a while, which is what keeps a list fresh.
    pub(crate) refresh: Option<(u32, String)>,
    /// What it says.
    pub(crate) body: Markup,
}

impl Page<'_> {
    /// The answer that shows it.
    pub(crate) fn answer(self, status: StatusCode) -> Response {
        let text = self.write().into_string();
        let kind = [(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
        (status, headers(), kind, text).into_response()
    }

    fn write(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    @if let Some((seconds, to)) = &self.refresh {
                        meta http-equiv="refresh" content=(format!("{seconds};url={to}"));
                    }
                    title { (self.title) " · Lanyard" }
                    link rel="icon" href="/console/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/console/style.css";
                }
                body {
                    header.bar {
                        span.brand { "Lanyard" }
                        @if let Some(viewer) = self.viewer {
                            nav { a href=(viewer.link("/console/approvals", &[])) { "Approvals" } }
                            (viewer.sign_out())
                        }
                    }
                    main { (self.body) }
                }
            }
        }
    }
}

/// Why there is no page to see: as [`ApiError`], shown to a person.
#[derive(Debug)]
pub(crate) struct PageError(ApiError);

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl PageError {
    /// The sentence.
    pub(crate) fn message(&self) -> &str {
        self.0.message()
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status()
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let title = status.canonical_reason().unwrap_or("It could not be done");
        let body = html! {
            h1 { (title) }
            p.notice.bad role="alert" { (shown(self.0.message())) }
            p { a.button href="/console/login" { "Sign in again" } }
            p.quiet { "Nothing was changed. Or go back in your browser." }
        };
        Page { title, viewer: None, refresh: None, body }.answer(status)
    }
}

/// Sends the browser to another page of the console. `to` holds no text of anybody else.
pub(crate) fn go(to: &str) -> Response {
    let Ok(to) = HeaderValue::from_str(to) else {
        return PageError(ApiError::invalid("that leads nowhere")).into_response();
    };
    (StatusCode::SEE_OTHER, headers(), [(LOCATION, to)]).into_response()
}

/// The same answer, where its address is nobody else's to know: no header `Referer` holds more of it
/// than the origin, not even on the way to this console. With `no-referrer`, which says nothing at
/// all, a browser would send the form of the page as from nowhere, and it would be refused.
pub(crate) fn with_hidden_address(mut response: Response) -> Response {
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    response
}

/// A text of anybody's as a page shows it: what would not be seen is spelled out. Escaping comes
/// after it, by the macro.
pub(crate) fn shown(text: &str) -> String {
    visible(text)
}

/// Several lines of such text.
pub(crate) fn shown_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// How long it is until a time, for people.
pub(crate) fn until(time: Timestamp, now: Timestamp) -> String {
    let seconds = time.0.saturating_sub(now.0).max(0).checked_div(1_000_000).unwrap_or(0);
    let (count, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7_199 => (seconds.checked_div(60).unwrap_or(0), "minute"),
        _ => (seconds.checked_div(3_600).unwrap_or(0), "hour"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// A time to the second, in UTC.
pub(crate) fn clock_time(time: Timestamp) -> String {
    let text = time.to_string();
    let whole = text.split('.').next().unwrap_or_default();
    format!("{} UTC", whole.replace('T', " ").trim_end_matches('Z'))
}

/// `GET /console/style.css`
pub(crate) async fn style() -> Response {
    let kind = [(CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"))];
    (headers(), kind, include_str!("page/style.css")).into_response()
}

/// `GET /console/icon.svg`
pub(crate) async fn icon() -> Response {
    let kind = [(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"))];
    (headers(), kind, include_str!("page/icon.svg")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_say_them() {
        let at = |seconds: i64| until(Timestamp(seconds * 1_000_000), Timestamp(0));
        let told = [-1, 1, 119, 120, 7_199, 7_200].map(at);
        assert_eq!(
            told,
            ["0 seconds", "1 second", "119 seconds", "2 minutes", "119 minutes", "2 hours"]
        );
        assert_eq!(clock_time(Timestamp(1_795_302_341_000_000)), "2026-11-21 23:05:41 UTC");
    }

    #[test]
    fn hidden_characters_are_spelled_out_and_lines_stay() {
        assert_eq!(shown("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(shown_lines("a\u{200b}\nb"), "a\\u{200b}\nb");
    }
}
