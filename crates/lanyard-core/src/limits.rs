//! Everything has a limit, and every limit has a unit. `lanyard limits` prints this table.

use std::time::Duration;

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
    /// Things.
    Count,
}

impl Unit {
    /// The unit as `lanyard limits` prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Milliseconds => "ms",
            Self::Count => "count",
        }
    }
}

/// One row of `lanyard limits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The name of the field, the unit last.
    pub name: &'static str,
    /// The value in force.
    pub value: u64,
    /// What it counts.
    pub unit: Unit,
    /// What it limits and what happens past it.
    pub meaning: &'static str,
}

macro_rules! limits {
    ($($name:ident: $unit:ident = $default:expr, $meaning:literal;)*) => {
        /// The limits in force. The name of each ends in its unit, or counts things.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $meaning] pub $name: u64,)*
        }

        impl Limits {
            /// The limits that hold unless configured otherwise.
            pub const fn standard() -> Self {
                Self { $($name: $default,)* }
            }

            /// Every limit as a row.
            pub fn rows(&self) -> Vec<Limit> {
                vec![$(Limit {
                    name: stringify!($name),
                    value: self.$name,
                    unit: Unit::$unit,
                    meaning: $meaning,
                },)*]
            }
        }
    };
}

limits! {
    request_body_bytes_max: Bytes = 4 << 20, "Body of one request of an agent; past it HTTP 413.";
    request_head_bytes_max: Bytes = 64 << 10, "Request line and headers of one request; past it HTTP 431.";
    request_head_ms_max: Milliseconds = 10_000, "Time for a client to send its headers; past it the connection closes.";
    request_body_ms_max: Milliseconds = 30_000, "Time for a client to send its body; past it HTTP 408.";
    json_depth_max: Count = 64, "Nesting of arrays and objects in a message; past it the message is refused.";
    batch_messages_max: Count = 100, "Messages in one batch (2025-03-26 only); past it the batch is refused.";
    request_id_bytes_max: Bytes = 256, "A JSON-RPC id; past it the message is refused.";
    connections_max: Count = 4096, "Open connections of one listener; past it a new one waits.";
    agent_calls_max: Count = 256, "Calls of one agent at a time; past it HTTP 429 with Retry-After.";
    agent_streams_max: Count = 64, "Open event streams of one agent; past it HTTP 429.";
    session_ms_max: Milliseconds = 604_800_000, "Age of a session (older protocol versions); past it HTTP 404 and the client starts a new one.";
    stream_queue_events_max: Count = 256, "Events waiting on one event stream; past it the stream ends.";
    stream_keep_alive_ms: Milliseconds = 15_000, "Time between comments on an idle event stream.";
    resume_ms_max: Milliseconds = 300_000, "Time the events of a stream that ended are kept for a client that lost its connection; past it they are forgotten.";
    resume_events_max: Count = 256, "Events of one stream kept for such a client; past it the oldest goes, or the server waits while somebody reads.";
    resume_bytes_max: Bytes = 64 << 20, "Events kept for such clients, all sessions together; past it the oldest go.";
    call_ms_max: Milliseconds = 30_000, "A call to a server that sets no timeout of its own; past it the call fails.";
    connect_ms_max: Milliseconds = 10_000, "Name look-up, connection and TLS to a server; past it the call fails.";
    answer_bytes_max: Bytes = 16 << 20, "Answer of a server after decompression; past it the call fails.";
    pool_idle_ms_max: Milliseconds = 60_000, "Time an idle connection to a server is kept.";
    pool_idle_connections_max: Count = 32, "Idle connections kept for one origin.";
    message_bytes_max: Bytes = 16 << 20, "One message of an MCP server, one line or one event; past it the conversation ends.";
    server_calls_max: Count = 64, "Calls on one server at a time that sets no limit of its own; past it a call waits, then fails.";
    server_wait_ms_max: Milliseconds = 10_000, "Time a call waits for its turn on a server; past it the call fails.";
    server_connect_ms_max: Milliseconds = 30_000, "Starting or reaching an MCP server until it has greeted; past it the attempt fails.";
    server_list_ms_max: Milliseconds = 15_000, "Reading all lists of an MCP server; past it nothing of them is taken over.";
    server_starts_max: Count = 32, "MCP servers that are being started or reached at a time, those past their first second aside; past it one waits for its turn.";
    server_probe_ms: Milliseconds = 30_000, "Time between two looks at whether a server still answers.";
    server_probe_ms_max: Milliseconds = 10_000, "Time for the answer to such a look; past it the look failed.";
    server_sessions_max: Count = 200, "Open conversations with MCP servers; past it the longest idle one ends, or the call waits.";
    user_sessions_max: Count = 30, "Conversations with one server under users' own credentials; past it the longest idle one ends.";
    session_idle_ms_max: Milliseconds = 900_000, "Time an idle conversation with a server is kept, unless the server says otherwise.";
    server_stderr_bytes_max: Bytes = 64 << 10, "What is kept of a server's stderr; the oldest goes first.";
    server_messages_max: Count = 1024, "Messages of a server that wait to be read; past it the server waits.";
    catalog_items_max: Count = 5000, "Tools, prompts, resources or templates that one server may list; past it the list is refused.";
    catalog_bytes_max: Bytes = 32 << 20, "All lists of one server together; past it they are refused.";
    inline_tools_max: Count = 40, "Tools that `/mcp` lists for one agent; past it the others are found by `mcp_tool_search`.";
    input_rounds_max: Count = 10, "Times a server may ask its client for more within one call; past it the call fails.";
    input_wait_ms_max: Milliseconds = 600_000, "Time a client has to answer what a server asks; past it the call fails.";
    agent_approvals_max: Count = 16, "Calls of one agent that wait for a person's approval; past it a call that needs one is refused.";
    approval_ms_max: Milliseconds = 86_400_000, "Time a call waits for a person, and an approval for its call, whatever the policy says; past it the agent has to ask again.";
    approval_progress_ms: Milliseconds = 5_000, "Time between two reports of progress while a call waits for a person.";
    console_session_ms_max: Milliseconds = 14_400_000, "Time an operator stays signed in to the console; past it they sign in again.";
    intake_ms_max: Milliseconds = 86_400_000, "Time that a link of `secret intake` works; past it another one has to be made.";
    template_steps_max: Count = 100_000, "Steps of rendering one template; past it the call fails.";
    template_depth_max: Count = 64, "Nesting of a template and of its calls; past it the template is refused.";
    template_output_bytes_max: Bytes = 8 << 20, "Output of one template; past it the call fails.";
    definition_bytes_max: Bytes = 4 << 20, "One YAML definition; past it `server add` refuses it.";
    list_page_tools_max: Count = 1000, "Tools in one page of a list; the next page follows by cursor.";
    drain_ms_max: Milliseconds = 20_000, "Time running calls get after SIGTERM; past it they are cut and recorded as abandoned.";
    record_sync_ms_max: Milliseconds = 10, "Time until a written record is synced to disk (unless `strict` waits for it).";
    record_segment_bytes_max: Bytes = 16 << 20, "One segment file of the audit log; past it a new one begins.";
    record_reserve_bytes: Bytes = 1 << 20, "Disk space kept for closing records when the disk is full.";
    own_records_bytes_max: Bytes = 16 << 20, "The newest part of the audit log that an agent's question about its own calls reads; what is older is left out.";
    own_records_ms_max: Milliseconds = 2_592_000_000, "How far back such a question looks.";
    payload_bytes_max: Bytes = 64 << 10, "What is kept of a call's arguments, and of its answer, where `payloads` is on; past it they are cut.";
    refusals_flush_ms_max: Milliseconds = 10_000, "Time over which refusals at the edge are counted into one record.";
}

impl Limits {
    /// A limit in milliseconds as a span of time.
    pub const fn span(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// A limit in bytes or things as a size in memory.
    pub fn size(value: u64) -> usize {
        usize::try_from(value).unwrap_or(usize::MAX)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::standard()
    }
}
