//! The order in which addresses are tried, and that the checked ones are dialled.

use std::net::IpAddr;
use std::sync::Mutex;

use super::*;
use crate::http::Roots;
use crate::http::resolve::Resolving;

#[track_caller]
fn check_order(addresses: &[&str], expected: &[&str]) {
    let parse = |texts: &[&str]| -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 1)).collect()
    };
    assert_eq!(alternating(&parse(addresses)), parse(expected));
}

#[test]
fn families_take_turns_and_the_resolver_says_who_begins() {
    check_order(&[], &[]);
    check_order(&["1.1.1.1"], &["1.1.1.1"]);
    check_order(
        &["2a00::1", "2a00::2", "2a00::3", "1.1.1.1"],
        &["2a00::1", "1.1.1.1", "2a00::2", "2a00::3"],
    );
    check_order(&["1.1.1.1", "2a00::1", "2a00::2"], &["1.1.1.1", "2a00::1", "2a00::2"]);
    let many: Vec<String> = (1..20).map(|last| format!("1.1.1.{last}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check_order(&many, &many[..ADDRESSES_MAX]);
}

/// Answers each look-up with the next entry of a list.
struct Scripted(Mutex<Vec<&'static str>>);

impl Resolve for Scripted {
    fn resolve<'a>(&'a self, _host: &'a str) -> Resolving<'a> {
        let next: IpAddr = self.0.lock().unwrap().remove(0).parse().unwrap();
        Box::pin(async move { Ok(vec![next]) })
    }
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_refused_when_it_does() {
    let dialer = Dialer {
        resolver: Arc::new(Scripted(Mutex::new(vec!["1.1.1.1", "127.0.0.1"]))),
        tls: Tls::new(Roots::only(Vec::new())),
        tasks: TaskTracker::new(),
        connect_max: Duration::from_secs(1),
    };
    let origin = Origin::parse("http://name.test").unwrap();
    // What is checked is what is dialled: the look-up gives `Checked`, and only that is reached.
    let checked = dialer.look_up(&origin, &PrivateAllowance::none()).await.unwrap();
    assert_eq!(checked.addresses(), ["1.1.1.1:80".parse().unwrap()]);
    let again = dialer.look_up(&origin, &PrivateAllowance::none()).await;
    assert_eq!(again, Err(Unreached::Forbidden));
}

#[tokio::test]
async fn a_connection_notices_that_the_other_machine_is_gone() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let origin = Origin::parse(&origin).unwrap();
    let checked =
        address::check(&origin, &address::written(&origin).unwrap(), &PrivateAllowance::none())
            .unwrap();
    let until = Instant::now().checked_add(crate::fixture::PATIENCE).unwrap();
    let stream = reach(&origin, &checked, until).await.unwrap();
    assert!(stream.nodelay().unwrap());
    assert!(sockopt::socket_keepalive(&stream).unwrap());
    assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), SILENCE_MAX);
    assert_eq!(sockopt::tcp_keepintvl(&stream).unwrap(), SILENCE_ASK_AGAIN);
    assert_eq!(sockopt::tcp_keepcnt(&stream).unwrap(), SILENCE_ASKED_MAX);
}
