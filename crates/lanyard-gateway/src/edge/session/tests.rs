//! Session ids as sealed handles.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lanyard_core::{AgentName, Limits, Principal, TenantName, Timestamp, UserName};
use lanyard_vault::MasterKey;
use lanyard_wire::Version;

use super::{SessionEnds, Sessions};
use crate::edge::client::nothing;

const NOW: Timestamp = Timestamp(1_795_302_341_000_000);

#[derive(Debug, Default)]
struct Ends(Mutex<Vec<([u8; 32], Timestamp)>>);

impl SessionEnds for Ends {
    fn ended(&self, key: [u8; 32], until: Timestamp) {
        self.0.lock().unwrap().push((key, until));
    }
}

fn principal(tenant: &str, agent: &str, user: Option<&str>) -> Principal {
    Principal {
        tenant: TenantName::parse(tenant).unwrap(),
        agent: AgentName::parse(agent).unwrap(),
        user: user.map(|user| UserName::parse(user).unwrap()),
    }
}

fn sessions(master: &MasterKey, ended: HashSet<[u8; 32]>, ends: &Arc<Ends>) -> Sessions {
    let ends = Arc::clone(ends) as Arc<dyn SessionEnds>;
    Sessions::new(master.session_sealer(), ended, ends, &Limits::standard())
}

#[test]
fn an_id_opens_for_nobody_but_the_principal_it_was_made_for() {
    let (master, ends) = (MasterKey::ephemeral().unwrap(), Arc::default());
    let sessions = sessions(&master, HashSet::new(), &ends);
    let owner = principal("t", "ab", None);
    let id = sessions.begin(&owner, Version::V2025_06_18, &nothing(), NOW).unwrap();
    for stranger in [
        principal("t", "a", None),
        principal("t", "abc", None),
        principal("ta", "b", None),
        principal("u", "ab", None),
        principal("u", "ab", Some("u")),
    ] {
        assert_eq!(sessions.open(&id, &stranger, NOW), None, "{stranger:?}");
    }
    let opened = sessions.open(&id, &owner, NOW).unwrap();
    assert_eq!(opened.version, Version::V2025_06_18);
    assert_eq!(opened.principal, owner);
    assert_ne!(sessions.begin(&owner, Version::V2025_06_18, &nothing(), NOW).unwrap(), id);
}

#[test]
fn an_id_that_was_made_for_a_user_opens_for_no_other() {
    let (master, ends) = (MasterKey::ephemeral().unwrap(), Arc::default());
    let sessions = sessions(&master, HashSet::new(), &ends);
    let ann = principal("t", "ab", Some("ann"));
    let id = sessions.begin(&ann, Version::V2025_06_18, &nothing(), NOW).unwrap();
    assert_eq!(sessions.open(&id, &principal("t", "ab", Some("bea")), NOW), None);
    assert_eq!(sessions.open(&id, &principal("t", "a", Some("ann")), NOW), None);
    // Who names nobody means the user of the session.
    for caller in [ann.clone(), principal("t", "ab", None)] {
        assert_eq!(sessions.open(&id, &caller, NOW).unwrap().principal, ann);
    }
    let nobodys = principal("t", "ab", None);
    let id = sessions.begin(&nobodys, Version::V2025_06_18, &nothing(), NOW).unwrap();
    assert_eq!(sessions.open(&id, &ann, NOW).unwrap().principal, nobodys);
}

#[test]
fn an_id_of_another_key_or_a_changed_one_opens_for_nobody() {
    let (master, ends) = (MasterKey::ephemeral().unwrap(), Arc::default());
    let sessions = sessions(&master, HashSet::new(), &ends);
    let owner = principal("t", "a", None);
    let id = sessions.begin(&owner, Version::V2025_11_25, &nothing(), NOW).unwrap();
    for place in 0..id.len() {
        let mut changed = id.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        // The last character of base64 may hold bits that mean nothing; all others matter.
        let same = sessions.open(&changed, &owner, NOW).is_some();
        assert!(!same || place == id.len() - 1, "{place}");
    }
    let other = Sessions::new(
        MasterKey::ephemeral().unwrap().session_sealer(),
        HashSet::new(),
        Arc::clone(&ends) as Arc<dyn SessionEnds>,
        &Limits::standard(),
    );
    assert_eq!(other.open(&id, &owner, NOW), None);
}

#[test]
fn an_end_is_remembered_for_as_long_as_the_session_could_have_lived() {
    let (master, ends) = (MasterKey::ephemeral().unwrap(), Arc::default());
    let first = sessions(&master, HashSet::new(), &ends);
    let owner = principal("t", "a", None);
    let id = first.begin(&owner, Version::V2025_11_25, &nothing(), NOW).unwrap();
    let session = first.open(&id, &owner, NOW).unwrap();
    assert!(first.lives(&session, NOW));
    first.end(&session);
    assert!(!first.lives(&session, NOW));
    assert_eq!(first.open(&id, &owner, NOW), None);
    let (key, until) = ends.0.lock().unwrap()[0];
    let age = Limits::span(Limits::standard().session_ms_max);
    assert_eq!(until, NOW.plus(age));
    let second = sessions(&master, HashSet::from([key]), &ends);
    assert_eq!(second.open(&id, &owner, NOW), None);
    let young = first.begin(&owner, Version::V2025_11_25, &nothing(), NOW).unwrap();
    let last = Timestamp(NOW.plus(age).0 - 1);
    assert!(first.open(&young, &owner, last).is_some());
    assert_eq!(first.open(&young, &owner, last.plus(Duration::from_micros(1))), None);
}
