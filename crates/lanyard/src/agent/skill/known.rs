//! What the gateway tells an agent of one server beyond its tools' lists, as it is read here. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

/// What is known of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// What it is.
    pub(super) description: Option<String>,
    /// The longest time of a call, in milliseconds.
    pub(super) call_ms_max: Option<u64>,
    /// The largest request.
    pub(super) request_bytes_max: Option<u64>,
    /// The largest answer.
    pub(super) answer_bytes_max: Option<u64>,
    /// Calls of one agent at a time.
    pub(super) calls_max: Option<u64>,
    /// How many days of records were looked at.
    pub(super) days: Option<u64>,
    /// By tool.
    pub(super) tools: BTreeMap<String, KnownTool>,
}

/// What is known of a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KnownTool {
    /// The whole of its description.
    pub(super) long_description: Option<String>,
    /// Calls of this agent.
    pub(super) calls: u64,
    /// Those that were answered without an error.
    pub(super) answered: u64,
    /// How long half of them took at most, in microseconds, and nearly all.
    pub(super) took_micros: Option<(u64, u64)>,
    /// The largest result, in bytes.
    pub(super) result_bytes_max: Option<u64>,
    /// What the others came to.
    pub(super) errors: Vec<Seen>,
}

/// An error that calls of this agent met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) code: String,
    pub(super) status: Option<u64>,
    pub(super) argument: Option<String>,
    pub(super) limit: Option<String>,
    pub(super) count: u64,
}

impl Known {
    /// Reads the gateway's answer. What is missing is not known.
    pub(super) fn read(answer: &Value) -> Self {
        let number = |pointer: &str| answer.pointer(pointer).and_then(Value::as_u64);
        let tools = answer.get("tools").and_then(Value::as_array).into_iter().flatten();
        Self {
            description: text(answer, "description"),
            call_ms_max: number("/limits/call_ms_max"),
            request_bytes_max: number("/limits/request_body_bytes_max"),
            answer_bytes_max: number("/limits/answer_bytes_max"),
            calls_max: number("/limits/agent_calls_max"),
            days: number("/records/days"),
            tools: tools.filter_map(|it| Some((text(it, "name")?, KnownTool::read(it)))).collect(),
        }
    }
}

impl KnownTool {
    /// Whether no call was answered, and each failed by its values: to make up others helps nobody.
    pub(super) fn only_misses(&self) -> bool {
        let is_miss = |seen: &Seen| {
            seen.code == "answered_error" && matches!(seen.status, Some(400 | 404 | 410 | 422))
        };
        self.answered == 0 && !self.errors.is_empty() && self.errors.iter().all(is_miss)
    }

    fn read(tool: &Value) -> Self {
        let number = |pointer: &str| tool.pointer(pointer).and_then(Value::as_u64);
        let errors = tool.get("errors").and_then(Value::as_array).into_iter().flatten();
        Self {
            long_description: text(tool, "long_description"),
            calls: number("/calls").unwrap_or_default(),
            answered: number("/answered").unwrap_or_default(),
            took_micros: number("/took_micros/p50").zip(number("/took_micros/p95")),
            result_bytes_max: number("/result_bytes/max"),
            errors: errors.filter_map(Seen::read).collect(),
        }
    }
}

impl Seen {
    fn read(error: &Value) -> Option<Self> {
        Some(Self {
            code: text(error, "code")?,
            status: error.get("status").and_then(Value::as_u64),
            argument: text(error, "argument"),
            limit: text(error, "limit"),
            count: error.get("count").and_then(Value::as_u64).unwrap_or_default(),
        })
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).filter(|it| !it.is_empty()).map(str::to_owned)
}
