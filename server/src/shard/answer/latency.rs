//! SLOWLOG and LATENCY: this version keeps neither log, so both are always empty.

use velodrome_net::command::{LatencyCommand, SlowlogCommand};
use velodrome_net::resp::Encoder;

use super::container_help;

/// This shard's part of SLOWLOG.
pub(super) fn slowlog(command: SlowlogCommand, out: &mut Encoder<'_>) {
    match command {
        SlowlogCommand::Get { .. } => out.array(0),
        SlowlogCommand::Len => out.integer(0),
        SlowlogCommand::Reset => out.ok(),
        SlowlogCommand::Help => container_help(b"slowlog", out),
    }
}

/// This shard's part of LATENCY.
pub(super) fn latency(command: &LatencyCommand<'_>, out: &mut Encoder<'_>) {
    match command {
        LatencyCommand::Latest | LatencyCommand::History { .. } => out.array(0),
        LatencyCommand::Reset { .. } => out.integer(0),
        LatencyCommand::Histogram { .. } => out.map(0),
        LatencyCommand::Help => container_help(b"latency", out),
    }
}
