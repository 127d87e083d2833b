//! One hop of an event from thread to thread through a ring, and the cost of a message among many.
//!
//! Why: a hop is the unit in which the latency of the path is judged (in one thread, at most ten of
//! them), and the price of every thread boundary. `hop` is half a round trip of one event: nobody
//! shares a clock, nothing is queued. `one by one` and `batches of 256` stream events the way the
//! agents do; a message then costs the less, the more the cores can overlap.
//!
//! Not measured: tails (criterion gives means; `mia latency` gives the distribution of the hop).
//! The threads are pinned to the first and the last allowed core. On a single core a hop is a
//! switch of threads and means nothing, so nothing is measured there.

use std::hint::{black_box, spin_loop};
use std::thread;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mia::event::{Body, Event};
use mia::runtime::clock::Clock;
use mia::runtime::cores;
use mia::units::{SymbolId, Ts};
use rtrb::{Consumer, Producer, RingBuffer};

const CAPACITY: usize = 65_536;
const BATCH: usize = 256;

fn event(seq: u64) -> Event {
    let (ts, symbol) = (Ts(1), SymbolId(0));
    Event { seq, ts, ts_exch: ts, symbol, flags: 0, body: Body::Timer }
}

fn rings(c: &mut Criterion) {
    let allowed = cores::allowed();
    let (Some(&here), Some(&there)) = (allowed.first(), allowed.last()) else { return };
    if here == there {
        eprintln!("rings: one core only, nothing is measured");
        return;
    }
    let clock = Clock::new();
    let mut group = c.benchmark_group("ring");
    group.throughput(Throughput::Elements(1));
    group.bench_function("hop", |b| {
        b.iter_custom(|n| on(here, || round_trips(&clock, there, n) / 2));
    });
    group.bench_function("one by one", |b| {
        b.iter_custom(|n| on(here, || stream(&clock, there, n, one_by_one, drain_one_by_one)));
    });
    group.bench_function("batches of 256", |b| {
        b.iter_custom(|n| on(here, || stream(&clock, there, n, in_batches, drain_in_batches)));
    });
}

/// Runs `work` on a thread pinned to `core`.
fn on<T: Send>(core: usize, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let pinned = || {
            cores::pin("bench", core);
            work()
        };
        scope.spawn(pinned).join().expect("no panic")
    })
}

fn round_trips(clock: &Clock, there: usize, n: u64) -> Duration {
    let (mut ping, mut pinged) = RingBuffer::<Event>::new(64);
    let (mut pong, mut ponged) = RingBuffer::<Event>::new(64);
    thread::scope(|scope| {
        scope.spawn(move || {
            cores::pin("echo", there);
            while !pinged.is_abandoned() || !pinged.is_empty() {
                match pinged.pop() {
                    Ok(event) => pong.push(event).expect("one is under way at a time"),
                    Err(_) => spin_loop(),
                }
            }
        });
        let mut trip = |seq| {
            ping.push(event(seq)).expect("one is under way at a time");
            loop {
                match ponged.pop() {
                    Ok(event) => break assert_eq!(event.seq, seq),
                    Err(_) => spin_loop(),
                }
            }
        };
        // The other thread is awake and in place when the clock starts.
        (0..100).for_each(&mut trip);
        let start = clock.elapsed_ns();
        (0..n).for_each(trip);
        let elapsed = clock.elapsed_ns() - start;
        drop(ping);
        Duration::from_nanos(elapsed)
    })
}

type Fill = fn(&mut Producer<Event>, u64);
type Drain = fn(&mut Consumer<Event>, u64) -> u64;

fn stream(clock: &Clock, there: usize, n: u64, fill: Fill, drain: Drain) -> Duration {
    let (mut producer, mut consumer) = RingBuffer::<Event>::new(CAPACITY);
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            cores::pin("reader", there);
            drain(&mut consumer, n + 1)
        });
        producer.push(event(n)).expect("room for the first");
        while producer.slots() < CAPACITY {
            spin_loop();
        }
        let start = clock.elapsed_ns();
        fill(&mut producer, n);
        let sum = reader.join().expect("no panic");
        let elapsed = clock.elapsed_ns() - start;
        assert_eq!(u128::from(sum), u128::from(n) * u128::from(n + 1) / 2, "a message was lost");
        Duration::from_nanos(elapsed)
    })
}

fn one_by_one(ring: &mut Producer<Event>, n: u64) {
    for seq in 0..n {
        while ring.push(black_box(event(seq))).is_err() {
            spin_loop();
        }
    }
}

fn drain_one_by_one(ring: &mut Consumer<Event>, n: u64) -> u64 {
    let (mut sum, mut count) = (0, 0);
    while count < n {
        match ring.pop() {
            Ok(event) => (sum, count) = (sum + event.seq, count + 1),
            Err(_) => spin_loop(),
        }
    }
    sum
}

fn in_batches(ring: &mut Producer<Event>, n: u64) {
    let mut batch = Vec::with_capacity(BATCH);
    for from in (0..n).step_by(BATCH) {
        batch.clear();
        batch.extend((from..n.min(from + BATCH as u64)).map(|seq| black_box(event(seq))));
        while ring.push_entire_slice(&batch).is_err() {
            spin_loop();
        }
    }
}

fn drain_in_batches(ring: &mut Consumer<Event>, n: u64) -> u64 {
    let (mut sum, mut count) = (0, 0);
    while count < n {
        let ready = ring.slots().min(BATCH);
        let Ok(chunk) = ring.read_chunk(ready) else { continue };
        sum += chunk.into_iter().map(|event| black_box(event).seq).sum::<u64>();
        count += ready as u64;
    }
    sum
}

criterion_group!(benches, rings);
criterion_main!(benches);
