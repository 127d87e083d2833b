//! Fuzz body: a session against a server and an owner that do anything in any order.

use super::{
    EVENTS_MAX, EncodingChoice, OUTBOUND_BYTES_MAX, Session, SessionConfig, State, Subscription,
};
use crate::frame::{FrameError, HEADER_BYTES, next_frame};
use crate::wire::{self, Message, describe};
use alloc::vec::Vec;

/// Every two bytes are one step; what a step needs beyond them is read from the rest.
///
/// # Panics
/// When the session breaks one of its promises, which is the finding.
#[doc(hidden)]
pub fn fuzz_session(data: &[u8]) {
    let Some((&first, mut rest)) = data.split_first() else { return };
    let mut session = Session::new(config(first));
    let mut now = 0u64;
    // Whether the pending bytes start at a message; a partial write leaves half of one.
    let mut aligned = true;
    while let Some((&[step, value], after)) = rest.split_first_chunk() {
        rest = after;
        now += u64::from(value) * 10_000_000;
        match step % 10 {
            0 => session.handle_connecting(now),
            1 => session.handle_connected(now),
            2 => session.handle_disconnected(now),
            3 => {
                now += u64::from(value) * 1_000_000_000;
                session.handle_timeout(now);
            }
            4 => session.handle_paused(value & 1 == 1, now),
            5 => {
                session.handle_transmitted(usize::from(value) * 8);
                aligned = false;
            }
            6 if value > 200 => session.logoff("bye", now),
            6 if value > 190 => session.reconnect(now),
            6 if value > 180 => {
                session.handle_frame_error(FrameError::SizeTooSmall { size: 1 });
            }
            6 => {
                let taken = session.send(&wire::OpenOrdersRequest::DEFAULT);
                assert!(taken.is_err() || session.state == State::Online);
            }
            7 | 8 => {
                let changes = usize::from(value % 4) * 2;
                let (changes, after) = rest.split_at(changes.min(rest.len()));
                rest = after;
                feed(&mut session, &sensible(step, changes), now);
            }
            _ => {
                let (frame, after) = rest.split_at(usize::from(value).min(rest.len()));
                rest = after;
                feed(&mut session, frame, now);
            }
        }
        check(&mut session, now, value & 2 == 2);
        aligned |= session.outbound.pending().is_empty();
        if aligned {
            check_sent(&session);
        }
    }
}

fn config(first: u8) -> SessionConfig {
    let one = |symbol_id: u32| Subscription {
        symbol_id,
        symbol: alloc::format!("S{symbol_id}"),
        exchange: "X".into(),
        depth_levels: symbol_id.cast_signed() - 1,
    };
    SessionConfig {
        heartbeat_s: u16::from(first),
        encoding: if first & 1 == 1 { EncodingChoice::Preset } else { EncodingChoice::Negotiate },
        subscriptions: (0..u32::from(first % 5)).map(one).collect(),
        trading: first & 2 == 2,
        follow_redirects: first & 4 == 4,
        encoding_timeout_s: u16::from(first),
        seed: first.into(),
        ..SessionConfig::default()
    }
}

/// A message that sessions act on, with its defaults but for the changes: pairs of offset, value.
fn sensible(step: u8, changes: &[u8]) -> Vec<u8> {
    const OURS: [u16; 16] = [2, 2, 7, 7, 100, 3, 5, 103, 107, 116, 121, 509, 700, 702, 802, 301];
    let kind = OURS.get(usize::from(step / 10) % 16).copied().unwrap_or_default();
    let mut frame = describe(kind).map(|d| d.default.to_vec()).unwrap_or_default();
    for pair in changes.chunks_exact(2) {
        if let &[at, value] = pair
            && let Some(body) = frame.get_mut(HEADER_BYTES..)
            && let Some(byte) = body.get_mut(usize::from(at))
        {
            *byte = value;
        }
    }
    frame
}

/// One frame, if `bytes` start with one.
fn feed(session: &mut Session, bytes: &[u8], now: u64) {
    session.handle_bytes_seen(now);
    match next_frame(bytes) {
        Ok(Some(frame)) => session.handle_frame(&frame, now),
        Ok(None) => {}
        Err(error) => session.handle_frame_error(error),
    }
}

/// What must hold after every step.
fn check(session: &mut Session, now: u64, polls: bool) {
    session.handle_timeout(now);
    let waiting = matches!(session.state, State::Waiting { .. });
    assert!(waiting || session.poll_timeout().is_none_or(|at| at > now), "a timer stays due");
    assert!(session.events.len() <= EVENTS_MAX, "the events are bounded");
    assert_eq!(session.is_logged_on(), session.state == State::Online);
    assert!(session.state != State::Online || session.capabilities.is_some());
    while polls && session.poll_event().is_some() {}

    let pending = session.poll_transmit().unwrap_or_default();
    assert!(pending.len() <= OUTBOUND_BYTES_MAX, "the outbound bytes are bounded");
}

/// Whole known messages, and nothing but the two requests before a logon.
fn check_sent(session: &Session) {
    let mut sent = session.outbound.pending();
    let asking = matches!(session.state, State::Negotiating | State::LoggingOn);
    while let Some(frame) = next_frame(sent).expect("we send frames") {
        let size = describe(frame.kind).map(|d| usize::from(d.size));
        assert_eq!(size, Some(frame.len()), "we send known messages of their own size");
        assert!(!asking || matches!(frame.kind, 1 | 6), "nothing before the logon's answer");
        sent = sent.get(frame.len()..).unwrap_or_default();
    }
    assert!(sent.is_empty(), "we send whole messages");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_day_and_a_bad_one() {
        // Connect, agree, log on; the feed is lost and back; time passes; gone, and once more.
        let good = [10, 1, 0, 27, 0, 7, 0, 47, 1, 0, 1, 47, 1, 0, 2, 3, 5, 3, 255, 2, 0, 1, 0];
        fuzz_session(&good);
        for seed in 0..64u8 {
            let mut x = u32::from(seed) + 1;
            let bytes: Vec<u8> = (0..4096)
                .map(|_| {
                    x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (x >> 24) as u8
                })
                .collect();
            fuzz_session(&bytes);
        }
    }
}
