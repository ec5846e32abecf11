//! SLOWLOG and LATENCY: this shard's parts; `merge.rs` makes one reply of all shards'.

use velodrome_net::command::{LatencyCommand, SlowlogCommand};
use velodrome_net::resp::Encoder;

use crate::shard::Shard;

use super::container_help;

/// This shard's part of SLOWLOG.
pub(super) fn slowlog(shard: &mut Shard, command: SlowlogCommand, out: &mut Encoder<'_>) {
    match command {
        SlowlogCommand::Get { count } => {
            shard.slow_log.write(count.map_or(usize::MAX, |count| count as usize), out);
        }
        SlowlogCommand::Len => out.integer(shard.slow_log.len() as i64),
        SlowlogCommand::Reset => {
            shard.slow_log.reset();
            out.ok();
        }
        SlowlogCommand::Help => container_help(b"slowlog", out),
    }
}

/// This shard's part of LATENCY.
pub(super) fn latency(shard: &mut Shard, command: &LatencyCommand<'_>, out: &mut Encoder<'_>) {
    match command {
        LatencyCommand::Latest => shard.latency_events.write_latest(out),
        LatencyCommand::History { event } => shard.latency_events.write_history(event, out),
        LatencyCommand::Reset { events } => {
            let meant = |name: &str| {
                let named = |event: &[u8]| event.eq_ignore_ascii_case(name.as_bytes());
                events.is_empty() || events.iter().any(named)
            };
            out.integer(shard.latency_events.reset(meant) as i64);
        }
        LatencyCommand::Histogram { .. } => {
            let mut text = String::new();
            shard.command_times.write(&mut text);
            out.bulk_str(&text);
        }
        LatencyCommand::Help => container_help(b"latency", out),
    }
}

#[cfg(test)]
mod tests {
    use super::super::conversation::Conversation;
    use crate::shard::latency_events::Spike;

    #[test]
    fn spikes_are_shown_until_they_are_forgotten() {
        let mut conversation = Conversation::new();
        conversation.shard.latency_events.add(Spike::Turn, 7, 3);
        conversation.check(&[
            ("LATENCY LATEST", "*1 *4 $4 turn :7 :3 :3"),
            ("LATENCY HISTORY turn", "*1 *2 :7 :3"),
            ("LATENCY HISTORY command", "*0"),
            ("LATENCY RESET command", ":0"),
            ("LATENCY RESET", ":1"),
            ("LATENCY LATEST", "*0"),
            ("SLOWLOG LEN", ":0"),
            ("SLOWLOG GET", "*0"),
            ("SLOWLOG RESET", "+OK"),
        ]);
    }
}
