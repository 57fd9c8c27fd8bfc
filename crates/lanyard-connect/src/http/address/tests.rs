//! The table of addresses: each line an address, what a name may lead to, what a name that an
//! operator allowed may lead to, and what a definition may write.

use super::*;

/// Whether an address may be dialled: by name, by an allowed name, as a literal.
#[track_caller]
fn check_address(address: &str, by_name: bool, by_allowed_name: bool, as_literal: bool) {
    let address: IpAddr = address.parse().unwrap();
    let literal = match address {
        IpAddr::V4(address) => format!("http://{address}"),
        IpAddr::V6(address) => format!("http://[{address}]"),
    };
    let allowance = PrivateAllowance::of(["Allowed.Test."]);
    let permits =
        |origin: &str| check(&Origin::parse(origin).unwrap(), &[address], &allowance).is_some();
    let actual = (permits("http://name.test"), permits("http://allowed.test"), permits(&literal));
    assert_eq!(actual, (by_name, by_allowed_name, as_literal), "{address}");
}

#[test]
fn what_answers_no_request_is_never_dialled() {
    for address in [
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "::",
        "ff02::1",
        "ff0e::1",
        "100::1",
        "4000::1",
        "5f00::1",
        "8000::1",
        "::ffff:0.0.0.0",
        "::ffff:224.0.0.1",
        "64:ff9b::255.255.255.255",
        "2002:e000:0001::1",
    ] {
        check_address(address, false, false, false);
    }
}

#[test]
fn metadata_services_and_the_link_are_never_reached_by_name() {
    for address in [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.0.1",
        "169.254.255.255",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fe80::1",
        "febf::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "::ffff:0:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "2001:0:1:2:3:4:5601:5601",
        "2600::5efe:169.254.169.254",
        "2600::200:5efe:169.254.169.254",
    ] {
        check_address(address, false, false, true);
    }
}

#[test]
fn private_addresses_are_reached_by_an_allowed_name_only() {
    for address in [
        "10.0.0.0",
        "10.255.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.168.0.0",
        "192.168.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "240.0.0.1",
        "255.255.255.254",
        "::1",
        "fc00::1",
        "fd00::1",
        "fdff::1",
        "fec0::1",
        "2001:db8::1",
        "3fff::1",
        "2001:2::1",
        "2001:10::1",
        "64:ff9b:1::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "::ffff:0:192.168.1.1",
        "64:ff9b::10.0.0.1",
        "2002:0a00:0001::",
        "2002:7f00:1::1",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    ] {
        check_address(address, false, true, true);
    }
}

#[test]
fn public_addresses_are_reached() {
    for address in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:4860:4860::8888",
        "2a00::1",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
        "2002:0101:0101::1",
        "2001:200::1",
        "2001:dc0::1",
        "3ffe::1",
    ] {
        check_address(address, true, true, true);
    }
}

#[track_caller]
fn check_addresses(host: &str, addresses: &[&str], expected: &[&str]) {
    let origin = Origin::parse(&format!("https://{host}:8443")).unwrap();
    let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    let expected = expected.iter().map(|text| text.parse().unwrap()).collect();
    let allowance = PrivateAllowance::of(["allowed.test"]);
    assert_eq!(check(&origin, &addresses, &allowance), Some(Checked(expected)));
}

#[test]
fn only_the_permitted_addresses_of_a_name_are_left() {
    check_addresses("name.test", &["10.0.0.1", "1.1.1.1", "::1"], &["1.1.1.1:8443"]);
    check_addresses(
        "allowed.test",
        &["169.254.169.254", "10.0.0.1", "1.1.1.1"],
        &["10.0.0.1:8443", "1.1.1.1:8443"],
    );
}

#[test]
fn an_allowance_is_for_that_name_and_not_for_those_below() {
    let allowance = PrivateAllowance::of(["allowed.test"]);
    let private = ["10.0.0.1".parse().unwrap()];
    for host in ["sub.allowed.test", "notallowed.test", "allowed.test.evil.test", "test"] {
        let origin = Origin::parse(&format!("http://{host}")).unwrap();
        assert_eq!(check(&origin, &private, &allowance), None, "{host}");
    }
}

#[test]
fn localhost_is_this_machine_without_asking_and_names_below_it_are_names() {
    let origin = |text| Origin::parse(text).unwrap();
    let loopback: Vec<IpAddr> = vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
    assert_eq!(written(&origin("http://LOCALHOST:1")), Some(loopback));
    assert_eq!(written(&origin("http://a.localhost")), None);
    assert_eq!(written(&origin("http://[::1]")), Some(vec!["::1".parse().unwrap()]));
}
