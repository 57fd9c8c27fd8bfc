//! What users themselves hold at servers: which secrets are theirs, and where in a request, or in
//! the environment of a process, they belong.

use lanyard_core::SecretName;
use lanyard_mcp::UserKey;
use ring::digest::{Context, SHA256};

/// What one user holds at one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEntry {
    credentials: Vec<UserCredential>,
    state: u64,
}

/// One credential of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCredential {
    /// Where it belongs.
    pub key: UserKey,
    /// The secret that holds it.
    pub secret: SecretName,
    /// Which setting of it this is: no two settings have the same number.
    pub version: u64,
}

impl UserEntry {
    /// What a user holds. Where two belong to one place, the later one does.
    pub fn new(credentials: Vec<UserCredential>) -> Self {
        let state = state(&credentials);
        Self { credentials, state }
    }

    pub(crate) fn credentials(&self) -> &[UserCredential] {
        &self.credentials
    }

    /// A number for what it holds, which is another one after every change and never 0: part of the
    /// key of the user's sessions.
    pub(crate) fn state(&self) -> u64 {
        self.state
    }
}

/// A digest, because a user may hold several, and one of them can be removed.
fn state(credentials: &[UserCredential]) -> u64 {
    let mut digest = Context::new(&SHA256);
    for credential in credentials {
        digest.update(&credential.version.to_be_bytes());
    }
    let digest = digest.finish();
    digest.as_ref().first_chunk().map_or(1, |bytes| u64::from_be_bytes(*bytes)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_another_state() {
        let one = |version| UserCredential {
            key: UserKey::Bearer,
            secret: SecretName::parse("user-a").unwrap(),
            version,
        };
        let state =
            |versions: &[u64]| UserEntry::new(versions.iter().copied().map(one).collect()).state();
        let states = [state(&[1]), state(&[2]), state(&[1, 2]), state(&[1, 3]), state(&[3])];
        for (place, one) in states.iter().enumerate() {
            assert_ne!(*one, 0);
            assert!(!states[place + 1..].contains(one));
        }
        assert_eq!(state(&[1, 2]), state(&[1, 2]));
    }
}
