//! CLUSTER.
//!
//! Owns what counts as a slot's number.

use crate::command::closed::Command;
use crate::command::cluster::ClusterCommand;
use crate::command::refused::Refused;
use crate::resp::Args;

use super::words::integer;

type Decoded<'a> = Result<Command<'a>, Refused>;

/// Slots of a cluster.
const SLOT_COUNT: i64 = 16384;

pub(in crate::command) fn slots(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Cluster(ClusterCommand::Slots))
}

pub(in crate::command) fn shards(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Cluster(ClusterCommand::Shards))
}

pub(in crate::command) fn nodes(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Cluster(ClusterCommand::Nodes))
}

pub(in crate::command) fn info(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Cluster(ClusterCommand::Info))
}

pub(in crate::command) fn myid(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Cluster(ClusterCommand::MyId))
}

pub(in crate::command) fn myshardid(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Cluster(ClusterCommand::MyShardId))
}

pub(in crate::command) fn keyslot(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Cluster(ClusterCommand::KeySlot { key: args.get(2) }))
}

pub(in crate::command) fn countkeysinslot(args: Args<'_>) -> Decoded<'_> {
    let slot = slot(args.get(2))?.ok_or(Refused::Text("ERR Invalid slot"))?;
    Ok(Command::Cluster(ClusterCommand::CountKeysInSlot { slot }))
}

pub(in crate::command) fn getkeysinslot(args: Args<'_>) -> Decoded<'_> {
    let refusal = || Refused::Text("ERR Invalid slot or number of keys");
    let slot = slot(args.get(2))?;
    let count = u64::try_from(integer(args.get(3))?).map_err(|_| refusal())?;
    let slot = slot.ok_or_else(refusal)?;
    Ok(Command::Cluster(ClusterCommand::GetKeysInSlot { slot, count }))
}

/// A number that may or may not be a slot.
fn slot(text: &[u8]) -> Result<Option<u16>, Refused> {
    let number = integer(text)?;
    Ok((0..SLOT_COUNT).contains(&number).then_some(number as u16))
}

pub(in crate::command) fn replicas(args: Args<'_>) -> Decoded<'_> {
    Ok(Command::Cluster(ClusterCommand::Replicas { node: args.get(2) }))
}

pub(in crate::command) fn links(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Cluster(ClusterCommand::Links))
}

pub(in crate::command) fn help(_: Args<'_>) -> Decoded<'_> {
    Ok(Command::Cluster(ClusterCommand::Help))
}
