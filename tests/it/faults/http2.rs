//! What the client makes of HTTP/2's own ways to end a request, over real TLS.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::binary::{Emulator, Running};

/// How a request is ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// `REFUSED_STREAM`: it was not looked at.
    Refused,
    /// `GOAWAY` without an error, with the request in hand.
    GoesAway,
}

/// A server of HTTP/2 that answers every request but some.
struct Server {
    origin: String,
    requests: Arc<AtomicUsize>,
}

/// The requests that get no answer, by their number.
const ENDED: [(usize, End); 4] = [
    (3, End::Refused),
    (6, End::GoesAway),
    (9, End::Refused),
    (12, End::GoesAway),
];

impl Server {
    async fn start(authority: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(authority, made.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth();
        let mut config = config
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("https://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, acceptor.clone(), Arc::clone(&seen)));
            }
        });
        Self { origin, requests }
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, requests: Arc<AtomicUsize>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let mut unanswered = Vec::new();
    while let Some(Ok((request, mut answer))) = connection.accept().await {
        if !request.uri().path().ends_with("WhoAmI") {
            // An answer that opens no breaker.
            let absent = http::Response::builder().status(404).body(()).unwrap();
            answer.send_response(absent, true).unwrap();
            continue;
        }
        let number = requests.fetch_add(1, Ordering::SeqCst) + 1;
        match ENDED.iter().find(|(at, _)| *at == number) {
            Some((_, End::Refused)) => answer.send_reset(Reason::REFUSED_STREAM),
            Some((_, End::GoesAway)) => {
                unanswered.push(answer);
                connection.abrupt_shutdown(Reason::NO_ERROR);
            }
            None => {
                let id = "0a0a0a0a-0000-4000-8000-000000000001";
                let body = json!({"UserId": id, "OrganizationId": id, "BusinessUnitId": id});
                let head = http::Response::builder()
                    .header("content-type", "application/json; odata.metadata=minimal")
                    .header("odata-version", "4.0")
                    .body(())
                    .unwrap();
                let mut sent = answer.send_response(head, false).unwrap();
                sent.send_data(Bytes::from(body.to_string()), true).unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_f13_what_http2_ends_is_one_failed_attempt_in_the_log_and_never_sent_again_unseen() {
    let emulator = tokio::task::spawn_blocking(Emulator::start).await.unwrap();
    let authority = emulator.folder.path().join("authority.pem");
    let server = Server::start(&authority).await;
    let config = std::fs::read_to_string(emulator.config()).unwrap();
    let config = config.replace(&emulator.us, &server.origin);
    std::fs::write(emulator.config(), config).unwrap();
    // What is spoken is told; the other instance has HTTP/1.1 only.
    let mut doctor = emulator.command(&["doctor", "--all"]);
    doctor.env("SSL_CERT_FILE", &authority);
    let spoken = tokio::task::block_in_place(|| doctor.output().unwrap().stdout);
    let spoken = String::from_utf8(spoken).unwrap();
    let us = format!("{}/api/data/v9.2/ answers", server.origin);
    for (place, version) in [(us.as_str(), "HTTP/2"), (&emulator.europe, "HTTP/1.1")] {
        let mut lines = spoken.lines().filter(|line| line.contains(place));
        assert!(
            lines.any(|line| line.ends_with(version)),
            "{place}: {spoken}"
        );
    }
    let state = emulator.folder.path().join("state");
    let mut agent = emulator.command_in(&state, &["agent", "--listen", "127.0.0.1:0"]);
    agent.env("SSL_CERT_FILE", &authority);
    let log = emulator.folder.path().join("log");
    let mut agent = Running::logging(&mut agent, &log);
    let began = std::time::Instant::now();
    while server.requests.load(Ordering::SeqCst) < 15 {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{:?}",
            server.requests
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    agent.terminate();
    assert!(tokio::task::block_in_place(|| agent.succeeds()));
    let log = std::fs::read_to_string(log).unwrap();
    let failed = log
        .lines()
        .filter(|line| line.contains("failed") && line.contains("WhoAmI"));
    assert_eq!(failed.count(), ENDED.len(), "{log}");
    drop(tokio::task::spawn_blocking(|| emulator).await);
}
