//! Which requests misbehave, how, and how often.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A way to misbehave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The right answer, late.
    Slow(Duration),
    /// No answer for this long, then the connection closes.
    Hang(Duration),
    /// The connection closes in the middle of the body.
    Cut,
    /// A whole answer whose JSON ends in the middle.
    Truncated,
    /// The connection closes without an answer.
    Reset,
    /// This HTTP status, with a body of the provider's form.
    Status(u16),
    /// 429, with this `Retry-After` if any.
    TooMany(Option<String>),
    /// 403 with the text under `error`.
    ForbiddenError,
    /// 403 with the text under `message`.
    ForbiddenMessage,
    /// 200 with this `status` word, this `error` text and no results.
    ErrorIn200(String, String),
    /// The page before this one again.
    RepeatPage,
    /// `next_url` leads back to the first page.
    RepeatNext,
    /// One row is of an expiry that was not asked for.
    ForeignExpiry,
    /// One contract comes twice, alike.
    Twin,
    /// One contract comes twice, with another open interest.
    Conflict,
    /// No `results`.
    NoResults,
    /// `next_url` names this scheme and host.
    NextHost(String),
    /// 302 to this scheme and host.
    Redirect(String),
    /// An answer of this many bytes.
    Huge(usize),
    /// 401 that quotes the key it was sent.
    QuoteKey,
}

/// A fault with its place.
#[derive(Debug)]
pub struct Placed {
    /// What happens.
    pub fault: Fault,
    /// Only where the address of the portion's first page contains this.
    pub within: Option<String>,
    /// Only on this page, from 1.
    pub page: Option<u32>,
    /// How many times are left.
    left: AtomicU32,
}

impl Placed {
    /// A fault on every chain request, `times` times.
    #[must_use]
    pub const fn new(fault: Fault, times: u32) -> Placed {
        Placed { fault, within: None, page: None, left: AtomicU32::new(times) }
    }

    /// The same on one page only.
    #[must_use]
    pub fn on_page(self, page: u32) -> Placed {
        Placed { page: Some(page), ..self }
    }

    /// The same in portions whose address contains `text` only.
    #[must_use]
    pub fn within(self, text: &str) -> Placed {
        Placed { within: Some(text.to_owned()), ..self }
    }

    /// Whether it strikes a request, counting down if it does.
    fn strikes(&self, address: &str, page: u32) -> bool {
        self.page.is_none_or(|p| p == page)
            && self.within.as_ref().is_none_or(|text| address.contains(text.as_str()))
            && self
                .left
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1))
                .is_ok()
    }
}

/// How a server behaves.
#[derive(Debug)]
pub struct Plan {
    /// The key that it accepts; `None` accepts everyone.
    pub key: Option<String>,
    /// Scheme and host in `next_url`.
    pub public_base: String,
    /// Most rows of a page, whatever is asked for.
    pub page_rows: usize,
    /// What the plan of the client leaves out.
    pub lacks: crate::market::Lacks,
    /// Tickers (without `I:`) that answer `NOT_ENTITLED`.
    pub not_entitled: Vec<String>,
    /// The whole indices endpoint answers 403.
    pub indices_forbidden: bool,
    /// Faults; the first that strikes a request decides.
    pub faults: Vec<Placed>,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            key: None,
            public_base: "https://api.massive.com".to_owned(),
            page_rows: 250,
            lacks: crate::market::Lacks::default(),
            not_entitled: Vec::new(),
            indices_forbidden: false,
            faults: Vec::new(),
        }
    }
}

impl Plan {
    /// The fault of a request: the address of its portion's first page, and its page from 1.
    #[must_use]
    pub fn strike(&self, address: &str, page: u32) -> Option<&Fault> {
        self.faults.iter().find(|f| f.strikes(address, page)).map(|f| &f.fault)
    }
}

/// Reads a fault as it is written on a command line: `NAME[=VALUE][@PAGE][xTIMES]`, such as
/// `status=503@3x6`, `too-many=2`, `hang=30`, `next-host=http://127.0.0.1:9`; times default to 1.
///
/// # Errors
/// What is wrong.
pub fn parse(text: &str) -> Result<Placed, String> {
    let number = |t: &str| t.parse::<u32>().map_err(|_| format!("{t:?} is no number"));
    let (head, times) = match text.rsplit_once('x') {
        Some((head, n)) if n.parse::<u32>().is_ok() => (head, number(n)?),
        _ => (text, 1),
    };
    let (head, page) = match head.rsplit_once('@') {
        Some((head, n)) => (head, Some(number(n)?)),
        None => (head, None),
    };
    let (name, value) = head.split_once('=').map_or((head, None), |(n, v)| (n, Some(v)));
    let need = || value.ok_or_else(|| format!("{name} needs =VALUE"));
    let seconds = || Ok::<_, String>(Duration::from_secs(u64::from(number(need()?)?)));
    let fault = match name {
        "slow" => Fault::Slow(seconds()?),
        "hang" => Fault::Hang(seconds()?),
        "cut" => Fault::Cut,
        "truncated" => Fault::Truncated,
        "reset" => Fault::Reset,
        "status" => Fault::Status(need()?.parse().map_err(|_| "no HTTP status".to_owned())?),
        "too-many" => Fault::TooMany(value.map(str::to_owned)),
        "forbidden-error" => Fault::ForbiddenError,
        "forbidden-message" => Fault::ForbiddenMessage,
        "error-in-200" => Fault::ErrorIn200("ERROR".to_owned(), value.unwrap_or("").to_owned()),
        "repeat-page" => Fault::RepeatPage,
        "repeat-next" => Fault::RepeatNext,
        "foreign-expiry" => Fault::ForeignExpiry,
        "twin" => Fault::Twin,
        "conflict" => Fault::Conflict,
        "no-results" => Fault::NoResults,
        "next-host" => Fault::NextHost(need()?.to_owned()),
        "redirect" => Fault::Redirect(need()?.to_owned()),
        "huge" => Fault::Huge(need()?.parse().map_err(|_| "no size".to_owned())?),
        "quote-key" => Fault::QuoteKey,
        _ => return Err(format!("no fault is called {name:?}")),
    };
    Ok(Placed { page, ..Placed::new(fault, times) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_on_a_command_line() {
        let placed = parse("status=503@3x6").expect("fault");
        assert_eq!((placed.fault.clone(), placed.page), (Fault::Status(503), Some(3)));
        assert_eq!(placed.left.load(Ordering::Relaxed), 6);
        let text = "http://127.0.0.1:9";
        let placed = parse(&format!("next-host={text}")).expect("fault");
        assert_eq!(placed.fault, Fault::NextHost(text.to_owned()));
        assert_eq!(parse("too-many").expect("fault").fault, Fault::TooMany(None));
        for bad in ["", "nonsense", "slow", "slow=soon", "status=x", "cut@y"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fault_strikes_where_and_as_often_as_it_says() {
        let fault = Placed::new(Fault::Cut, 2).on_page(2).within("2026-08");
        let plan = Plan { faults: vec![fault], ..Plan::default() };
        assert_eq!(plan.strike("?expiration_date=2026-08-28", 1), None);
        assert_eq!(plan.strike("?expiration_date=2026-09-28", 2), None);
        assert_eq!(plan.strike("?expiration_date=2026-08-28", 2), Some(&Fault::Cut));
        assert_eq!(plan.strike("?expiration_date=2026-08-28", 2), Some(&Fault::Cut));
        assert_eq!(plan.strike("?expiration_date=2026-08-28", 2), None);
    }
}
