//! The parameters of the methods that the gateway answers itself, borrowed from the message.
//!
//! Members that we do not know are no error; members that we know and that have the wrong type
//! are -32602.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{Object, is_null, is_object, present, push_text, text};
use crate::{ChangedList, Id, WireError};

/// The parameters of `tools/call`.
#[derive(Debug, Clone)]
pub struct CallParams<'a> {
    /// Which tool.
    pub name: Cow<'a, str>,
    /// An object, byte for byte as it came.
    pub arguments: Option<&'a RawValue>,
    /// What the client wants progress to be reported under.
    pub progress_token: Option<Id<'a>>,
}

impl<'a> CallParams<'a> {
    /// Reads the parameters.
    pub fn parse(params: Option<&'a RawValue>) -> Result<Self, WireError> {
        let members: Members<'a> = read(params)?;
        let name = required(members.name, "name")?;
        let arguments = match members.arguments {
            Some(raw) if is_object(raw) => Some(raw),
            Some(raw) if is_null(raw) => None,
            Some(_) => return Err(WireError::invalid_params("`arguments` must be an object")),
            None => None,
        };
        let meta: MetaMembers<'a> = match members.meta {
            Some(raw) if is_object(raw) => read(Some(raw))?,
            Some(_) | None => MetaMembers::default(),
        };
        Ok(Self { name, arguments, progress_token: meta.progress_token.and_then(Id::from_raw) })
    }
}

/// The parameters of the methods that list something.
#[derive(Debug, Clone)]
pub struct ListParams<'a> {
    /// Where the page begins; the first page has none.
    pub cursor: Option<Cow<'a, str>>,
}

impl<'a> ListParams<'a> {
    /// Reads the parameters.
    pub fn parse(params: Option<&'a RawValue>) -> Result<Self, WireError> {
        let members: Members<'a> = read(params)?;
        Ok(Self { cursor: optional(members.cursor, "cursor")? })
    }
}

/// The parameters of `resources/read`.
#[derive(Debug, Clone)]
pub struct ReadParams<'a> {
    /// Which resource.
    pub uri: Cow<'a, str>,
}

impl<'a> ReadParams<'a> {
    /// Reads the parameters.
    pub fn parse(params: Option<&'a RawValue>) -> Result<Self, WireError> {
        let members: Members<'a> = read(params)?;
        Ok(Self { uri: required(members.uri, "uri")? })
    }
}

/// The parameters of `subscriptions/listen`: what the client wants to be told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListenParams<'a> {
    /// That the list of tools changed.
    pub tools_list_changed: bool,
    /// That the list of prompts changed.
    pub prompts_list_changed: bool,
    /// That the list of resources changed.
    pub resources_list_changed: bool,
    /// That one of these resources changed.
    pub resource_subscriptions: Vec<Cow<'a, str>>,
    /// How one of these tasks gets on (the Tasks extension).
    pub task_ids: Vec<Cow<'a, str>>,
}

impl<'a> ListenParams<'a> {
    /// Reads the parameters.
    pub fn parse(params: Option<&'a RawValue>) -> Result<Self, WireError> {
        let members: Members<'a> = read(params)?;
        let wanted: ListenMembers<'a> = match members.notifications {
            Some(raw) if is_object(raw) => read(Some(raw))?,
            Some(_) | None => {
                return Err(WireError::invalid_params("`notifications` must be an object"));
            }
        };
        Ok(Self {
            tools_list_changed: flag(wanted.tools, "toolsListChanged")?,
            prompts_list_changed: flag(wanted.prompts, "promptsListChanged")?,
            resources_list_changed: flag(wanted.resources, "resourcesListChanged")?,
            resource_subscriptions: texts(wanted.subscriptions, "resourceSubscriptions")?,
            task_ids: texts(wanted.tasks, "taskIds")?,
        })
    }

    /// Whether changes of a list are wanted.
    pub fn wants(&self, list: ChangedList) -> bool {
        match list {
            ChangedList::Tools => self.tools_list_changed,
            ChangedList::Prompts => self.prompts_list_changed,
            ChangedList::Resources => self.resources_list_changed,
        }
    }

    /// The same as JSON, for the acknowledgement: only what is wanted.
    pub fn to_json(&self) -> String {
        let yes = |wanted: bool| wanted.then_some("true");
        let object = Object::new()
            .raw_if("toolsListChanged", yes(self.tools_list_changed))
            .raw_if("promptsListChanged", yes(self.prompts_list_changed))
            .raw_if("resourcesListChanged", yes(self.resources_list_changed));
        let listed = |object: Object, key: &str, texts: &[Cow<'_, str>]| {
            if texts.is_empty() {
                return object;
            }
            object.list(key, texts, |out, text| push_text(out, text))
        };
        let object = listed(object, "resourceSubscriptions", &self.resource_subscriptions);
        listed(object, "taskIds", &self.task_ids).end()
    }
}

/// The parameters of `notifications/cancelled`.
#[derive(Debug, Clone)]
pub struct CancelledParams<'a> {
    /// The request that is no longer wanted.
    pub request_id: Id<'a>,
}

impl<'a> CancelledParams<'a> {
    /// Reads the parameters; `None` where they name no request, since a notification cannot be
    /// answered with an error.
    pub fn parse(params: Option<&'a RawValue>) -> Option<Self> {
        let members: Members<'a> = read(params).ok()?;
        members.request_id.and_then(Id::from_raw).map(|request_id| Self { request_id })
    }
}

/// The parameters of `logging/setLevel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetLevelParams {
    /// The least severe message that the client wants.
    pub level: LogLevel,
}

impl SetLevelParams {
    /// Reads the parameters.
    pub fn parse(params: Option<&RawValue>) -> Result<Self, WireError> {
        let members: Members<'_> = read(params)?;
        LogLevel::parse(&required(members.level, "level")?)
            .map(|level| Self { level })
            .ok_or_else(|| WireError::invalid_params("`level` is no log level"))
    }
}

/// How severe a log message is, least severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Detail for debugging.
    Debug,
    /// What happens in the ordinary course.
    Info,
    /// Ordinary and significant.
    Notice,
    /// Something may go wrong.
    Warning,
    /// Something went wrong.
    Error,
    /// A part is failing.
    Critical,
    /// Somebody must act now.
    Alert,
    /// Nothing works.
    Emergency,
}

impl LogLevel {
    /// Every level, least severe first.
    pub const ALL: [Self; 8] = [
        Self::Debug,
        Self::Info,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Critical,
        Self::Alert,
        Self::Emergency,
    ];

    /// The level as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }

    /// The level that this text names.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

/// Every member of parameters that some method here knows.
#[derive(Deserialize, Default)]
struct Members<'a> {
    #[serde(borrow, default, rename = "_meta")]
    meta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    uri: Option<&'a RawValue>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    cursor: Option<&'a RawValue>,
    #[serde(borrow, default)]
    level: Option<&'a RawValue>,
    #[serde(borrow, default)]
    notifications: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "requestId", deserialize_with = "present")]
    request_id: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct MetaMembers<'a> {
    #[serde(borrow, default, rename = "progressToken")]
    progress_token: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct ListenMembers<'a> {
    #[serde(borrow, default, rename = "toolsListChanged")]
    tools: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "promptsListChanged")]
    prompts: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "resourcesListChanged")]
    resources: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "resourceSubscriptions")]
    subscriptions: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "taskIds")]
    tasks: Option<&'a RawValue>,
}

/// The members of an object that decode has accepted.
fn read<'a, T: Deserialize<'a> + Default>(params: Option<&'a RawValue>) -> Result<T, WireError> {
    match params {
        Some(raw) => serde_json::from_str(raw.get())
            .map_err(|_| WireError::invalid_params("the parameters cannot be read")),
        None => Ok(T::default()),
    }
}

fn required<'a>(value: Option<&'a RawValue>, key: &str) -> Result<Cow<'a, str>, WireError> {
    optional(value, key)?.ok_or_else(|| WireError::invalid_params(format!("`{key}` is missing")))
}

fn optional<'a>(value: Option<&'a RawValue>, key: &str) -> Result<Option<Cow<'a, str>>, WireError> {
    match value {
        Some(raw) => text(raw.get())
            .map(Some)
            .ok_or_else(|| WireError::invalid_params(format!("`{key}` must be a string"))),
        None => Ok(None),
    }
}

fn flag(value: Option<&RawValue>, key: &str) -> Result<bool, WireError> {
    match value.map(RawValue::get) {
        Some("true") => Ok(true),
        Some("false") | None => Ok(false),
        Some(_) => Err(WireError::invalid_params(format!("`{key}` must be a boolean"))),
    }
}

fn texts<'a>(value: Option<&'a RawValue>, key: &str) -> Result<Vec<Cow<'a, str>>, WireError> {
    let problem = || WireError::invalid_params(format!("`{key}` must be a list of strings"));
    let Some(raw) = value else { return Ok(Vec::new()) };
    let members: Vec<&'a RawValue> = serde_json::from_str(raw.get()).map_err(|_| problem())?;
    members.into_iter().map(|raw| text(raw.get()).ok_or_else(problem)).collect()
}

#[cfg(test)]
mod tests;
