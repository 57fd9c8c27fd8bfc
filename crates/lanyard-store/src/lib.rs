//! What Lanyard keeps: rows in SQLite, records in chained and signed segment files.
//!
//! Rows are what operators decided (tenants, agents, tokens, servers with
//! what they list, secrets, grants). They are read as
//! one [`Configuration`] and changed inside [`Store::change`], which writes the rows and the
//! record of the change in one transaction. Records are lines of the audit log: see [`audit`].
//!
//! INVARIANT: this crate compares no token and opens no secret. It holds hashes and sealed bytes.
//! INVARIANT: nothing here is async. Every method may wait for the disk; nothing on the path of a
//! call uses more than [`audit::Log::append`].

pub mod audit;

mod agent;
mod approval;
mod change;
mod column;
mod configuration;
mod definition;
mod directory;
mod error;
mod facts;
mod file;
mod grant;
mod import;
mod intake;
mod limit;
mod meta;
mod operator;
mod outbox;
mod policy;
mod schema;
mod secret;
mod server;
mod session;
mod store;
mod subject_key;
mod tenant;
mod token;
mod user_credential;

pub use agent::AgentRow;
pub use approval::{
    ApprovalDecision, ApprovalOutcome, ApprovalRow, ApprovalStanding, ApprovalState, WantedApproval,
};
pub use change::Change;
pub use configuration::Configuration;
pub use definition::{DefinitionKind, DefinitionReason, DefinitionRow, DefinitionState};
pub use directory::prepare as prepare_directory;
pub use error::StoreError;
pub use facts::FactsRow;
pub use file::write_atomic;
pub use grant::GrantRow;
pub use import::ImportRow;
pub use intake::IntakeRow;
pub use limit::LimitRow;
pub use operator::{OperatorRow, Role};
pub use outbox::DrainError;
pub use policy::PolicyRow;
pub use secret::{SecretRow, SecretVersionRow};
pub use server::ServerRow;
pub use session::SessionEndedRow;
pub use store::Store;
pub use subject_key::SubjectKeyRow;
pub use tenant::TenantRow;
pub use token::TokenRow;
pub use user_credential::UserCredentialRow;
