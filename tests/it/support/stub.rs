//! A server that answers as a test says, byte by byte: for answers that no Dataverse would give.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What becomes of one request.
pub enum Reply {
    /// These bytes, and the end of the connection.
    Bytes(String),
    /// The end of the connection, without a byte.
    Cut,
    /// These bytes, and then silence.
    Silence(String),
}

/// A request that came, whole.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Instant,
    pub text: String,
}

pub struct Stub {
    pub origin: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stub {
    /// Answers the n-th request, from 0, by this function of its text.
    pub async fn answering(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (reply, noted) = (Arc::new(reply), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (reply, noted) = (Arc::clone(&reply), Arc::clone(&noted));
                tokio::spawn(async move {
                    let _gone = serve(stream, &noted, &*reply).await;
                });
            }
        });
        Stub { origin, seen, task }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests began so.
    pub fn count(&self, start: &str) -> usize {
        self.seen()
            .iter()
            .filter(|seen| seen.text.starts_with(start))
            .count()
    }
}

async fn serve(
    mut stream: TcpStream,
    noted: &Mutex<Vec<Seen>>,
    reply: &(impl Fn(usize, &str) -> Reply + Sync),
) -> std::io::Result<()> {
    let text = request(&mut stream).await?;
    let number = {
        let mut noted = noted.lock().unwrap();
        noted.push(Seen {
            at: Instant::now(),
            text: text.clone(),
        });
        noted.len() - 1
    };
    match reply(number, &text) {
        Reply::Bytes(bytes) => {
            stream.write_all(bytes.as_bytes()).await?;
            stream.shutdown().await
        }
        Reply::Cut => Ok(()),
        Reply::Silence(bytes) => {
            stream.write_all(bytes.as_bytes()).await?;
            std::future::pending().await
        }
    }
}

async fn request(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await?;
        text.extend_from_slice(&buffer[..read]);
        let so_far = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = so_far.split_once("\r\n\r\n") else {
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        if body.len() >= length {
            return Ok(so_far);
        }
    }
}

/// An answer, whole.
pub fn answer(status: &str, headers: &[&str], body: &str) -> Reply {
    let headers: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let length = body.len();
    Reply::Bytes(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

pub fn json(body: &str) -> Reply {
    answer("200 OK", &["content-type: application/json"], body)
}
