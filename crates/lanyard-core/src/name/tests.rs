//! Names: what is refused, then what is accepted.

use super::*;

#[test]
fn a_name_is_a_slug() {
    for bad in ["", "-a", "a-", "A", "a_b", "a b", "a.b", "ä", "../a", &"a".repeat(65)] {
        assert!(ServerName::parse(bad).is_err(), "{bad} was accepted");
    }
    for good in ["a", "0", "a-b", "a--b", &"a".repeat(64)] {
        assert_eq!(ServerName::parse(good).unwrap().as_str(), good);
    }
}

#[test]
fn a_reference_is_told_from_a_literal() {
    assert_eq!(SecretName::from_reference("plain"), None);
    assert!(SecretName::from_reference("secret://Not OK").unwrap().is_err());
    let name = SecretName::from_reference("secret://billing-key").unwrap().unwrap();
    assert_eq!(name.reference(), "secret://billing-key");
}
