//! One file a subcommand.

pub mod baseline;
pub mod contexts;
pub mod demo;
pub mod features;
pub mod inspect;
pub mod latency;
pub mod market;
pub mod pairs;
pub mod playback;
pub mod plot;
pub mod replay;
pub mod report;
pub mod run;
pub mod screen;
pub mod serve;
