//! The server: loopback sockets, one thread a connection, every request recorded.
//!
//! HTTP/1.1 as far as a GET needs it. It writes bytes itself and closes connections itself: a
//! body that ends early has to be possible.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::answer::{Answer, answer};
use crate::fault::{Fault, Plan};
use crate::market::Market;

/// Longest head of a request.
const HEAD_MAX: usize = 64 << 10;
/// Longest time without a look at whether the server was stopped.
const NAP: Duration = Duration::from_millis(20);

/// One request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Path and query.
    pub target: String,
    /// Lower-case name and value of each header.
    pub headers: Vec<(String, String)>,
    /// HTTP status of the answer.
    pub status: u16,
}

impl Request {
    /// Value of a header by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// A running server. Stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    requests: Receiver<Request>,
    seen: Vec<Request>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `market` on a port of the loopback interface; 0 takes a free one.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn start(port: u16, market: Market, plan: Plan) -> std::io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (record, requests) = channel();
        let shared = Arc::new(Shared { market, plan, stop: Arc::clone(&stop) });
        let thread = std::thread::spawn(move || accept(&listener, &shared, &record));
        Ok(Server { address, stop, requests, seen: Vec::new(), thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in the order of their answers.
    pub fn requests(&mut self) -> &[Request] {
        self.seen.extend(self.requests.try_iter());
        &self.seen
    }

    /// The next request that was not taken yet.
    pub fn poll(&mut self) -> Option<Request> {
        let request = self.requests.try_recv().ok()?;
        self.seen.push(request.clone());
        Some(request)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been printed.
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Shared {
    market: Market,
    plan: Plan,
    stop: Arc<AtomicBool>,
}

impl Shared {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Sleeps, unless stopped.
    fn pause(&self, duration: Duration) {
        let mut left = duration;
        while !left.is_zero() && !self.stopped() {
            let nap = left.min(NAP);
            std::thread::sleep(nap);
            left -= nap;
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, record: &Sender<Request>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while !shared.stopped() {
        match listener.accept() {
            Ok((stream, _)) => {
                let (shared, record) = (Arc::clone(shared), record.clone());
                threads.push(std::thread::spawn(move || {
                    // A connection that breaks is the client's business.
                    let _ = converse(stream, &shared, &record);
                }));
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => std::thread::sleep(NAP / 10),
            Err(_) => break,
        }
        threads.retain(|t| !t.is_finished());
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// Requests of one connection until it closes.
fn converse(
    mut stream: TcpStream,
    shared: &Shared,
    record: &Sender<Request>,
) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(NAP))?;
    let mut held = Vec::new();
    while let Some(head) = head(&mut stream, &mut held, shared)? {
        let Some(mut request) = parse(&head) else { break };
        let authorization = request.header("authorization").map(str::to_owned);
        let outcome =
            answer(&shared.market, &shared.plan, &request.target, authorization.as_deref());
        request.status = outcome.answer.status;
        // The server may have gone while the last requests are answered.
        let _ = record.send(request);
        if !send(&mut stream, &outcome.answer, outcome.fault.as_ref(), shared)? {
            break;
        }
    }
    stream.shutdown(Shutdown::Both)
}

/// Sends an answer, with what a fault does on the wire; whether the connection goes on.
fn send(
    stream: &mut TcpStream,
    answer: &Answer,
    fault: Option<&Fault>,
    shared: &Shared,
) -> std::io::Result<bool> {
    let mut text = format!(
        "HTTP/1.1 {} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        answer.status,
        answer.body.len()
    );
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    match fault {
        Some(Fault::Reset) => return Ok(false),
        Some(Fault::Hang(time)) => {
            shared.pause(*time);
            return Ok(false);
        }
        Some(Fault::Slow(time)) => shared.pause(*time),
        Some(Fault::Cut) => {
            text.push_str(answer.body.get(..answer.body.len() / 2).unwrap_or_default());
            stream.write_all(text.as_bytes())?;
            return Ok(false);
        }
        _ => {}
    }
    text.push_str(&answer.body);
    stream.write_all(text.as_bytes())?;
    Ok(true)
}

/// The head of the next request; `None` when the client has closed or the server has stopped.
fn head(
    stream: &mut TcpStream,
    held: &mut Vec<u8>,
    shared: &Shared,
) -> std::io::Result<Option<String>> {
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = held.windows(4).position(|w| w == b"\r\n\r\n") {
            let head: Vec<u8> = held.drain(..end + 4).collect();
            return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
        }
        if held.len() > HEAD_MAX || shared.stopped() {
            return Ok(None);
        }
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(n) => held.extend(buffer.iter().take(n)),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(e) => return Err(e),
        }
    }
}

fn parse(head: &str) -> Option<Request> {
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let target = first.next().filter(|method| *method == "GET").and(first.next())?.to_owned();
    let header = |line: &str| {
        line.split_once(':').map(|(n, v)| (n.trim().to_ascii_lowercase(), v.trim().to_owned()))
    };
    Some(Request { target, headers: lines.filter_map(header).collect(), status: 0 })
}
