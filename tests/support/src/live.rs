//! A simulator and a live run against it, in one process.

use std::net::SocketAddr;
use std::path::Path;

use dtc_sim::encode::Generation;
use dtc_sim::fault::FaultPlan;
use dtc_sim::market::Market;
use dtc_sim::run::{AtEnd, Pace, ServeConfig, Stats, serve};
use dtc_sim::server::ServerOptions;

use mia::config::{Config, DecisionConfig, Idle, Layout};
use mia::context::Context;
use mia::runtime::clock::Clock;
use mia::runtime::live::{Ended, Live};
use mia::runtime::setup::Setup;
use mia::units::Ts;

/// How to serve and run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Message forms.
    pub generation: Generation,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// A client that comes back gets what it missed.
    pub replay_missed: bool,
    /// The market stands still while nobody is there.
    pub wait_for_clients: bool,
    /// Thread layout.
    pub layout: Layout,
    /// The `[[symbols]]` to subscribe: name and tick.
    pub symbols: Vec<(String, f64)>,
    /// Files of `--baseline`.
    pub baselines: Vec<std::path::PathBuf>,
    /// What the run reads before the market.
    pub warmup: Vec<std::path::PathBuf>,
    /// Weights and gate; the spine's unless set.
    pub decision: Option<DecisionConfig>,
    /// Whose trading, limits and exchange the run has; it trades nothing unless set.
    pub trading: Option<Config>,
    /// Whether and where the run writes its order flow.
    pub orderflow: Option<mia::config::OrderflowConfig>,
    /// The cold path: asked every five milliseconds, with how often it was asked before and the
    /// time, for a context to publish.
    pub contexts: fn(u64, Ts) -> Option<Context>,
}

impl Plan {
    /// A faultless run.
    #[must_use]
    pub fn new(symbols: Vec<(String, f64)>) -> Plan {
        Plan {
            generation: Generation::V2,
            faults: FaultPlan::default(),
            replay_missed: false,
            wait_for_clients: false,
            layout: Layout::Fused,
            symbols,
            baselines: Vec::new(),
            warmup: Vec::new(),
            decision: None,
            trading: None,
            orderflow: None,
            contexts: |_, _| None,
        }
    }

    /// What serves it, flat out.
    pub(crate) fn serving(&self) -> ServeConfig {
        ServeConfig {
            options: ServerOptions { generation: self.generation, ..ServerOptions::default() },
            pace: Pace::FlatOut,
            at_end: AtEnd::Logoff,
            faults: self.faults.clone(),
            replay_missed: self.replay_missed,
            wait_for_clients: self.wait_for_clients,
            ..ServeConfig::default()
        }
    }

    /// The run against a server at `address`.
    pub(crate) fn setup(&self, address: SocketAddr) -> Setup {
        let mut text = format!(
            "[[sources]]\nkind = \"dtc\"\nname = \"sim\"\naddress = \"{address}\"\n\
             backoff_first_ms = 20\nheartbeat_s = 60\n"
        );
        for (name, tick) in &self.symbols {
            text += &format!("[[symbols]]\nname = \"{name}\"\nsource = \"sim\"\ntick = {tick:?}\n");
        }
        let mut config = Config::parse(&text).expect("valid");
        config.decision = self.decision.clone().unwrap_or_else(|| crate::spine().decision);
        if let Some(of) = &self.trading {
            config.trading.clone_from(&of.trading);
            (config.risk, config.exchange) = (of.risk.clone(), of.exchange.clone());
        }
        config.warmup.clone_from(&self.warmup);
        config.orderflow.clone_from(&self.orderflow);
        config.threads.layout = self.layout;
        config.threads.idle = Idle::Yield;
        let instruments = config.instruments().expect("ticks");
        let mut setup = Setup::new(config, instruments, "paper").expect("valid");
        mia::runtime::baselines::attach(&mut setup, &self.baselines).expect("fitting baselines");
        setup
    }
}

/// Serves `market` flat out and runs the live pipeline against it until the server logs it off.
///
/// # Panics
/// As an assertion of the test that calls it.
#[must_use]
pub fn run(market: Box<dyn Market + Send>, plan: &Plan, journal: &Path) -> (Ended, Setup, Stats) {
    let server = serve(plan.serving(), market).expect("loopback port");
    let setup = plan.setup(server.addr());
    let _ = std::fs::remove_file(journal);
    let clock = Clock::new();
    let mut live = Live::start(&setup, Some(journal), &clock).expect("starts");
    let start = clock.now();
    let mut asked = 0;
    while !live.ended() {
        if let Some(context) = (plan.contexts)(asked, clock.now()) {
            let cold = live.cold.as_mut().expect("nobody took it");
            assert!(cold.publisher.publish(context), "versions rise");
        }
        asked += 1;
        assert!(clock.now().since(start) < 120_000_000_000, "the run did not end by itself");
        Clock::sleep(std::time::Duration::from_millis(5));
    }
    let ended = live.stop().expect("threads end in order");
    server.stop();
    (ended, setup, server.join())
}

/// A folder for this test's files, empty.
///
/// # Panics
/// As an assertion of the test that calls it.
#[must_use]
pub fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("mia-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("temporary folder");
    folder
}

/// Replays a journal and returns the judge after it, with every recorded digest compared.
///
/// # Panics
/// As an assertion of the test that calls it.
#[must_use]
pub fn replay_journal(path: &Path) -> (mia::pipeline::Pipeline, usize) {
    replay_journal_with(path, |_, _| {})
}

/// As [`replay_journal`], handing each event and the core after it to `each`.
///
/// # Panics
/// As an assertion of the test that calls it.
pub fn replay_journal_with(
    path: &Path,
    mut each: impl FnMut(&mia::event::Event, &mia::pipeline::Pipeline),
) -> (mia::pipeline::Pipeline, usize) {
    let data = std::fs::read(path).expect("journal");
    let reader = mia::journal::Reader::open(&data).expect("journal");
    assert_eq!(reader.torn_bytes(), 0);
    let setup = Setup::from_journal(&reader).expect("own build");
    let mut outputs = mia::runtime::player::Outputs::collect(&reader);
    assert!(outputs.ended, "the run ended in order");
    let mut player =
        mia::runtime::player::Player::new(reader, &setup.instruments).expect("Bind records");
    let mut pipeline = mia::pipeline::Pipeline::new(
        &setup.core(mia::tally::SessionFilter::All),
        setup.calendar.clone(),
    );
    let mut context = Context::EMPTY;
    player
        .play(|event| {
            outputs.context(event.seq, &mut context);
            pipeline.on_event(event, &context);
            outputs.check(event.seq, &pipeline);
            each(event, &pipeline);
        })
        .expect("plays");
    let (checked, all) = outputs.checked();
    assert_eq!(outputs.mismatch(), None);
    assert_eq!(checked, all);
    (pipeline, checked)
}
