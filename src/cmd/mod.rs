//! One file a subcommand.

pub mod analytics;
pub mod archive;
pub mod backtest;
pub mod baseline;
pub mod bridge;
pub mod contexts;
pub mod demo;
pub mod explain;
pub mod features;
pub mod halt;
pub mod inspect;
pub mod latency;
pub mod levels;
pub mod market;
pub mod mock_massive;
pub mod orderflow;
pub mod pairs;
pub mod playback;
pub mod plot;
pub mod replay;
pub mod report;
pub mod resume;
pub mod run;
pub mod screen;
pub mod serve;
pub mod venue;
