//! The derivation: pinned, so that no later version derives other keys from the same file.

use lanyard_core::Sign as _;

use super::MasterKey;
use crate::key_file::KEY_BYTES;

/// The expected values were computed apart from this code, with Python's `hmac` and
/// `cryptography`, by RFC 5869 and RFC 8032.
#[test]
fn the_derived_keys_are_those_of_the_specification() {
    let key = MasterKey::from_bytes(&[7; KEY_BYTES]).unwrap();
    assert_eq!(key.id(), "776027fc4427faba");
    assert_eq!(
        key.digester().digest("{}"),
        "9c524d6089b5d29aadb56181b9335e2fad54a914b5e05bd407522cd49cb7afc4"
    );
    assert_eq!(
        data_encoding::HEXLOWER.encode(&key.signer().public_key()),
        "c169e9053ce620b51991a112aafbbbcbaaed626732c65b6a07a20ca3a2d1043d"
    );
}

#[test]
fn keys_of_other_files_are_others() {
    let (one, other) = (
        MasterKey::from_bytes(&[7; KEY_BYTES]).unwrap(),
        MasterKey::from_bytes(&[8; KEY_BYTES]).unwrap(),
    );
    assert_ne!(one.id(), other.id());
    assert_ne!(one.digester().digest("{}"), other.digester().digest("{}"));
    assert_ne!(one.signer().public_key(), other.signer().public_key());
}
