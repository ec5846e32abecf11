//! Which caches replay the trace, one after another.
//!
//! Owns the order: bound by bound, shards by shards, policy by policy, the exact reference after
//! its policy. Invariant: sized by bytes, a reference is charged for every object what the engine
//! before it took beyond key and value, so that policies are compared and not overheads; memory
//! the engine left idle counts against the engine. Cost: one pass of the trace a cache.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use velodrome_engine::Policy;

use super::exact::Reference;
use super::figure::{Budget, Figure, Held, Kind, Tally};
use super::objects::Objects;
use super::over::{self, Over};
use super::shards::{Answer, Shards};
use crate::failure::Failure;

/// Requests from one look at the signal, and one sign of progress, to the next.
const REQUESTS_PER_LOOK: usize = 1 << 14;

/// What is to be replayed by what.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// The engine's policies.
    pub policies: Vec<Policy>,
    /// Their bounds, one cache each.
    pub budgets: Vec<Budget>,
    /// Numbers of shards, one cache each.
    pub shards: Vec<usize>,
    /// Whether the exact references follow, where a policy has one.
    pub exact: bool,
    /// A server instead of engines.
    pub over: Option<Server>,
}

/// A server that replays.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it is given policies and bounds, and emptied before each; else it is what it is.
    pub configured: bool,
}

/// Where a run reports to, and whether it is to end.
pub struct Watch<'a> {
    /// Set when the run is to end.
    pub stop: &'a AtomicBool,
    /// Told the cache's name and the share of the trace it has replayed.
    pub progress: &'a mut dyn FnMut(&str, f64),
    /// Told every figure as it is found.
    pub found: &'a mut dyn FnMut(&Figure),
}

impl Matrix {
    /// Replays the trace by every cache.
    ///
    /// # Errors
    /// When a bound is impossible, a server refuses or goes away, or a signal came.
    pub fn run(&self, objects: &Objects, watch: &mut Watch<'_>) -> Result<Vec<Figure>, Failure> {
        let mut figures: Vec<Figure> = Vec::new();
        if let Some(Server { address, configured: false }) = self.over {
            let name = address.to_string();
            let tally = replay_over(objects, address, &name, watch)?;
            return Ok(vec![told(Figure::new(Kind::Node, &name, 0, 0, tally), watch)]);
        }
        for &budget in &self.budgets {
            for &policy in &self.policies {
                let of_items = matches!(budget, Budget::Items(_));
                let exact = Reference::of(policy.name()).filter(|_| self.exact);
                if let Some(server) = self.over {
                    figures.push(over(objects, server.address, policy, budget, watch)?);
                } else {
                    for &shards in &self.shards {
                        let figure = engines(objects, policy, budget, shards, watch)?;
                        let beside = (shards, figure.held);
                        figures.push(figure);
                        if let Some(exact) = exact.filter(|_| !of_items) {
                            figures.push(reference(objects, exact, budget, beside, watch)?);
                        }
                    }
                }
                if let Some(exact) = exact.filter(|_| of_items || self.over.is_some()) {
                    figures.push(reference(objects, exact, budget, (0, None), watch)?);
                }
            }
        }
        Ok(figures)
    }
}

fn engines(
    objects: &Objects,
    policy: Policy,
    budget: Budget,
    shards: usize,
    watch: &mut Watch<'_>,
) -> Result<Figure, Failure> {
    let mut engines = Shards::new(objects, policy, budget, shards)?;
    let (mut tally, mut refused) = (Tally::default(), 0);
    let name = format!("{} {}, {shards} shards", policy.name(), budget.size());
    pass(objects, &name, watch, |object| {
        let answer = engines.access(object);
        tally.count(objects, object, answer == Answer::Hit);
        refused += u64::from(answer == Answer::Refused);
        Ok(())
    })?;
    tally.refused = refused;
    let figure = Figure::new(Kind::Engine, policy.name(), shards, budget.size(), tally);
    Ok(told(Figure { held: Some(engines.held()), ..figure }, watch))
}

/// The replay by a policy's definition, charged for objects as engines of so many shards were; of
/// none, every object counts as one, or as its bytes.
fn reference(
    objects: &Objects,
    reference: Reference,
    budget: Budget,
    (shards, beside): (usize, Option<Held>),
    watch: &mut Watch<'_>,
) -> Result<Figure, Failure> {
    let overhead = beside.map_or(0.0, |held| held.overhead_bytes).round() as u64;
    let weight = |object: u32| match budget {
        Budget::Items(_) => 1,
        Budget::Bytes(_) => objects.bytes(object) + overhead,
    };
    let mut cache = reference.cache(budget.size(), objects.count());
    let mut tally = Tally::default();
    let name = format!("exact {} {}", reference.name(), budget.size());
    pass(objects, &name, watch, |object| {
        let hit = cache.access(object, weight(object));
        tally.count(objects, object, hit);
        Ok(())
    })?;
    let mut held = Held { overhead_bytes: overhead as f64, ..Held::default() };
    for object in (0..objects.count() as u32).filter(|object| cache.contains(*object)) {
        held.items += 1;
        held.payload_bytes += objects.bytes(object);
    }
    let figure = Figure::new(Kind::Exact, reference.name(), shards, budget.size(), tally);
    Ok(told(Figure { held: Some(held), ..figure }, watch))
}

fn over(
    objects: &Objects,
    address: SocketAddr,
    policy: Policy,
    budget: Budget,
    watch: &mut Watch<'_>,
) -> Result<Figure, Failure> {
    over::configure(address, policy.redis_name(), budget)?;
    let name = format!("{} {} over {address}", policy.name(), budget.size());
    let tally = replay_over(objects, address, &name, watch)?;
    Ok(told(Figure::new(Kind::Node, policy.name(), 0, budget.size(), tally), watch))
}

fn replay_over(
    objects: &Objects,
    address: SocketAddr,
    name: &str,
    watch: &mut Watch<'_>,
) -> Result<Tally, Failure> {
    let mut over = Over::new(objects, address)?;
    pass(objects, name, watch, |object| over.access(object))?;
    over.finish()
}

/// Every request once, with signs of progress.
fn pass(
    objects: &Objects,
    name: &str,
    watch: &mut Watch<'_>,
    mut access: impl FnMut(u32) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let requests = objects.requests();
    for (look, part) in requests.chunks(REQUESTS_PER_LOOK).enumerate() {
        if watch.stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        (watch.progress)(name, (look * REQUESTS_PER_LOOK) as f64 / requests.len() as f64);
        part.iter().try_for_each(|object| access(*object))?;
    }
    Ok(())
}

fn told(figure: Figure, watch: &mut Watch<'_>) -> Figure {
    (watch.found)(&figure);
    figure
}

#[cfg(test)]
mod tests {
    use super::super::objects::Sizes;
    use super::*;
    use crate::workload::TraceBuilder;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    /// Requests of which the first objects get most.
    fn objects(requests: usize, count: f64, sizes: Sizes) -> Objects {
        let mut rng = SmallRng::seed_from_u64(7);
        let mut builder = TraceBuilder::default();
        for _ in 0..requests {
            let object = count.powf(rng.random::<f64>()) as u64;
            builder.id(object.wrapping_mul(0x9e37_79b9_7f4a_7c15), None).unwrap();
        }
        Objects::new(builder.finish().unwrap(), sizes).unwrap()
    }

    fn figures(matrix: &Matrix, objects: &Objects) -> Vec<Figure> {
        let (stop, mut told) = (AtomicBool::new(false), 0);
        let mut watch = Watch {
            stop: &stop,
            progress: &mut |_, share| assert!((0.0..1.0).contains(&share)),
            found: &mut |_| told += 1,
        };
        let figures = matrix.run(objects, &mut watch).unwrap();
        assert_eq!(told, figures.len());
        figures
    }

    fn lru(budgets: Vec<Budget>, shards: Vec<usize>) -> Matrix {
        Matrix { policies: vec![Policy::Lru], budgets, shards, exact: true, over: None }
    }

    #[test]
    fn a_small_cache_of_items_misses_what_the_definition_misses() {
        let objects = objects(20_000, 1_000.0, Sizes::Drawn { min: 8, max: 8 });
        let figures = figures(&lru(vec![Budget::Items(100)], vec![1]), &objects);
        let [engine, exact] = &figures[..] else { panic!("{figures:?}") };
        assert_eq!(engine.tally, exact.tally, "exact where there are few items");
        assert!(engine.is_measured_by(exact) && exact.held.unwrap().items == 100);
    }

    #[test]
    fn shards_and_larger_caches_stay_close_to_the_definition() {
        let objects = objects(100_000, 20_000.0, Sizes::Drawn { min: 8, max: 8 });
        let found = figures(&lru(vec![Budget::Items(2_000)], vec![1, 4]), &objects);
        assert_eq!(found.len(), 3, "one reference for all shards");
        for engine in &found[..2] {
            let above = engine.miss_ratio - found[2].miss_ratio;
            assert!(above.abs() < 0.02, "{} shards: {above}", engine.shards);
        }
    }

    #[test]
    fn sized_by_bytes_the_definition_is_charged_as_the_engine() {
        let objects = objects(60_000, 30_000.0, Sizes::Drawn { min: 50, max: 5_000 });
        let found = figures(&lru(vec![Budget::Bytes(6 << 20)], vec![1, 2]), &objects);
        assert_eq!(found.len(), 4, "a reference each");
        for pair in found.chunks(2) {
            let (engine, exact) = (&pair[0], &pair[1]);
            assert!(engine.is_measured_by(exact));
            let (held, charged) = (engine.held.unwrap(), exact.held.unwrap());
            assert!((held.overhead_bytes - charged.overhead_bytes).abs() <= 0.5);
            let weight =
                charged.payload_bytes as f64 + charged.overhead_bytes * charged.items as f64;
            assert!((weight / f64::from(6 << 20) - 1.0).abs() < 0.01, "the definition is full");
            let used = held.payload_bytes as f64 + held.overhead_bytes * held.items as f64;
            let share = used / f64::from(6 << 20) + held.idle_share;
            assert!((share - 1.0).abs() < 1e-6, "what is not idle is used");
            assert!((engine.byte_miss_ratio - exact.byte_miss_ratio).abs() < 0.03);
        }
    }

    #[test]
    fn a_signal_ends_a_replay() {
        let objects = objects(10, 5.0, Sizes::Drawn { min: 1, max: 1 });
        let stop = AtomicBool::new(true);
        let mut watch =
            Watch { stop: &stop, progress: &mut |_, _| {}, found: &mut |_| panic!("too late") };
        let ended = lru(vec![Budget::Items(5)], vec![1]).run(&objects, &mut watch);
        assert!(matches!(ended, Err(Failure::Interrupted)));
    }

    #[test]
    fn a_bound_too_small_for_the_shards_is_refused() {
        let objects = objects(10, 5.0, Sizes::Drawn { min: 1, max: 1 });
        let refused = |budget, shards| {
            let error = Shards::new(&objects, Policy::Lru, budget, shards).err().unwrap();
            assert!(error.to_string().contains("is too little for"), "{error}");
        };
        refused(Budget::Items(3), 4);
        refused(Budget::Bytes(4 << 20), 4);
    }
}
