//! Envelopes: nothing but the right place under the right key opens one.

use lanyard_core::{SecretName, TenantName};
use proptest::prelude::*;

use super::{OpenError, Sealed, SecretPlace};
use crate::{MasterKey, SecretText};

/// Places that are near each other: name and tenant could be told apart wrongly.
const PLACES: [(&str, &str, u32); 6] = [
    ("default", "billing-key", 1),
    ("default", "billing-key", 2),
    ("default", "billing-ke", 1),
    ("defaultb", "illing-key", 1),
    ("default", "billing-key1", 1),
    ("billing-key", "default", 1),
];

fn text(value: &str) -> SecretText {
    SecretText::from_input(value.as_bytes()).unwrap()
}

fn with_place<T>(place: (&str, &str, u32), then: impl FnOnce(&SecretPlace<'_>) -> T) -> T {
    let (tenant, name) = (TenantName::parse(place.0).unwrap(), SecretName::parse(place.1).unwrap());
    then(&SecretPlace { tenant: &tenant, name: &name, version: place.2 })
}

fn seal(master: &MasterKey, place: (&str, &str, u32), value: &str) -> Sealed {
    with_place(place, |place| master.seal(place, &text(value)).unwrap())
}

fn open(
    master: &MasterKey,
    place: (&str, &str, u32),
    sealed: &Sealed,
) -> Result<String, OpenError> {
    with_place(place, |place| master.open(place, sealed).map(|value| value.as_str().to_owned()))
}

#[test]
fn another_place_does_not_open_it() {
    let master = MasterKey::ephemeral().unwrap();
    for sealed_for in PLACES {
        let sealed = seal(&master, sealed_for, "hunter2!");
        for place in PLACES {
            let expected = if place == sealed_for {
                Ok("hunter2!".to_owned())
            } else {
                Err(OpenError::Changed)
            };
            assert_eq!(open(&master, place, &sealed), expected, "{sealed_for:?} at {place:?}");
        }
    }
}

#[test]
fn another_key_does_not_open_it() {
    let (master, other) = (MasterKey::ephemeral().unwrap(), MasterKey::ephemeral().unwrap());
    let sealed = seal(&master, PLACES[0], "hunter2!");
    assert_eq!(open(&other, PLACES[0], &sealed), Err(OpenError::OtherKey));
    // Nor when the envelope claims to be the other key's.
    let mut bytes = sealed.as_bytes().to_vec();
    bytes[1..9].copy_from_slice(other.id_bytes());
    assert_eq!(open(&other, PLACES[0], &Sealed::from_bytes(bytes)), Err(OpenError::Changed));
}

#[test]
fn any_flip_and_any_cut_is_found() {
    let master = MasterKey::ephemeral().unwrap();
    let sealed = seal(&master, PLACES[0], "hunter2!");
    let bytes = sealed.as_bytes();
    assert_eq!(bytes.len(), 81 + 8 + 16, "the layout is the one described");
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.to_vec();
            flipped[index] ^= 1 << bit;
            assert!(
                open(&master, PLACES[0], &Sealed::from_bytes(flipped)).is_err(),
                "{index}.{bit}"
            );
        }
    }
    for length in 0..bytes.len() {
        let cut = Sealed::from_bytes(bytes[..length].to_vec());
        assert!(open(&master, PLACES[0], &cut).is_err(), "{length}");
    }
    let longer = Sealed::from_bytes([bytes, b"x"].concat());
    assert_eq!(open(&master, PLACES[0], &longer), Err(OpenError::Changed));
    assert_eq!(open(&master, PLACES[0], &Sealed::from_bytes(Vec::new())), Err(OpenError::Format));
}

#[test]
fn parts_of_two_envelopes_do_not_make_one() {
    let master = MasterKey::ephemeral().unwrap();
    let (one, other) = (seal(&master, PLACES[0], "hunter2!"), seal(&master, PLACES[0], "hunter3!"));
    let mixed = [&one.as_bytes()[..69], &other.as_bytes()[69..]].concat();
    assert_eq!(open(&master, PLACES[0], &Sealed::from_bytes(mixed)), Err(OpenError::Changed));
}

#[test]
fn nothing_prints_the_value() {
    let master = MasterKey::ephemeral().unwrap();
    let sealed = seal(&master, PLACES[0], "hunter2!");
    assert_eq!(format!("{sealed:?}"), "Sealed(105 bytes)");
    assert!(!sealed.as_bytes().windows(8).any(|window| window == b"hunter2!"));
    let value = with_place(PLACES[0], |place| master.open(place, &sealed).unwrap());
    assert_eq!(format!("{value:?}"), "SecretValue(..)");
}

proptest! {
    #[test]
    fn sealed_then_opened_is_the_same(value in "\\PC{4,300}", version in any::<u32>()) {
        let master = MasterKey::ephemeral().unwrap();
        let place = ("default", "billing-key", version);
        let (one, other) = (seal(&master, place, &value), seal(&master, place, &value));
        prop_assert_ne!(&one, &other, "keys and nonces are fresh");
        prop_assert_eq!(open(&master, place, &one), Ok(value));
    }

    #[test]
    fn any_bytes_are_opened_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let master = MasterKey::ephemeral().unwrap();
        prop_assert!(open(&master, PLACES[0], &Sealed::from_bytes(bytes.clone())).is_err());
        let claimed = [&[1], master.id_bytes().as_slice(), &bytes].concat();
        prop_assert!(open(&master, PLACES[0], &Sealed::from_bytes(claimed)).is_err());
    }
}
