//! The imperative shell: threads, rings, clock, files. One file a thread.
//!
//! Nothing here decides anything about a market: it moves bytes and time between the outside and
//! [`crate::pipeline`].

pub mod agent;
pub mod asker;
pub mod baselines;
pub mod capture;
pub mod clock;
pub mod cold;
mod connect;
pub mod cores;
pub mod decision;
pub mod desk;
pub mod door;
pub mod exports;
pub mod feature;
pub mod files;
pub mod followed;
pub mod fuzz;
pub mod gauges;
pub mod indices;
pub mod journal;
pub mod live;
pub mod mids;
pub mod net;
pub mod orderflow;
pub mod out;
pub mod player;
pub mod previous;
pub mod records;
mod rings;
pub mod schedule;
pub mod setup;
pub mod source;
pub mod start;
pub mod trading;
pub mod unusual;
pub mod vitals;
pub mod vix;
pub mod warmup;
