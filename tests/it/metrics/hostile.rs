//! HTTP servers that misbehave in one way each. Never well-mannered by accident: they know no HTTP beyond this.

use std::io::{BufRead, BufReader, Write};
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
        let n = seen.asked.fetch_add(1, Ordering::SeqCst);
        *seen.last.lock().unwrap() = head;
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
