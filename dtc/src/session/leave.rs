//! Goodbyes: for good, or to come back.

use super::event::{CloseReason, SessionEvent, Text};
use super::{Session, State};
use crate::wire::{Logoff, Message, value};

impl Session {
    /// Says goodbye and does not come back: `CloseNow` follows when the message has left or after
    /// [`LINGER_S`](super::LINGER_S). Without a logon, or when called again, the connection is
    /// closed at once.
    pub fn logoff(&mut self, reason: &str, now: u64) {
        let mut message = Logoff::DEFAULT;
        let _cut = value::put_text(&mut message.reason, reason);
        let text = Text::new(&message.reason);
        match self.state {
            State::Online => {
                self.stop = Some(text);
                if self.push(&message) {
                    self.enter(State::LoggingOff, now);
                }
            }
            State::Waiting { .. } => {
                self.enter(State::Stopped, now);
                self.tell_end(SessionEvent::DoNotReconnect { text });
            }
            State::Stopped => {}
            _ => {
                self.stop = Some(text);
                self.close(CloseReason::LoggedOff);
            }
        }
    }

    /// Says goodbye and comes back after the wait of a lost connection; where nobody is logged on
    /// nothing happens.
    pub fn renew(&mut self, reason: &str, now: u64) {
        let mut message = Logoff::DEFAULT;
        let _cut = value::put_text(&mut message.reason, reason);
        if self.state == State::Online && self.push(&message) {
            self.enter(State::LoggingOff, now);
        }
    }
}
