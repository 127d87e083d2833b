//! The bare echo: what a tick and an order cost without anything between them.
//!
//! A thread with the same socket library, poll and idle strategy as the net thread reads the bytes
//! of the tick and writes as many bytes as the order has.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use mio::{Events, Interest, Poll, Token};

use super::line::Line;
use super::{Found, Place};
use crate::runtime::agent::Waiting;
use crate::runtime::clock::Clock;
use crate::runtime::cores;

/// Pause between two questions, in ns: as long as the venue waits before it asks.
const PAUSE_NS: u64 = super::round::QUIET_NS;

/// Asks `samples` times.
///
/// # Errors
/// Where the loopback connection fails or the answer is not whole.
pub(super) fn run(place: &Place, clock: &Clock, samples: u32, found: &mut Found) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (tick, order) = (found.tick.clone(), vec![0x5a; found.order_bytes]);
    let (asked, answer) = (tick.len(), order.clone());
    std::thread::scope(|scope| {
        let echo = scope.spawn(move || answer_all(place, address, asked, &answer));
        let asked = ask_all(&listener, clock, samples, &tick, &order, found);
        let echoed = echo.join().map_err(|_| anyhow!("the echo's thread failed"))?;
        asked.and(echoed)
    })
}

fn ask_all(
    listener: &TcpListener,
    clock: &Clock,
    samples: u32,
    tick: &[u8],
    order: &[u8],
    found: &mut Found,
) -> Result<()> {
    let mut line = Line::accept(listener, clock)?;
    // A tenth more at the beginning warms it up.
    let warm = samples / 10 + 10;
    for sample in 0..warm + samples {
        let start = clock.elapsed_ns();
        while clock.elapsed_ns() - start < PAUSE_NS {
            std::hint::spin_loop();
        }
        let took = line.ask(tick, |inbox| !inbox.is_empty())?;
        let took = took.ok_or_else(|| anyhow!("the echo does not answer"))?;
        while line.inbox.len() < order.len() {
            line.read()?;
        }
        if line.inbox != order {
            bail!("the echo answered with other bytes");
        }
        line.inbox.clear();
        if sample >= warm {
            found.echo.record(took);
        }
    }
    Ok(())
}

/// Ends when the other end closes.
fn answer_all(place: &Place, address: SocketAddr, asked: usize, order: &[u8]) -> Result<()> {
    if let Some(core) = place.hot {
        cores::pin("echo", core);
    }
    let mut poll = Poll::new()?;
    let mut stream = mio::net::TcpStream::connect(address)?;
    let interest = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(&mut stream, Token(1), interest)?;
    let (mut events, mut waiting) = (Events::with_capacity(64), Waiting::new(place.idle));
    let (mut buffer, mut got, mut readable, mut nodelay) = ([0; 4096], 0, false, false);
    loop {
        poll.poll(&mut events, Some(Duration::ZERO))?;
        for event in &events {
            readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        }
        let mut done = 0;
        while readable {
            if !nodelay {
                stream.set_nodelay(true)?;
                nodelay = true;
            }
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => got += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => readable = false,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            while got >= asked {
                (got, done) = (got - asked, done + 1);
                if stream.write(order)? != order.len() {
                    bail!("the echo's answer went out in pieces");
                }
            }
        }
        waiting.after(done);
    }
}
