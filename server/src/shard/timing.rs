//! Commands and turns against the clock: what is timed, and who is told.
//!
//! Invariant: a share of a turn's time ends with the command that used it up. Cost: two looks at
//! the clock a timed command.

use velodrome_engine::Key;
use velodrome_net::command::{Command, Spec, flags};
use velodrome_net::resp::Args;

use crate::shard::Shard;
use crate::shard::latency_events::Spike;
use crate::shard::parcel::Request;
use crate::shard::slow_log::Slow;
use crate::shard::wire::Wire;

/// A command that is being timed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timed {
    began_ns: u64,
    /// For how many commands it counts.
    weight: u32,
}

impl Shard {
    /// Begins to time a command of this weight, if it has any.
    #[inline]
    pub(super) fn begin_timing(&self, weight: u32, wire: &impl Wire) -> Option<Timed> {
        (weight > 0).then(|| Timed { began_ns: wire.now_ns(), weight })
    }

    /// A timed command is done. `whole`: it ran here and from beginning to end.
    pub(super) fn end_timing(
        &mut self,
        timed: Timed,
        whole: bool,
        args: Args<'_>,
        client: (&str, &str),
        wire: &impl Wire,
    ) {
        let now_ns = wire.now_ns();
        self.flow.look(now_ns);
        let Ok(spec) = Spec::of(args) else { return };
        let took_ns = now_ns.saturating_sub(timed.began_ns);
        if whole {
            self.command_times.add(spec, took_ns, timed.weight);
        }
        let (took_us, slow_us) = (took_ns / 1000, self.config.slowlog_slower_than_us);
        let at_s = self.moment.now_ms / 1000;
        if slow_us >= 0 && took_us >= slow_us as u64 && !spec.flags.contains(flags::SKIP_SLOWLOG) {
            let id = self.facts.next_slow_id();
            let command = spec.full_name;
            let slow = Slow { id, at_s, took_us, command, args, client };
            self.slow_log.enter(&slow, self.config.slowlog_entries_max);
        }
        self.took(Spike::Command, took_us / 1000);
    }

    /// Runs a piece of a transaction or of a scattered command against the clock.
    pub(super) fn run_timed(
        &mut self,
        from: u16,
        request: &Request,
        command: &Command<'_>,
        args: Args<'_>,
        wire: &impl Wire,
    ) {
        let weight = self.command_times.weight(command);
        let timed = self.begin_timing(weight, wire);
        self.run_admitted(from, request, command, None);
        if let Some(timed) = timed {
            self.end_timing(timed, false, args, ("", ""), wire);
        }
    }

    /// Runs a sibling's request against the clock.
    pub(super) fn run_request_timed(
        &mut self,
        from: u16,
        request: &Request,
        command: &Command<'_>,
        args: Args<'_>,
        key: Option<&Key<'_>>,
        wire: &impl Wire,
    ) {
        let weight = self.command_times.weight(command);
        let timed = self.begin_timing(weight, wire);
        self.run_request(from, request, command, args, key);
        if let Some(timed) = timed {
            self.end_timing(timed, true, args, ("", ""), wire);
        }
    }

    /// Some turns are over, when the thread has used `cpu_ns` of processor time.
    pub(crate) fn turns_took(&mut self, cpu_ns: u64) {
        let longest_us = self.turn_times.measure(cpu_ns);
        self.took(Spike::Turn, longest_us / 1000);
    }

    fn took(&mut self, spike: Spike, ms: u64) {
        let threshold_ms = self.config.latency_threshold_ms;
        if threshold_ms > 0 && ms >= threshold_ms {
            self.latency_events.add(spike, self.moment.now_ms / 1000, ms);
        }
    }
}
