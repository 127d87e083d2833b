//! The one-screen status of a live run: what a trader wants to see at a glance.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

use crate::decision::{CONTEXT_FEATURES, Confluence, Signal};
use crate::features::{CATALOGUE, Frame};
use crate::runtime::cold;
use crate::runtime::decision::Status;
use crate::units::{Instrument, Reason, SECOND, Ts};

/// Signals kept on the screen.
const SIGNALS: usize = 6;

/// Draws in place on a terminal; writes a line a symbol now and then elsewhere.
#[derive(Debug)]
pub struct Screen {
    title: String,
    instruments: Vec<Instrument>,
    last: Vec<Option<Status>>,
    cold: Option<cold::Status>,
    signals: Vec<Signal>,
    terminal: bool,
    drawn: Ts,
}

/// Time between two drawings, in ns: a terminal, a pipe.
const DRAW_NS: [i64; 2] = [250_000_000, 5_000_000_000];

impl Screen {
    /// A screen under `title`.
    #[must_use]
    pub fn new(title: &str, instruments: &[Instrument]) -> Screen {
        Screen {
            title: title.to_owned(),
            instruments: instruments.to_vec(),
            last: vec![None; instruments.len()],
            cold: None,
            signals: Vec::new(),
            terminal: std::io::stdout().is_terminal(),
            drawn: Ts::NONE,
        }
    }

    /// Whether it draws in place.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Takes a report.
    pub fn take(&mut self, status: &Status) {
        if let Some(slot) = self.last.get_mut(usize::from(status.frame.event.symbol.0)) {
            *slot = Some(*status);
        }
        if let Some(signal) = status.signal {
            if self.signals.len() == SIGNALS {
                self.signals.remove(0);
            }
            self.signals.push(signal);
        }
    }

    /// Takes what the cold thread shows.
    pub fn cold(&mut self, status: cold::Status) {
        self.cold = Some(status);
    }

    /// Draws when it is time to.
    ///
    /// # Errors
    /// Where the output is closed.
    pub fn draw(&mut self, now: Ts, out: &mut dyn Write) -> std::io::Result<()> {
        let [terminal, pipe] = DRAW_NS;
        if self.drawn.is_some()
            && now.since(self.drawn) < if self.terminal { terminal } else { pipe }
        {
            return Ok(());
        }
        self.drawn = now;
        if self.terminal {
            // Home, draw, clear what is left of the line and of the screen.
            let text = self.text(now).replace('\n', "\x1b[K\n");
            write!(out, "\x1b[H{text}\x1b[J")?;
        } else {
            for (instrument, last) in self.instruments.iter().zip(&self.last) {
                if let Some(last) = last {
                    writeln!(out, "{}", line(instrument, &last.frame, &last.confluence))?;
                }
            }
            if let Some(cold) = &self.cold {
                out.write_all(cold_text(cold, now).as_bytes())?;
            }
        }
        out.flush()
    }

    fn text(&self, now: Ts) -> String {
        let mut text = format!("{}\n\n", self.title);
        for (instrument, last) in self.instruments.iter().zip(&self.last) {
            let _ = match last {
                Some(last) => {
                    writeln!(text, "{}", line(instrument, &last.frame, &last.confluence))
                }
                None => writeln!(text, "{:<14} waiting for its first event", instrument.symbol),
            };
        }
        if let Some(cold) = &self.cold {
            text.push_str(&cold_text(cold, now));
        }
        let known = self.instruments.iter().zip(&self.last).filter(|(_, last)| last.is_some());
        let _ = write!(text, "\n{:29}", "");
        for (instrument, _) in known {
            let _ = write!(text, " {:>20}", instrument.symbol);
        }
        let _ = writeln!(text);
        let shown: Vec<&Status> = self.last.iter().flatten().collect();
        // Without any context its features would say nothing eleven times.
        let known = |s: &&Status| s.context.iter().any(|slot| slot.reason != Reason::NoInput);
        let context = shown.iter().any(known);
        for feature in CATALOGUE.iter().skip(if context { 0 } else { CONTEXT_FEATURES }) {
            let _ = write!(text, "{:>2} {:<26}", feature.number, feature.name);
            for status in &shown {
                let of_context = status.context.get(feature.number - 1).copied();
                let slot = of_context.unwrap_or_else(|| status.frame.slot(feature.number));
                let _ = match slot.value() {
                    Some(value) => write!(text, " {value:>+20.4}"),
                    None => write!(text, " {:>20}", slot.reason.name()),
                };
            }
            let _ = writeln!(text);
        }
        if context {
            let _ = write!(text, "   {:<26}", "nearest option level");
            for status in &shown {
                let nearest = status.nearest.map_or_else(
                    || "-".to_owned(),
                    |near| format!("{} {:+.0} ticks", near.kind.name(), near.ticks),
                );
                let _ = write!(text, " {nearest:>20}");
            }
            let _ = writeln!(text);
        }
        let _ = write!(text, "   {:<26}", "order flow 10 s, contracts");
        for status in &shown {
            let [_, ten, _] = status.frame.ofi;
            let _ = write!(text, " {ten:>+20}");
        }
        let _ = writeln!(text, "\n\nsignals");
        for signal in self.signals.iter().rev() {
            let _ = writeln!(text, "  {}", signal_text(signal, &self.instruments));
        }
        text
    }
}

/// What the cold path has, and how old it is.
fn cold_text(cold: &cold::Status, now: Ts) -> String {
    let mut text = String::new();
    let age = |then: Ts| now.since(then) / SECOND;
    if let Some((vix, ts, stale)) = cold.vix {
        let old = if stale { ", STALE" } else { "" };
        let _ = writeln!(text, "VIX {vix:.2}, {} s old{old}", age(ts));
    }
    for (name, shown) in &cold.levels {
        let _ = match shown.captured {
            Some((captured, asof)) => writeln!(
                text,
                "{name} levels {}, captured {} s ago, data {} s old",
                shown.sanity,
                age(captured),
                age(asof)
            ),
            None => writeln!(text, "{name} levels: none yet"),
        };
        if let Some(trouble) = &shown.trouble {
            let _ = writeln!(text, "{name} trouble: {trouble}");
        }
    }
    text
}

fn line(instrument: &Instrument, frame: &Frame, confluence: &Confluence) -> String {
    let points = |ticks: f64| ticks * instrument.tick;
    format!(
        "{:<14} {}  {:<9} close {:.2}  vwap {:.2} ± {:.2}  CVD {:+}  D {:+.3} coverage {:.2}",
        instrument.symbol,
        frame.market_time.to_string().get(..19).unwrap_or("-"),
        frame.label.name(),
        instrument.points(frame.bar.close),
        points(frame.vwap),
        points(frame.vwap_sd),
        frame.cvd,
        confluence.d,
        confluence.coverage,
    )
}

/// A signal as one line.
#[must_use]
pub fn signal_text(signal: &Signal, instruments: &[Instrument]) -> String {
    let symbol = instruments.get(usize::from(signal.symbol.0)).map_or("?", |i| i.symbol.as_str());
    format!(
        "{} {symbol} {} {} score {:.1} coverage {:.2}",
        signal.market_time,
        if signal.side > 0 { "LONG " } else { "SHORT" },
        signal.tier.name(),
        signal.confluence.score,
        signal.confluence.coverage,
    )
}
