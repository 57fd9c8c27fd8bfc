//! What the derived keys do, and what they do not tell.

use lanyard_core::Sign as _;
use proptest::prelude::*;
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::MasterKey;

fn master() -> MasterKey {
    MasterKey::ephemeral().unwrap()
}

#[test]
fn a_signature_verifies_for_its_message_alone() {
    let signer = master().signer();
    let signature = signer.sign(b"checkpoint");
    let public = UnparsedPublicKey::new(&ED25519, signer.public_key());
    assert!(public.verify(b"checkpoint2", &signature).is_err());
    assert!(
        UnparsedPublicKey::new(&ED25519, master().signer().public_key())
            .verify(b"checkpoint", &signature)
            .is_err()
    );
    assert!(public.verify(b"checkpoint", &signature).is_ok());
}

#[test]
fn a_digest_is_the_keys_and_the_texts() {
    let digester = master().digester();
    assert_ne!(digester.digest("a"), digester.digest("b"));
    assert_ne!(digester.digest("a"), master().digester().digest("a"));
    assert_eq!(digester.digest("a"), digester.digest("a"));
    assert_eq!(digester.digest("").len(), 64);
}

#[test]
fn what_was_not_sealed_here_does_not_open() {
    let sealer = master().session_sealer();
    let sealed = sealer.seal(b"alice").unwrap();
    assert_eq!(master().session_sealer().open(&sealed), None, "another key");
    for text in ["", "AQ", "?", &"A".repeat(5000), &format!("{sealed}=="), &format!(" {sealed}")] {
        assert_eq!(sealer.open(text), None, "{text}");
    }
    let bytes = data_encoding::BASE64URL_NOPAD.decode(sealed.as_bytes()).unwrap();
    for index in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[index] ^= 1;
        assert_eq!(sealer.open(&data_encoding::BASE64URL_NOPAD.encode(&flipped)), None, "{index}");
    }
    for length in 0..bytes.len() {
        let cut = data_encoding::BASE64URL_NOPAD.encode(&bytes[..length]);
        assert_eq!(sealer.open(&cut), None, "{length}");
    }
    assert_eq!(sealer.open(&sealed).as_deref(), Some(&b"alice"[..]));
}

#[test]
fn nothing_prints_a_key() {
    let master = master();
    assert_eq!(format!("{master:?}"), "MasterKey(..)");
    assert_eq!(format!("{:?}", master.signer()), "Signer(..)");
    assert_eq!(format!("{:?}", master.digester()), "Digester(..)");
    assert_eq!(format!("{:?}", master.session_sealer()), "SessionSealer(..)");
}

proptest! {
    #[test]
    fn sealed_then_opened_is_the_same(content in prop::collection::vec(any::<u8>(), 0..300)) {
        let sealer = master().session_sealer();
        let (one, other) = (sealer.seal(&content).unwrap(), sealer.seal(&content).unwrap());
        prop_assert_ne!(&one, &other, "nonces are fresh");
        prop_assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        prop_assert_eq!(sealer.open(&one), Some(content));
    }

    #[test]
    fn any_text_is_opened_without_panic(text in any::<String>()) {
        prop_assert_eq!(master().session_sealer().open(&text), None);
    }
}

#[test]
fn what_an_approver_is_shown_opens_for_its_request_alone() {
    let (ours, other) = (MasterKey::ephemeral().unwrap(), MasterKey::ephemeral().unwrap());
    let sealed = ours.approval_sealer().seal("default/01A", "tst_view").unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("tst_view"));
    let open = |key: &MasterKey, request| key.approval_sealer().open(request, &sealed);
    assert_eq!(open(&ours, "default/01A").as_deref(), Some("tst_view"));
    assert_eq!(open(&ours, "default/01B"), None);
    assert_eq!(open(&other, "default/01A"), None);
    let mut changed = sealed.clone();
    changed[20] ^= 1;
    assert_eq!(ours.approval_sealer().open("default/01A", &changed), None);
    assert_eq!(ours.approval_sealer().open("default/01A", b"short"), None);
}
