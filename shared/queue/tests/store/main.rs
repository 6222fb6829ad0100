//! What the record promises, over every broker: each test runs on all of them.

mod bounds;
#[path = "../broker/mod.rs"]
mod broker;
mod control;
mod copies;
mod faults;
mod flows;
mod gauges;
mod jobs;
mod resting;
mod schedules;
mod timetable;
mod turns;
mod world;
