//! The notifications that the gateway originates, each as the bytes of one message.

use crate::json::Object;
use crate::params::ListenParams;
use crate::results::SUBSCRIPTION_ID;
use crate::{ChangedList, Id, encode_notification};

/// A list changed. On a stream of `subscriptions/listen` it carries that request's id.
pub fn list_changed(list: ChangedList, subscription: Option<&Id<'_>>) -> Vec<u8> {
    let params = subscription.map(|id| Object::new().raw("_meta", &subscription_meta(id)).end());
    encode_notification(list.method(), params.as_deref())
}

/// A resource changed.
pub fn resource_updated(uri: &str, subscription: Option<&Id<'_>>) -> Vec<u8> {
    let params = Object::new()
        .raw_if("_meta", subscription.map(subscription_meta).as_deref())
        .text("uri", uri)
        .end();
    encode_notification("notifications/resources/updated", Some(&params))
}

/// The first message on a stream of `subscriptions/listen`: what of the wish will be told.
pub fn subscriptions_acknowledged(subscription: &Id<'_>, accepted: &ListenParams<'_>) -> Vec<u8> {
    let params = Object::new()
        .raw("_meta", &subscription_meta(subscription))
        .raw("notifications", &accepted.to_json())
        .end();
    encode_notification("notifications/subscriptions/acknowledged", Some(&params))
}

/// How far a request has come. The token is the one that the request named.
pub fn progress(token: &Id<'_>, done: u64, total: Option<u64>, message: Option<&str>) -> Vec<u8> {
    let params = Object::new()
        .raw("progressToken", token.as_raw())
        .raw("progress", &done.to_string())
        .raw_if("total", total.map(|total| total.to_string()).as_deref())
        .text_if("message", message)
        .end();
    encode_notification("notifications/progress", Some(&params))
}

fn subscription_meta(id: &Id<'_>) -> String {
    Object::new().raw(SUBSCRIPTION_ID, id.as_raw()).end()
}

#[cfg(test)]
mod tests;
