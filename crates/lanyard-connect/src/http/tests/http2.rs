//! TLS, and HTTP/2 over it.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::servers::{Server, listen, serve};
use super::*;

/// A server on `localhost` with a certificate of an authority of its own.
pub(super) struct Secure {
    pub(super) server: Server,
    authority: CertificateDer<'static>,
    authority_pem: String,
}

/// An authority of the test's own, and what it says of `localhost`.
pub(super) struct Authority {
    pub(super) certificate: CertificateDer<'static>,
    pem: String,
    pub(super) acceptor: TlsAcceptor,
}

impl Authority {
    pub(super) fn new(protocols: &[&[u8]]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let leaf_key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivatePkcs8KeyDer::from(leaf_key.serialize_der()).into(),
            )
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self { certificate: issuer.der().clone(), pem: issuer.pem(), acceptor }
    }
}

impl Secure {
    pub(super) async fn start(protocols: &[&[u8]]) -> Self {
        let Authority { certificate, pem, acceptor } = Authority::new(protocols);
        let (listener, port) = listen().await;
        let server = Server::new("https", "localhost", port);
        let seen = Arc::clone(&server.seen);
        let tasks = TaskTracker::new();
        tasks.clone().spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                tasks.spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, seen.opened(), Arc::clone(&seen)).await;
                    }
                });
            }
        });
        Self { server, authority: certificate, authority_pem: pem }
    }

    pub(super) fn upstream(&self, tasks: &TaskTracker) -> Upstream {
        let roots = Roots::only(vec![self.authority.clone()]);
        Upstream::new(&Limits::standard(), roots, tasks.clone()).unwrap()
    }
}

#[tokio::test]
async fn a_server_that_cannot_prove_its_name_gets_nothing() {
    let secure = Secure::start(&[b"h2"]).await;
    let stranger = Secure::start(&[b"h2"]).await;
    let origin = &secure.server.origin;
    let untrusted = Call::new(&stranger.upstream(&TaskTracker::new()), origin, "/");
    assert_eq!(untrusted.send().await.unwrap_err(), Failure::Unreachable);
    let nobody = Call::new(&upstream(), origin, "/");
    assert_eq!(nobody.send().await.unwrap_err(), Failure::Unreachable);
    let other_name = format!("https://127.0.0.1:{}", secure.server.port);
    let other_name = Call::new(&secure.upstream(&TaskTracker::new()), &other_name, "/");
    assert_eq!(other_name.send().await.unwrap_err(), Failure::Unreachable);
    assert_eq!(secure.server.seen.requests(), 0);
    let plain = Server::start().await;
    let plain_origin = format!("https://localhost:{}", plain.port);
    let no_tls = Call::new(&secure.upstream(&TaskTracker::new()), &plain_origin, "/");
    assert_eq!(no_tls.send().await.unwrap_err(), Failure::Unreachable);
    assert_eq!(plain.seen.requests(), 0);
}

#[tokio::test]
async fn whoever_sets_a_server_up_is_told_what_stands_in_the_way() {
    let secure = Secure::start(&[b"h2"]).await;
    let stranger = Secure::start(&[b"h2"]).await;
    let plain = Server::start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let trusted = secure.upstream(&TaskTracker::new());
    let reach = async |upstream: &Upstream, origin: &str| {
        let origin = Origin::parse(origin).unwrap();
        upstream.reach(&origin, &PrivateAllowance::none()).await
    };
    assert_eq!(reach(&trusted, &secure.server.origin).await, Ok(()));
    let untrusted = reach(&stranger.upstream(&TaskTracker::new()), &secure.server.origin).await;
    assert_eq!(untrusted, Err(Unreached::Untrusted));
    let other_name = format!("https://127.0.0.1:{}", secure.server.port);
    let other_name = reach(&trusted, &other_name).await;
    assert!(matches!(&other_name, Err(Unreached::Certificate(_))), "{other_name:?}");
    let no_tls = reach(&trusted, &format!("https://localhost:{}", plain.port)).await;
    assert!(matches!(&no_tls, Err(Unreached::Tls(_))), "{no_tls:?}");
    assert_eq!(reach(&trusted, &format!("http://127.0.0.1:{free}")).await, Err(Unreached::Address));
    let unknown = reach(&trusted, "https://no-such-host.invalid").await;
    assert_eq!(unknown, Err(Unreached::Name));
}

#[test]
fn a_file_of_authorities_holds_certificates() {
    let bad = |pem: &str| Roots::system().and_pem(pem.as_bytes()).unwrap_err();
    assert_eq!(bad(""), UpstreamError::Pem);
    assert_eq!(bad("not a certificate"), UpstreamError::Pem);
    assert_eq!(
        bad("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"),
        UpstreamError::Pem
    );
    let roots = Roots::only(vec![CertificateDer::from(b"tst".to_vec())]);
    let made = Upstream::new(&Limits::standard(), roots, TaskTracker::new());
    assert_eq!(made.unwrap_err(), UpstreamError::Root);
}

#[tokio::test]
async fn the_version_is_the_one_that_tls_agrees_on() {
    for (protocols, expected) in [
        (&[b"h2" as &[u8], b"http/1.1"][..], "HTTP/2.0"),
        (&[b"http/1.1"], "HTTP/1.1"),
        (&[], "HTTP/1.1"),
    ] {
        let secure = Secure::start(protocols).await;
        let roots = Roots::only(Vec::new()).and_pem(secure.authority_pem.as_bytes()).unwrap();
        let upstream = Upstream::new(&Limits::standard(), roots, TaskTracker::new()).unwrap();
        for _ in 0..3 {
            let call = Call::new(&upstream, &secure.server.origin, "/a?b=c").post("body");
            let text = call.header("x-a", "b").text().await;
            let first = text.lines().next().unwrap();
            assert!(first.ends_with(expected) && first.contains("/a?b=c"), "{text}");
            assert!(text.contains("\nx-a: b\n") && text.ends_with("\nbody"), "{text}");
        }
        assert_eq!(secure.server.seen.connections(), 1);
    }
}

#[tokio::test]
async fn calls_at_a_time_share_an_http2_connection_and_keys_do_not() {
    let secure = Secure::start(&[b"h2"]).await;
    let upstream = secure.upstream(&TaskTracker::new());
    let call = Call::new(&upstream, &secure.server.origin, "/large");
    call.text().await;
    let all = tokio::join!(call.text(), call.text(), call.text(), call.text());
    assert_eq!(all.3.len(), 1 << 20);
    assert_eq!(secure.server.seen.connections(), 1);
    let mut other = Call::new(&upstream, &secure.server.origin, "/");
    other.key = key("tickets");
    other.text().await;
    assert_eq!(secure.server.seen.connections(), 2);
}

#[tokio::test]
async fn a_caller_that_leaves_resets_its_stream_and_nobody_elses() {
    let secure = Secure::start(&[b"h2"]).await;
    let seen = &secure.server.seen;
    let upstream = secure.upstream(&TaskTracker::new());
    let never = Call::new(&upstream, &secure.server.origin, "/never");
    tokio::select! {
        answered = never.send() => panic!("{answered:?}"),
        () = until(|| seen.requests() == 1) => {}
    }
    Call::new(&upstream, &secure.server.origin, "/").text().await;
    let other = Call::new(&upstream, &secure.server.origin, "/never");
    tokio::select! {
        answered = other.send() => panic!("{answered:?}"),
        () = until(|| seen.requests() == 3) => {}
    }
    until(|| seen.aborted() == 2).await;
    Call::new(&upstream, &secure.server.origin, "/").text().await;
    assert_eq!(seen.connections(), 1);
}

#[tokio::test]
async fn an_http2_connection_that_did_not_answer_in_time_is_not_used_again() {
    let secure = Secure::start(&[b"h2"]).await;
    let upstream = secure.upstream(&TaskTracker::new());
    let call = Call::new(&upstream, &secure.server.origin, "/");
    call.text().await;
    let mut never = Call::new(&upstream, &secure.server.origin, "/never");
    never.deadline = Duration::from_millis(50);
    assert_eq!(never.send().await.unwrap_err(), Failure::TimedOut);
    call.text().await;
    assert_eq!(secure.server.seen.connections(), 2);
}

#[tokio::test]
async fn a_closed_pool_ends_its_http2_connections() {
    let secure = Secure::start(&[b"h2"]).await;
    let tasks = TaskTracker::new();
    let upstream = secure.upstream(&tasks);
    Call::new(&upstream, &secure.server.origin, "/").text().await;
    upstream.close();
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.unwrap();
    secure.server.seen.until_open(0).await;
}
