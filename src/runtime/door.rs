//! The operator's door, and the net thread's way to hear of it.
//!
//! A thread of its own reads the halt file, the requests of `mia halt` and `mia resume`, and the
//! signals SIGUSR1 and SIGUSR2, and puts what they ask into the ring [`Control`], which the net
//! thread drains and sequences like every input. It also reserves order ids ahead of their use. It
//! does nothing that can take long, so that levels being computed never stand before a halt. Its
//! beat tells the net thread that it lives.
//!
//! Nothing is lifted here but by `mia resume`: no signal, no file that goes away, no time.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rtrb::Producer;

use super::clock::Clock;
use super::gauges::Gauges;
use super::vitals::Vitals;
use crate::event::{Body, HaltCause};
use crate::order::{KillState, OrderId};
use crate::store::control::{self, Answer, Inbox, Request};
use crate::store::ids::{BLOCK, Block, Ids};
use crate::units::{SECOND, SymbolId, Ts};

/// Rest between two looks; a request waits a quarter of a second at most.
const LOOK: Duration = Duration::from_millis(100);
/// How long a request waits for its effect before it is answered.
const EFFECT_NS: i64 = 2 * SECOND;
/// Least time between two halts that the same halt file asks for.
const AGAIN_NS: i64 = SECOND;

/// What the operator wants of the core; a ring element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Stop at least this far.
    Halt {
        /// How far.
        state: KillState,
        /// Who asks.
        cause: HaltCause,
    },
    /// Lift this state.
    Resume(KillState),
    /// Close the position of a symbol, of all without one.
    Flatten(Option<SymbolId>),
    /// Order ids below this one may be used.
    Reserved(OrderId),
}

impl Control {
    /// Whether an event is what the net thread makes of a [`Control`].
    #[must_use]
    pub const fn made(body: &Body) -> bool {
        use HaltCause::{Command, Cpu, File, Memory, Signal};
        match body {
            Body::Halt { cause, .. } => matches!(cause, Command | File | Signal | Cpu | Memory),
            Body::Resume(_) | Body::Flatten { .. } | Body::Reserved(_) => true,
            _ => false,
        }
    }
}

/// What has to be known of the data folder before the core is made.
#[derive(Debug)]
pub struct Opened {
    /// The folder, taken for this process.
    pub inbox: Inbox,
    /// The order ids.
    pub ids: Ids,
    /// The first block of them: on disk as used up.
    pub block: Block,
    /// What the halt file says.
    pub halted: Option<KillState>,
    /// Watch the processor's load; `false` where threads spin.
    pub cpu: bool,
}

impl Opened {
    /// Begins behind every id of the run before, of which `next` would have been the next: its
    /// numbers may be ahead of the file's, where that was deleted or put back.
    ///
    /// # Errors
    /// As [`Ids::reserve_from`].
    pub fn go_on(&mut self, next: OrderId) -> io::Result<()> {
        if next.counter() > self.block.first.counter() {
            self.block = self.ids.reserve_from(next.counter())?;
        }
        Ok(())
    }
}

/// Takes the data folder `data`, reserves order ids of the trade date `date` (YYYYMMDD) and reads
/// the halt file.
///
/// # Errors
/// With the path: another run has the folder, it cannot be written, the ids are damaged.
pub fn open(data: &Path, date: u32, now: Ts) -> io::Result<Opened> {
    let inbox = Inbox::open(data)?;
    // A file that somebody deleted: no run gives a thousand ids a second.
    let second = u32::try_from(now.second().rem_euclid(86_400)).unwrap_or(0);
    let mut ids = Ids::open(data, date, second * BLOCK)?;
    let block = ids.reserve()?;
    Ok(Opened { inbox, ids, block, halted: control::halt_file(data), cpu: true })
}

/// The running thread.
#[derive(Debug)]
pub struct Door {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Door {
    /// Starts it.
    ///
    /// # Errors
    /// Where the system gives no thread or takes no signal.
    pub fn start(
        opened: Opened,
        control: Producer<Control>,
        gauges: Gauges,
        clock: Clock,
    ) -> io::Result<Door> {
        let asked = Asked::register()?;
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        let mut keeper = Keeper::new(opened, control, gauges);
        let thread = std::thread::Builder::new().name("door".to_owned()).spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                keeper.turn(clock.now(), &asked);
                Clock::sleep(LOOK);
            }
            keeper.close(clock.now());
        })?;
        Ok(Door { stop, thread })
    }

    /// Stops it; call it after the net thread has ended, whose end it outlives.
    ///
    /// # Errors
    /// A text where the thread died.
    pub fn stop(self) -> Result<(), String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the door thread died".to_owned())
    }
}

/// What signals have asked for.
#[derive(Debug, Default)]
struct Asked {
    entries: Arc<AtomicBool>,
    trading: Arc<AtomicBool>,
}

impl Asked {
    fn register() -> io::Result<Asked> {
        let asked = Asked::default();
        #[cfg(unix)]
        for (signal, flag) in [
            (signal_hook::consts::SIGUSR1, &asked.entries),
            (signal_hook::consts::SIGUSR2, &asked.trading),
        ] {
            signal_hook::flag::register(signal, flag.clone())?;
        }
        Ok(asked)
    }

    /// How far they ask to stop, since the last look.
    fn take(&self) -> Option<KillState> {
        let entries = self.entries.swap(false, Ordering::Relaxed);
        let trading = self.trading.swap(false, Ordering::Relaxed);
        let state = entries.then_some(KillState::HaltEntries);
        if trading { Some(KillState::HaltTrading) } else { state }
    }
}

/// A request that has been handed on.
#[derive(Debug)]
struct Waiting {
    number: u32,
    wanted: Wanted,
    /// Wishes that the core must have taken before anything shows.
    after: u32,
    until: Ts,
}

/// What shows that a request had its effect.
#[derive(Clone, Debug)]
enum Wanted {
    AtLeast(KillState),
    Below(KillState),
    /// Nothing: it was refused.
    Refused(String),
}

/// The thread's state, which a test can drive.
#[derive(Debug)]
struct Keeper {
    inbox: Inbox,
    ids: Ids,
    /// Counter behind the last one that is reserved.
    reserved: u32,
    control: Producer<Control>,
    gauges: Gauges,
    /// What the ring had no room for.
    pending: VecDeque<Control>,
    /// Wishes handed on or pending so far.
    wishes: u32,
    waiting: Vec<Waiting>,
    /// The halt file as last seen, and when it was last handed on.
    halted: Option<KillState>,
    halted_at: Ts,
    vitals: Vitals,
    /// See [`Opened::cpu`].
    cpu: bool,
    /// The last trouble, said once.
    trouble: String,
}

fn say(text: &str) {
    say!("mia: door: {text}");
}

impl Keeper {
    fn new(opened: Opened, control: Producer<Control>, gauges: Gauges) -> Keeper {
        let Opened { inbox, ids, block, cpu, .. } = opened;
        Keeper {
            inbox,
            ids,
            reserved: block.end.counter(),
            control,
            gauges,
            pending: VecDeque::new(),
            wishes: 0,
            waiting: Vec::new(),
            halted: None,
            halted_at: Ts::NONE,
            vitals: Vitals::default(),
            cpu,
            trouble: String::new(),
        }
    }

    /// One look at everything.
    fn turn(&mut self, now: Ts, asked: &Asked) {
        self.gauges.say_beat(now);
        if let Some(state) = asked.take() {
            say(&format!("a signal asks for {}", state.name()));
            self.push(Control::Halt { state, cause: HaltCause::Signal });
        }
        self.halt_file(now);
        for cause in self.vitals.look(now, self.cpu) {
            say(&format!("{cause:?} load above its limit for a minute"));
            self.push(Control::Halt { state: KillState::HaltEntries, cause });
        }
        // What ails the one must not stop the other.
        for looked in [self.requests(now), self.reserve()] {
            if let Err(error) = looked {
                self.troubled(&error.to_string());
            }
        }
        let lost = self.gauges.lost();
        if lost != [0; 2] {
            self.troubled(&format!("ALERT{}", lost_text(lost)));
        }
        self.flush();
        self.answer(now);
    }

    /// Says a trouble once, not ten times a second.
    fn troubled(&mut self, text: &str) {
        if self.trouble != text {
            say(text);
            text.clone_into(&mut self.trouble);
        }
    }

    fn push(&mut self, control: Control) {
        self.wishes = self.wishes.wrapping_add(1);
        self.pending.push_back(control);
    }

    /// Hands on in order what the ring has room for; the rest at the next look.
    fn flush(&mut self) {
        while let Some(&next) = self.pending.front() {
            if self.control.push(next).is_err() {
                return;
            }
            self.pending.pop_front();
        }
    }

    /// While the file is there, trading is stopped at least so far.
    fn halt_file(&mut self, now: Ts) {
        let found = control::halt_file(self.inbox.data());
        let below = found.zip(self.gauges.kill()).is_some_and(|(file, kill)| kill < file);
        let due = found != self.halted || below && now.since(self.halted_at) >= AGAIN_NS;
        if let Some(state) = found.filter(|_| due) {
            if self.halted != found {
                say(&format!("the halt file says {}", state.name()));
            }
            self.halted_at = now;
            self.push(Control::Halt { state, cause: HaltCause::File });
        }
        self.halted = found;
    }

    fn requests(&mut self, now: Ts) -> io::Result<()> {
        loop {
            let handed: Vec<u32> = self.waiting.iter().map(|w| w.number).collect();
            let Some(found) = self.inbox.next(&|number| handed.contains(&number))? else {
                return Ok(());
            };
            let until = Ts(now.0.saturating_add(EFFECT_NS));
            let obeyed = match found.request {
                Err(text) => Err(format!("not understood: {text}")),
                Ok(request) => self.obey(&request, found.stale),
            };
            let wanted = obeyed.unwrap_or_else(|text| {
                say(&format!("request {}: {text}", found.number));
                Wanted::Refused(text)
            });
            let (number, after) = (found.number, self.wishes);
            self.waiting.push(Waiting { number, wanted, after, until });
        }
    }

    /// Hands a request on; what will show its effect, or why it is refused.
    fn obey(&mut self, request: &Request, stale: bool) -> Result<Wanted, String> {
        match request {
            Request::Halt { state, flatten, reason } => {
                if *state == KillState::Normal {
                    return Err("NORMAL is no halt".to_owned());
                }
                let close = if *flatten { ", positions are closed" } else { "" };
                say(&format!("{} by command{close}: {reason:?}", state.name()));
                self.push(Control::Halt { state: *state, cause: HaltCause::Command });
                if *flatten {
                    self.push(Control::Flatten(None));
                }
                Ok(Wanted::AtLeast(*state))
            }
            Request::Resume { state } => {
                self.may_resume(*state, stale)?;
                say(&format!("{} is to be lifted by command", state.name()));
                self.push(Control::Resume(*state));
                Ok(Wanted::Below(*state))
            }
        }
    }

    fn may_resume(&self, state: KillState, stale: bool) -> Result<(), String> {
        if stale {
            return Err("refused: it was asked before this run began".to_owned());
        }
        if let Some(file) = self.halted {
            let path = self.inbox.data().join(control::HALT);
            return Err(format!("refused: {} says {}", path.display(), file.name()));
        }
        if let Some(cause) = self.vitals.holds() {
            return Err(format!("refused: {cause:?} load is still above its limit"));
        }
        match (state, self.gauges.kill()) {
            (KillState::Normal, _) => Err("refused: name the state that is lifted".to_owned()),
            (KillState::Emergency, _) => {
                Err("refused: EMERGENCY ends with a new start only".to_owned())
            }
            (_, Some(held)) if held != state => {
                Err(format!("refused: the state is {}", held.name()))
            }
            _ => Ok(()),
        }
    }

    /// The next block, once half of this one is used.
    fn reserve(&mut self) -> io::Result<()> {
        let used = self.gauges.used();
        if self.reserved.saturating_sub(used) <= BLOCK / 2 {
            let block = self.ids.reserve()?;
            self.reserved = block.end.counter();
            self.push(Control::Reserved(block.end));
        }
        Ok(())
    }

    /// Answers the requests whose effect shows, or has not shown for too long.
    fn answer(&mut self, now: Ts) {
        let (heard, kill) = (self.gauges.heard(), self.gauges.kill());
        let handed = self.pending.is_empty();
        let lost = lost_text(self.gauges.lost());
        let answer = |w: &Waiting| outcome(w, heard, kill, handed, now, &lost);
        let mut trouble = None;
        self.waiting.retain(|w| match answer(w) {
            None => true,
            Some(answer) => match self.inbox.reply(w.number, &answer) {
                Ok(()) => false,
                Err(error) => {
                    trouble = Some(error.to_string());
                    true
                }
            },
        });
        if let Some(text) = trouble {
            self.troubled(&text);
        }
    }

    /// Nobody drains the ring any more. What had its effect is answered so: an emergency ends the
    /// run.
    fn close(&mut self, now: Ts) {
        self.answer(now);
        for w in self.waiting.drain(..) {
            let text = "the run has ended".to_owned();
            let _ = self.inbox.reply(w.number, &Answer { done: false, text });
        }
    }
}

/// What was lost on the way between the threads, behind a sentence; nothing where nothing was.
#[must_use]
pub fn lost_text([notes, messages]: [u64; 2]) -> String {
    match (notes, messages) {
        (0, 0) => String::new(),
        _ => format!("; {notes} notes and {messages} order messages found no room: look"),
    }
}

/// What to answer by now: the core has taken `heard` wishes and says `kill`; `handed`: nothing
/// waits for room in the ring; `lost` is [`lost_text`].
fn outcome(
    w: &Waiting,
    heard: u32,
    kill: Option<KillState>,
    handed: bool,
    now: Ts,
    lost: &str,
) -> Option<Answer> {
    let name = kill.map_or("not known", KillState::name);
    let said = |done: bool, text: String| Some(Answer { done, text });
    // Counts that run over still tell which is ahead.
    let taken = heard.wrapping_sub(w.after).cast_signed() >= 0;
    let (shows, late) = match &w.wanted {
        Wanted::Refused(text) => return said(false, text.clone()),
        Wanted::AtLeast(state) => (
            kill.map(|kill| taken && kill >= *state),
            format!("no effect yet: the state is {name}"),
        ),
        Wanted::Below(state) => (
            kill.map(|kill| taken && kill < *state),
            format!(
                "refused: the cause remains or the venue is not reconciled; the state is {name}"
            ),
        ),
    };
    match shows {
        Some(true) => said(true, format!("the state is {name}{lost}")),
        _ if now < w.until => None,
        None if handed => said(true, "handed on; the run does not say its state".to_owned()),
        _ => said(false, late),
    }
}

#[cfg(test)]
mod tests;
