//! HTTP servers that misbehave in one way each. Never well-mannered by accident: they know no HTTP beyond this.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Default)]
struct Seen {
    asked: AtomicUsize,
    connections: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    stop: AtomicBool,
    last: Mutex<String>,
    all: Mutex<Vec<Request>>,
}

/// One question as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Request line and headers.
    pub head: String,
    /// What came after them.
    pub body: String,
}

impl Request {
    /// The method and the path: `POST /v1/traces`.
    pub fn what(&self) -> String {
        self.head.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|l| l.split_once(':'));
        let mut found = lines.filter(|(n, _)| n.eq_ignore_ascii_case(name));
        found.next().map(|(_, v)| v.trim().to_owned())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

/// A server on 127.0.0.1 that ends with the test.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.seen.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread so that it sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

/// A whole answer.
pub fn page(code: u16, media: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {code} X\r\nContent-Type: {media}\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A good JSON answer.
pub fn ok(body: &str) -> Vec<u8> {
    page(200, "application/json", body)
}

impl Server {
    fn start(talk: impl Fn(&mut TcpStream, usize, &Seen) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let talk = Arc::new(talk);
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.stop.load(Ordering::SeqCst) {
                    return;
                }
                let (seen, talk) = (Arc::clone(&shared), Arc::clone(&talk));
                seen.connections.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || converse(stream, &seen, &*talk));
            }
        });
        Server { address, seen }
    }

    /// Answers the n-th question with these bytes.
    pub fn answering<B: AsRef<[u8]>>(answer: impl Fn(usize) -> B + Send + Sync + 'static) -> Server {
        Server::start(move |stream, n, _| {
            let _ = stream.write_all(answer(n).as_ref());
        })
    }

    /// Answers by what was asked; the answers are those of a real service.
    pub fn deciding(answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Server {
        Server::start(move |stream, n, seen| {
            let request = seen.all.lock().unwrap()[n].clone();
            let _ = stream.write_all(&answer(&request));
        })
    }

    /// Always answers with these bytes; `cut` ends the connection after them.
    pub fn once_or_always(cut: bool, answer: Vec<u8>) -> Server {
        Server::start(move |stream, _, _| {
            let _ = stream.write_all(&answer);
            if cut {
                let _ = stream.shutdown(std::net::Shutdown::Both);
            }
        })
    }

    /// Sends headers without an end.
    pub fn endless_headers() -> Server {
        Server::start(|stream, _, seen| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
            while !seen.stop.load(Ordering::SeqCst) {
                if stream.write_all(b"X-More: and more and more\r\n").is_err() {
                    return;
                }
            }
        })
    }

    /// Every question so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.seen.all.lock().unwrap().clone()
    }

    /// Takes questions and never answers.
    pub fn hanging() -> Server {
        Server::start(|_, _, seen| while_running(seen))
    }

    /// Answers correctly after a pause.
    pub fn slow(pause: Duration, body: &'static str) -> Server {
        Server::start(move |stream, _, _| {
            std::thread::sleep(pause);
            let _ = stream.write_all(&ok(body));
        })
    }

    /// Sends a byte now and then, forever.
    pub fn trickling() -> Server {
        Server::start(|stream, _, seen| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
            while !seen.stop.load(Ordering::SeqCst) && stream.write_all(b" ").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        })
    }

    /// Sends a body without an end as fast as it is taken.
    pub fn flooding() -> Server {
        Server::start(|stream, _, seen| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
            let block = [b' '; 65536];
            while !seen.stop.load(Ordering::SeqCst) {
                if stream.write_all(&block).is_err() {
                    return;
                }
            }
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many questions came.
    pub fn asked(&self) -> usize {
        self.seen.asked.load(Ordering::SeqCst)
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Questions being answered now.
    pub fn open(&self) -> usize {
        self.seen.open.load(Ordering::SeqCst)
    }

    /// The most questions that were being answered at once.
    pub fn most_open(&self) -> usize {
        self.seen.most_open.load(Ordering::SeqCst)
    }

    /// The head of the newest question.
    pub fn last_request(&self) -> String {
        self.seen.last.lock().unwrap().clone()
    }
}

fn while_running(seen: &Seen) {
    while !seen.stop.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn converse(stream: TcpStream, seen: &Seen, talk: &impl Fn(&mut TcpStream, usize, &Seen)) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let mut request = Request { head, body: String::new() };
        if let Some(length) = request.header("content-length").and_then(|l| l.parse::<usize>().ok()) {
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() {
                return;
            }
            request.body = String::from_utf8_lossy(&body).into_owned();
        }
        let n = {
            let mut all = seen.all.lock().unwrap();
            *seen.last.lock().unwrap() = request.head.clone();
            all.push(request);
            seen.asked.store(all.len(), Ordering::SeqCst);
            all.len() - 1
        };
        let open = seen.open.fetch_add(1, Ordering::SeqCst) + 1;
        seen.most_open.fetch_max(open, Ordering::SeqCst);
        // Closed before the answer: who has it may ask again at once.
        let done = OnDrop(seen);
        talk(&mut writer, n, seen);
        drop(done);
    }
}

struct OnDrop<'a>(&'a Seen);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}
