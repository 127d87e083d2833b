//! Markets for the benches: one made up from a seed, and the real ES hour where it is at hand.

use std::path::PathBuf;
use std::sync::Arc;

use dtc_sim::encode::{Encoder, Generation};
use dtc_sim::market::{Market, MarketRecord, SymbolSpec};
use dtc_sim::state::MarketState;
use dtc_sim::synthetic::{SyntheticConfig, SyntheticMarket};
use mia::calendar::Calendar;
use mia::event::{Event, Sequencer};
use mia::feed::dtc::DtcFeed;
use mia::feed::stream::Timers;
use mia::units::{Instrument, SymbolId, Ts};

/// A market in memory.
pub(crate) struct Recording {
    /// What it is: a part of every bench's name.
    pub(crate) name: &'static str,
    specs: Vec<SymbolSpec>,
    records: Vec<MarketRecord>,
}

/// One DTC message in memory, with its receive time.
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ts: Ts,
}

/// The synthetic market, and the ES file of the folder `MIA_SHARED` (`../shared`) if it is there.
pub(crate) fn recordings() -> Vec<Recording> {
    let config = SyntheticConfig { duration_s: 120.0, ..SyntheticConfig::default() };
    let mut all = vec![Recording::new("synthetic", &mut SyntheticMarket::new(&config))];
    let shared = std::env::var_os("MIA_SHARED").map_or_else(|| "../shared".into(), PathBuf::from);
    let es = shared.join("data/ticks/esh4-glbx-mdp3-20231225.mbo.dbn.zst");
    if es.exists() {
        let (mut market, _) = mia::cmd::market::recorded(&[es], None).expect("readable");
        all.push(Recording::new("es", &mut market));
    }
    all
}

impl Recording {
    /// All of `market`.
    pub(crate) fn new(name: &'static str, market: &mut dyn Market) -> Recording {
        let specs = market.symbols().to_vec();
        let records: Vec<_> = std::iter::from_fn(|| market.next()).collect();
        assert!(records.len() > 10_000, "{name} holds {} records", records.len());
        Recording { name, specs, records }
    }

    /// The symbols; the synthetic ones carry ticks that no instrument table knows.
    pub(crate) fn instruments(&self) -> Vec<Instrument> {
        let one = |s: &SymbolSpec| Instrument::with_tick(&s.symbol, s.increment).expect("tick");
        self.specs.iter().map(one).collect()
    }

    /// The market as a DTC server sends it.
    pub(crate) fn messages(&self, generation: Generation) -> Vec<Message> {
        let mut state = MarketState::new(&self.specs);
        let mut all = Vec::new();
        for record in &self.records {
            let spec = &self.specs[usize::from(record.symbol)];
            let encoder = Encoder { generation, spec, symbol_id: u32::from(record.symbol) + 1 };
            let mut bytes = Vec::new();
            encoder.market_data(record, &mut bytes);
            encoder.depth(record, state.symbol(record.symbol).expect("listed"), &mut bytes);
            state.apply(record);
            all.push(Message { bytes, ts: Ts(record.ts_ns) });
        }
        all
    }

    /// The decoder for [`Recording::messages`].
    pub(crate) fn feed(&self) -> DtcFeed {
        let instruments = self.instruments();
        let one = |(at, i)| (u32::try_from(at).unwrap() + 1, SymbolId(at as u16), i);
        DtcFeed::new(&instruments.iter().enumerate().map(one).collect::<Vec<_>>())
    }

    /// Its events with Timers between them, stamped as `net` does.
    pub(crate) fn events(&self) -> Vec<Event> {
        let mut feed = self.feed();
        let (mut timers, mut sequencer) =
            (Timers::new(self.specs.len() as u16), Sequencer::default());
        let mut all = Vec::new();
        for message in self.messages(Generation::V2) {
            decode(&message.bytes, message.ts, &mut feed, &mut |event| {
                while let Some(timer) = timers.before(&event) {
                    all.push(sequencer.stamp(timer));
                }
                all.push(sequencer.stamp(event));
                timers.passed(event.ts);
            });
        }
        assert!(all.len() >= self.records.len(), "events were lost");
        all
    }
}

/// The bundled calendar.
pub(crate) fn calendar() -> Arc<Calendar> {
    Arc::new(Calendar::bundled().expect("bundled"))
}

/// Decodes every frame of `bytes`, received at `ts`.
pub(crate) fn decode(mut bytes: &[u8], ts: Ts, feed: &mut DtcFeed, emit: &mut impl FnMut(Event)) {
    while let Some(frame) = dtc::frame::next_frame(bytes).expect("whole frames") {
        feed.on_frame(&frame, ts, emit);
        bytes = &bytes[frame.len()..];
    }
    assert!(bytes.is_empty(), "a frame was cut off");
}
