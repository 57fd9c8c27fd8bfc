//! Tests of `method`.

use std::borrow::Cow;

use super::Method;
use crate::Version;

#[track_caller]
fn check(name: &str, expected: &str) {
    let method = Method::parse(Cow::Borrowed(name));
    assert_eq!(method.as_str(), name);
    let form = |version| match (method.is_request_in(version), method.is_notification_in(version)) {
        (false, false) => "none",
        (true, false) => "request",
        (false, true) => "notification",
        (true, true) => "both",
    };
    let legacy = form(Version::LATEST_LEGACY);
    assert!(Version::LEGACY.into_iter().all(|version| form(version) == legacy));
    assert_eq!(format!("{legacy}/{}", form(Version::V2026_07_28)), expected, "{name}");
}

#[test]
fn which_family_has_which_method() {
    check("", "none/none");
    check("Tools/call", "none/none");
    check("tools/call ", "none/none");
    check("tasks/get", "none/none");
    check("notifications/message", "none/none");
    check("initialize", "request/none");
    check("ping", "request/none");
    check("logging/setLevel", "request/none");
    check("resources/subscribe", "request/none");
    check("resources/unsubscribe", "request/none");
    check("notifications/initialized", "notification/none");
    check("notifications/roots/list_changed", "notification/none");
    check("notifications/progress", "notification/none");
    check("server/discover", "none/request");
    check("subscriptions/listen", "none/request");
    check("notifications/cancelled", "notification/notification");
    for both in [
        "tools/list",
        "tools/call",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "prompts/list",
        "prompts/get",
        "completion/complete",
    ] {
        check(both, "request/request");
    }
}
