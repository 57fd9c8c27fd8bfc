//! The methods we know, and which versions have them.

use std::borrow::Cow;
use std::fmt;

use crate::Version;

/// What a method is used as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Request,
    Notification,
}

/// Which family of versions has a method.
#[derive(Clone, Copy)]
enum Era {
    Legacy,
    Modern,
    Both,
}

macro_rules! methods {
    ($($name:ident: $text:literal, $form:ident, $era:ident, $doc:literal;)*) => {
        /// A method that a client can send.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum Method<'a> {
            $(#[doc = $doc] $name,)*
            /// A method that we do not know.
            Other(Cow<'a, str>),
        }

        impl<'a> Method<'a> {
            /// The method with this name.
            pub fn parse(name: Cow<'a, str>) -> Self {
                match name.as_ref() {
                    $($text => Self::$name,)*
                    _ => Self::Other(name),
                }
            }

            /// The name on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(name) => name,
                }
            }

            fn place(&self) -> Option<(Form, Era)> {
                match self {
                    $(Self::$name => Some((Form::$form, Era::$era)),)*
                    Self::Other(_) => None,
                }
            }
        }
    };
}

methods! {
    Initialize: "initialize", Request, Legacy, "Begins a session.";
    Initialized: "notifications/initialized", Notification, Legacy, "The client is ready.";
    Ping: "ping", Request, Legacy, "Asks for an empty answer.";
    Discover: "server/discover", Request, Modern, "Asks for versions and capabilities.";
    ToolsList: "tools/list", Request, Both, "Lists tools.";
    ToolsCall: "tools/call", Request, Both, "Calls a tool.";
    ResourcesList: "resources/list", Request, Both, "Lists resources.";
    ResourceTemplatesList: "resources/templates/list", Request, Both, "Lists resource templates.";
    ResourcesRead: "resources/read", Request, Both, "Reads a resource.";
    ResourcesSubscribe: "resources/subscribe", Request, Legacy, "Asks for updates of a resource.";
    ResourcesUnsubscribe: "resources/unsubscribe", Request, Legacy, "Ends updates of a resource.";
    PromptsList: "prompts/list", Request, Both, "Lists prompts.";
    PromptsGet: "prompts/get", Request, Both, "Fills in a prompt.";
    Complete: "completion/complete", Request, Both, "Completes an argument.";
    SetLevel: "logging/setLevel", Request, Legacy, "Sets the log level of a session.";
    Listen: "subscriptions/listen", Request, Modern, "Opens a stream of notifications.";
    Cancelled: "notifications/cancelled", Notification, Both, "A request is no longer wanted.";
    RootsListChanged: "notifications/roots/list_changed", Notification, Legacy, "The client's roots changed.";
    Progress: "notifications/progress", Notification, Legacy, "Progress of a request of the server.";
}

impl Method<'_> {
    /// Whether this version has the method as a request. What is no request of the version is
    /// answered with [`WireError::method_not_found`](crate::WireError::method_not_found).
    pub fn is_request_in(&self, version: Version) -> bool {
        self.is_in(Form::Request, version)
    }

    /// Whether this version has the method as a notification. What is none is dropped: a
    /// notification never has an answer.
    pub fn is_notification_in(&self, version: Version) -> bool {
        self.is_in(Form::Notification, version)
    }

    fn is_in(&self, form: Form, version: Version) -> bool {
        self.place().is_some_and(|(actual, era)| {
            actual == form
                && match era {
                    Era::Legacy => !version.is_modern(),
                    Era::Modern => version.is_modern(),
                    Era::Both => true,
                }
        })
    }
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests;
