//! Notifications of a server on their way to a client.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json::{is_object, raw, text};
use crate::results::SUBSCRIPTION_ID;
use crate::splice::{Edit, value};
use crate::{Id, LogLevel, Version};

/// A list that a server tells changes of. Resources and their templates are one to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedList {
    /// The tools.
    Tools,
    /// The prompts.
    Prompts,
    /// The resources, or their templates.
    Resources,
}

impl ChangedList {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tools, Self::Prompts, Self::Resources];

    /// The list that a notification says has changed, if it is about a list of the server.
    pub fn of(method: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.method() == method)
    }

    /// The method of the notification that says so.
    pub fn method(self) -> &'static str {
        match self {
            Self::Tools => "notifications/tools/list_changed",
            Self::Prompts => "notifications/prompts/list_changed",
            Self::Resources => "notifications/resources/list_changed",
        }
    }
}

/// The method and the parameters of a whole notification.
pub fn notification_parts(message: &str) -> Option<(Cow<'_, str>, Option<&RawValue>)> {
    let message = Edit::of(message)?;
    let method = text(message.value("method")?)?;
    let params = message.value("params").and_then(raw);
    Some((method, params.filter(|raw| is_object(raw))))
}

/// A whole notification as the version of the client has it, or `None` where that version does not
/// have it or the client does not want it.
///
/// | notification | passes |
/// |---|---|
/// | `notifications/message` | modern: only if it is as severe as the client asked for; legacy: unless it is less severe than that |
/// | `notifications/elicitation/complete`, `notifications/tasks/status` | only to 2025-11-25 |
/// | `notifications/subscriptions/acknowledged`, `notifications/tasks` | only to a modern version |
/// | any other | always |
///
/// A legacy client is not shown to which subscription it belongs: that is the gateway's own.
pub fn notification_for(
    reader: Version,
    log_level: Option<LogLevel>,
    message: &str,
) -> Option<String> {
    let (method, params) = notification_parts(message)?;
    let passes = match method.as_ref() {
        "notifications/message" => match (params.and_then(logged_level), log_level) {
            (Some(level), Some(wanted)) => level >= wanted,
            (Some(_), None) | (None, Some(_) | None) => !reader.is_modern(),
        },
        "notifications/elicitation/complete" => reader.has_elicitation_ids(),
        "notifications/tasks/status" => reader.has_core_tasks(),
        "notifications/subscriptions/acknowledged" | "notifications/tasks" => reader.is_modern(),
        _ => true,
    };
    if !passes {
        return None;
    }
    Some(if reader.is_modern() { message.to_owned() } else { without_subscription_id(message) })
}

/// Which resource a `notifications/resources/updated` with these parameters is about.
pub fn updated_uri(params: &RawValue) -> Option<Cow<'_, str>> {
    text(value(params.get(), &["uri"])?)
}

/// How severe the message in a `notifications/message` with these parameters is.
pub fn logged_level(params: &RawValue) -> Option<LogLevel> {
    LogLevel::parse(&text(value(params.get(), &["level"])?)?)
}

/// To which subscription a notification with these parameters belongs.
pub fn subscription_id(params: &RawValue) -> Option<Id<'_>> {
    let id = value(params.get(), &["_meta", SUBSCRIPTION_ID])?;
    Id::from_raw(raw(id)?)
}

/// The parameters of a notification that belongs to this subscription.
pub fn with_subscription_id(params: &str, id: &Id<'_>) -> String {
    let params = Edit::of_or_empty(Some(params));
    let meta = Edit::of_or_empty(params.value("_meta")).set(SUBSCRIPTION_ID, id.as_raw()).write();
    params.set("_meta", meta).write()
}

/// A whole notification that belongs to no subscription. What this empties goes.
pub fn without_subscription_id(message: &str) -> String {
    let edited = || {
        let message = Edit::of(message)?;
        let params = Edit::of(message.value("params")?)?;
        let meta = Edit::of(params.value("_meta")?)?;
        meta.value(SUBSCRIPTION_ID)?;
        let meta = meta.remove(&[SUBSCRIPTION_ID]).written_unless_emptied();
        let params = params.set_or_remove("_meta", meta).written_unless_emptied();
        Some(message.set_or_remove("params", params).write())
    };
    edited().unwrap_or_else(|| message.to_owned())
}

#[cfg(test)]
mod tests;
