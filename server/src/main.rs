//! The binary `velodrome`: starts a node.

fn main() {}
