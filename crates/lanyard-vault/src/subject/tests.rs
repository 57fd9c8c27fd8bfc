//! Keys of subjects: what they seal opens for its own place and for no other.

use super::*;

struct Names {
    tenants: [TenantName; 2],
    subjects: [PayloadSubject; 3],
    ids: [RecordId; 2],
}

fn names() -> Names {
    let subject = |text: &str| text.parse().unwrap();
    let id = |text: &str| RecordId::parse(text).unwrap();
    Names {
        tenants: ["a", "b"].map(|name| TenantName::parse(name).unwrap()),
        // The same name as a user and as an agent are two subjects.
        subjects: ["user:ann", "agent:ann", "user:bob"].map(subject),
        ids: ["k1", "k2"].map(id),
    }
}

#[test]
fn a_key_opens_for_its_own_tenant_subject_and_id() {
    let (master, names) = (MasterKey::ephemeral().unwrap(), names());
    let place = |tenant: usize, subject: usize, key: usize| SubjectPlace {
        tenant: &names.tenants[tenant],
        subject: &names.subjects[subject],
        key: &names.ids[key],
    };
    let stored = master.make_subject_key(&place(0, 0, 0)).unwrap();
    assert_eq!(stored.as_bytes().len(), 69);
    assert!(master.open_subject_key(&place(0, 0, 0), &stored).is_ok());
    for (tenant, subject, key) in [(1, 0, 0), (0, 1, 0), (0, 2, 0), (0, 0, 1)] {
        let opened = master.open_subject_key(&place(tenant, subject, key), &stored);
        assert_eq!(opened.unwrap_err(), OpenError::Changed, "{tenant} {subject} {key}");
    }
    let other = MasterKey::ephemeral().unwrap();
    let opened = other.open_subject_key(&place(0, 0, 0), &stored);
    assert_eq!(opened.unwrap_err(), OpenError::OtherKey);
    for at in 0..stored.as_bytes().len() {
        let mut bytes = stored.as_bytes().to_vec();
        bytes[at] ^= 1;
        assert!(master.open_subject_key(&place(0, 0, 0), &Sealed::from_bytes(bytes)).is_err());
        let cut = Sealed::from_bytes(stored.as_bytes()[..at].to_vec());
        assert!(master.open_subject_key(&place(0, 0, 0), &cut).is_err());
    }
}

#[test]
fn a_payload_opens_in_its_own_place_under_its_own_key() {
    let (master, names) = (MasterKey::ephemeral().unwrap(), names());
    let key = |key: usize| {
        let (tenant, subject) = (&names.tenants[0], &names.subjects[0]);
        let place = SubjectPlace { tenant, subject, key: &names.ids[key] };
        let stored = master.make_subject_key(&place).unwrap();
        master.open_subject_key(&place, &stored).unwrap()
    };
    let place = |tenant: usize, subject: usize, call: usize, part| PayloadPlace {
        tenant: &names.tenants[tenant],
        subject: &names.subjects[subject],
        call: &names.ids[call],
        part,
    };
    let (first, second) = (key(0), key(1));
    let own = place(0, 0, 0, PayloadPart::Arguments);
    let text = r#"{"number":"tst_of_ann"}"#;
    let sealed = first.seal(&own, text).unwrap();
    assert_ne!(sealed, first.seal(&own, text).unwrap(), "a nonce is used once");
    assert!(!sealed.windows(7).any(|part| part == b"tst_of_"));
    assert_eq!(first.open(&own, &sealed).unwrap(), text);
    assert_eq!(second.open(&own, &sealed), Err(OpenError::Changed));
    for (tenant, subject, call, part) in [
        (1, 0, 0, PayloadPart::Arguments),
        (0, 1, 0, PayloadPart::Arguments),
        (0, 2, 0, PayloadPart::Arguments),
        (0, 0, 1, PayloadPart::Arguments),
        (0, 0, 0, PayloadPart::Result),
        (0, 0, 0, PayloadPart::Error),
    ] {
        let moved = place(tenant, subject, call, part);
        assert_eq!(first.open(&moved, &sealed), Err(OpenError::Changed), "{moved:?}");
    }
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(first.open(&own, &changed).is_err() && first.open(&own, &sealed[..at]).is_err());
    }
    assert_eq!(format!("{first:?}"), "SubjectKey(..)");
}
