//! What the admin API answers when it cannot do what it was asked: a status, one sentence that
//! says what to do, and for a definition every problem with its place.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use lanyard_core::NameError;
use lanyard_policy::PolicyProblem;
use lanyard_rest::{Problem, Severity};
use lanyard_store::StoreError;
use serde_json::{Value, json};

/// A refusal or a failure.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    problems: Vec<Value>,
}

impl ApiError {
    /// Any status with any sentence.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), problems: Vec::new() }
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The request itself is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// A definition is wrong in these places.
    pub(crate) fn definition(problems: Vec<Problem>) -> Self {
        let count = problems.iter().filter(|it| it.severity == Severity::Error).count();
        let noun = if count == 1 { "problem" } else { "problems" };
        let message = format!("the definition has {count} {noun}; nothing was changed");
        let problems = problems.iter().map(problem_json).collect();
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, message, problems }
    }

    /// The definition of an MCP server is wrong in these places.
    pub(crate) fn mcp_definition(file: &str, problems: &[lanyard_mcp::Problem]) -> Self {
        let noun = if problems.len() == 1 { "problem" } else { "problems" };
        let message = format!("the definition has {} {noun}; nothing was changed", problems.len());
        let problems = problems.iter().map(|it| mcp_problem_json(file, it, "error")).collect();
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, message, problems }
    }

    /// A policy text is wrong in these places.
    pub(crate) fn policy(problems: &[PolicyProblem]) -> Self {
        let noun = if problems.len() == 1 { "problem" } else { "problems" };
        let message = format!("the policies have {} {noun}; nothing was changed", problems.len());
        let problems = problems.iter().map(policy_problem_json).collect();
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, message, problems }
    }

    /// With lines that belong to the sentence.
    pub(crate) fn with_lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.problems.extend(lines.into_iter().map(Value::String));
        self
    }

    /// It contradicts what is there.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// What it names is not there.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// It cannot be done for now.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// Nobody known.
    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "an operator's token is needed (LANYARD_ADMIN_TOKEN), or the admin socket of the data directory's owner",
        )
    }

    /// Somebody with a token that is nobody's. Whether it ever was an operator's is not told.
    pub(crate) fn no_operator() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "the token that was given (LANYARD_ADMIN_TOKEN) is no operator's: mistyped, revoked, or of another gateway; \
             an operator's begins with lyd_o_, and `lanyard operator add NAME` prints one",
        )
    }

    /// Known, and not allowed.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// A defect or a broken disk. The log says more than the answer.
    pub(crate) fn internal(context: &'static str, error: &dyn std::error::Error) -> Self {
        tracing::error!(error = lanyard_core::chain(error), "{context}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{context}: {error}"))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::AlreadyExists { .. }
            | StoreError::UidTaken { .. }
            | StoreError::NotEmpty { .. } => Self::conflict(error.to_string()),
            StoreError::NotFound { .. } => Self::not_found(error.to_string()),
            StoreError::File { .. }
            | StoreError::NotDirectory { .. }
            | StoreError::DirectoryShared { .. }
            | StoreError::Locked { .. }
            | StoreError::SchemaNewer { .. }
            | StoreError::Damaged { .. }
            | StoreError::NumberTooLarge { .. }
            | StoreError::Sql(_) => Self::internal("the database could not do it", &error),
        }
    }
}

impl From<NameError> for ApiError {
    fn from(error: NameError) -> Self {
        Self::invalid(error.to_string())
    }
}

/// A problem as the API gives it.
pub(crate) fn problem_json(problem: &Problem) -> Value {
    json!({
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
        "severity": match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
    })
}

/// A problem of a policy text.
pub(crate) fn policy_problem_json(problem: &PolicyProblem) -> Value {
    let PolicyProblem { file, line, column, rule, problem, help } = problem;
    json!({
        "file": file,
        "line": line,
        "column": column,
        "path": rule,
        "message": match help {
            Some(help) => format!("{problem}; {help}"),
            None => problem.clone(),
        },
        "severity": "error",
    })
}

/// A problem of an MCP server's definition. It has a path and no line: it is no file.
pub(crate) fn mcp_problem_json(
    file: &str,
    problem: &lanyard_mcp::Problem,
    severity: &str,
) -> Value {
    json!({
        "file": file,
        "path": problem.path,
        "message": problem.message,
        "severity": severity,
    })
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": self.message });
        if let (false, Some(body)) = (self.problems.is_empty(), body.as_object_mut()) {
            body.insert("problems".to_owned(), Value::Array(self.problems));
        }
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"lanyard admin\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
