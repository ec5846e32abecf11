//! Random operations against a naive model, with time, expiry, eviction and limits in play.
//!
//! The model predicts each answer from its own state; what the engine did besides (evictions,
//! expiries) it learns from the effects, which it checks for being possible. Every effect is
//! also applied to a second engine, which must end up identical.

mod support;

use std::num::NonZeroU64;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use support::{Held, Model, START_MS, check_bounds, config, content, expected, key, seed, take};
use velodrome_engine::{
    Codec, Compression, Condition, Config, Deadline, Engine, NewValue, OwnedEffect, PackJob,
    Packer, Policy, Refused, Stored, Version, Write,
};

struct Run {
    rng: SmallRng,
    engine: Engine<Vec<OwnedEffect>>,
    copy: Engine<()>,
    model: Model,
    now_ms: u64,
    keys: u32,
    value_max: usize,
    dbs: u8,
    refused: u64,
    changes_policy: bool,
    /// Values are packed by codecs and thresholds that change, some by a worker.
    packs: bool,
    packer: Packer,
    jobs: Vec<PackJob>,
    placed: u64,
}

impl Run {
    fn new(seed: u64, memory: u64, items_max: Option<u64>, keys: u32, value_max: usize) -> Self {
        Self::under(Policy::Lru, seed, memory, items_max, keys, value_max)
    }

    fn under(
        policy: Policy,
        seed: u64,
        memory: u64,
        items_max: Option<u64>,
        keys: u32,
        value_max: usize,
    ) -> Self {
        let config_of = Config { policy, ..config(memory, items_max) };
        let engine = Engine::new(config_of, Vec::new()).expect("starts");
        let copy = Engine::new(config(256 << 20, None), ()).expect("starts");
        let rng = SmallRng::seed_from_u64(seed);
        let model = Model::default();
        Self {
            rng,
            engine,
            copy,
            model,
            now_ms: START_MS,
            keys,
            value_max,
            dbs: 3,
            refused: 0,
            changes_policy: false,
            packs: false,
            packer: Packer::default(),
            jobs: Vec::new(),
            placed: 0,
        }
    }

    fn key(&mut self) -> (u8, Vec<u8>) {
        // Half of the draws fall on a sixteenth of the keys.
        let hot = self.rng.random_bool(0.5);
        let number = self.rng.random_range(0..if hot { self.keys / 16 + 1 } else { self.keys });
        let db = if self.rng.random_bool(0.8) { 0 } else { self.rng.random_range(0..self.dbs) };
        let text = match number % 3 {
            0 => format!("{{tag}}{number}"),
            1 => format!("key:{number}"),
            _ => format!("a much longer key, number {number}, for other lengths"),
        };
        (db, text.into_bytes())
    }

    fn value(&mut self) -> Vec<u8> {
        if self.rng.random_bool(0.2) {
            return self.rng.random_range(-100..100_i64).to_string().into_bytes();
        }
        let max = [8, 40, 300, 3000, self.value_max][self.rng.random_range(0..5)];
        let len = self.rng.random_range(0..=max.min(self.value_max));
        let mut value = vec![self.rng.random(); len];
        if self.packs && self.rng.random_bool(0.3) {
            let noise = self.rng.random_range(0..=len);
            self.rng.fill(&mut value[..noise]);
        }
        value
    }

    fn deadline(&mut self) -> Option<NonZeroU64> {
        let range = [2, 1500, 20_000, 400_000, 1_000_000_000][self.rng.random_range(0..5)];
        NonZeroU64::new(self.now_ms + self.rng.random_range(0..range))
    }

    fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..30 => self.get(),
            30..62 => self.set(),
            62..68 => self.delete(),
            68..74 => self.redate(),
            74..80 => self.increment(),
            80..88 => self.overwrite(),
            88..89 => self.touch(),
            89..96 => self.pass_time(),
            96..98 => self.work(),
            98 => self.random_key(),
            _ => self.rarely(),
        }
        check_bounds(&self.engine);
    }

    /// Follows the effects of the last operation.
    fn follow(&mut self) {
        for effect in take(&mut self.engine) {
            self.model.follow(&effect.borrow(), self.now_ms);
            self.copy.apply(&effect.borrow(), self.now_ms).expect("applies");
        }
    }

    /// After a write to a key the model holds what was expected, with the version answered.
    fn expect(&mut self, db: u8, key: &[u8], want: Option<(Vec<u8>, Option<NonZeroU64>)>) {
        self.follow();
        let held = self.model.live(db, key, self.now_ms);
        let have = held.map(|held| (held.value.clone(), held.deadline_ms));
        assert_eq!(have, want, "{:?}", String::from_utf8_lossy(key));
    }

    fn held(&self, db: u8, key: &[u8]) -> Option<Held> {
        self.model.live(db, key, self.now_ms).cloned()
    }

    fn get(&mut self) {
        let (db, bytes) = self.key();
        let want = self.held(db, &bytes);
        let key = key(self.engine.hasher(), db, &bytes);
        let item = self.engine.get(&key, self.now_ms).map(|item| Held {
            value: item.value.as_bytes().to_vec(),
            version: item.version,
            deadline_ms: item.deadline_ms,
            client_flags: item.client_flags,
            tag: item.tag,
        });
        assert_eq!(item, want);
        self.follow();
    }

    fn set(&mut self) {
        let (db, bytes) = self.key();
        let before = self.held(db, &bytes);
        let (value, other) = (self.value(), self.value());
        let known = before.as_ref().map_or(Version(7), |held| held.version);
        let known = if self.rng.random_bool(0.3) { Version(known.0 - 1) } else { known };
        let same = before.as_ref().map_or(other.clone(), |held| held.value.clone());
        let compared = if self.rng.random_bool(0.5) { &same } else { &other };
        let (condition, met) = match self.rng.random_range(0..12) {
            0 => (Condition::Absent, before.is_none()),
            1 => (Condition::Present, before.is_some()),
            2 => (Condition::Version(known), before.as_ref().is_some_and(|it| it.version == known)),
            3 => {
                (Condition::Equals(compared), before.as_ref().is_some_and(|h| h.value == *compared))
            }
            4 => {
                (Condition::Differs(compared), before.as_ref().is_none_or(|h| h.value != *compared))
            }
            _ => (Condition::Always, true),
        };
        let (deadline, resulting) = match self.rng.random_range(0..6) {
            0 => (Deadline::Keep, before.as_ref().and_then(|held| held.deadline_ms)),
            1 | 2 => {
                let deadline_ms = self.deadline();
                (Deadline::At(deadline_ms.expect("set")), deadline_ms)
            }
            _ => (Deadline::Never, None),
        };
        let client_flags = if self.rng.random_bool(0.1) { 77 } else { 0 };
        let value_ref = NewValue::Bytes(&value);
        let write = Write { value: value_ref, deadline, condition, client_flags, tag: 3 };
        let key = key(&support::hasher(), db, &bytes);
        let stored = match self.engine.set(&key, write, self.now_ms) {
            Ok(stored) => stored,
            Err(refused) => return self.refused(refused),
        };
        if !met {
            assert_eq!(stored, Stored::Unmet { current: before.as_ref().map(|it| it.version) });
            let unchanged = before.map(|held| (held.value, held.deadline_ms));
            return self.expect(db, &bytes, unchanged);
        }
        let live = resulting.is_none_or(|deadline_ms| deadline_ms.get() > self.now_ms);
        self.expect(db, &bytes, live.then_some((value, resulting)));
        let Stored::Written { version, replaced } = stored else { panic!("the condition held") };
        assert_eq!(replaced, before.is_some());
        if let Some(held) = self.held(db, &bytes) {
            assert_eq!((held.version, held.client_flags, held.tag), (version, client_flags, 3));
        }
    }

    /// Only shortage of memory refuses; the model follows what was evicted for nothing.
    fn refused(&mut self, refused: Refused) {
        let short = matches!(refused, Refused::OutOfMemory { .. } | Refused::TooManyItems { .. });
        assert!(short, "{refused}");
        let spares = ["noeviction", "volatile"].map(|it| self.engine.policy().name().contains(it));
        let may = self.value_max > 100_000 || spares != [false, false];
        assert!(may, "{refused} {:?}", self.engine.stats());
        self.refused += 1;
        self.follow();
    }

    fn delete(&mut self) {
        let (db, bytes) = self.key();
        let existed = self.held(db, &bytes).is_some();
        let key = key(&support::hasher(), db, &bytes);
        assert_eq!(self.engine.delete(&key, self.now_ms), existed);
        self.expect(db, &bytes, None);
    }

    fn redate(&mut self) {
        let (db, bytes) = self.key();
        let before = self.held(db, &bytes);
        let deadline_ms = if self.rng.random_bool(0.3) { None } else { self.deadline() };
        let key = key(&support::hasher(), db, &bytes);
        let existed = match self.engine.redate(&key, deadline_ms, self.now_ms) {
            Ok(existed) => existed,
            Err(refused) => return self.refused(refused),
        };
        assert_eq!(existed, before.is_some());
        self.follow();
        let live = deadline_ms.is_none_or(|deadline_ms| deadline_ms.get() > self.now_ms);
        let after = self.held(db, &bytes);
        match (before, after) {
            (Some(before), Some(after)) => {
                assert_eq!((after.value, after.deadline_ms), (before.value, deadline_ms));
            }
            // Making room for the deadline may have cost the item itself.
            (Some(_), None) => assert!(!live || self.model.evicted > 0),
            (before, after) => assert_eq!(before, after),
        }
    }

    fn increment(&mut self) {
        let (db, bytes) = self.key();
        let before = self.held(db, &bytes);
        let delta = self.rng.random_range(-1000..1000);
        let key = key(&support::hasher(), db, &bytes);
        let answer = self.engine.increment(&key, delta, self.now_ms);
        let text = before.as_ref().map_or(&b"0"[..], |held| &held.value);
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
        let number = number.filter(|number| number.to_string().as_bytes() == text);
        match (number, answer) {
            (Some(number), Ok(sum)) => {
                assert_eq!(sum, number + delta);
                let deadline_ms = before.and_then(|held| held.deadline_ms);
                self.expect(db, &bytes, Some((sum.to_string().into_bytes(), deadline_ms)));
            }
            (None, Err(Refused::NotAnInteger)) => {
                self.expect(db, &bytes, before.map(|held| (held.value, held.deadline_ms)));
            }
            (_, Err(refused)) => self.refused(refused),
            other => panic!("{other:?}"),
        }
    }

    fn overwrite(&mut self) {
        let (db, bytes) = self.key();
        let before = self.held(db, &bytes);
        let mut value = before.as_ref().map_or(Vec::new(), |held| held.value.clone());
        let part = self.value();
        let key = key(&support::hasher(), db, &bytes);
        let answer = if self.rng.random_bool(0.5) {
            value.extend_from_slice(&part);
            self.engine.append(&key, &part, self.now_ms)
        } else {
            let offset = self.rng.random_range(0..=value.len() + 10);
            value.resize(value.len().max(offset + part.len()), 0);
            value[offset..offset + part.len()].copy_from_slice(&part);
            self.engine.set_range(&key, offset, &part, self.now_ms)
        };
        match answer {
            Ok(len) => {
                assert_eq!(len, value.len());
                let deadline_ms = before.and_then(|held| held.deadline_ms);
                self.expect(db, &bytes, Some((value, deadline_ms)));
            }
            Err(Refused::ItemTooLong { .. }) => assert!(value.len() > 500_000),
            Err(refused) => self.refused(refused),
        }
    }

    fn touch(&mut self) {
        let (db, bytes) = self.key();
        let exists = self.held(db, &bytes).is_some();
        let key = key(&support::hasher(), db, &bytes);
        assert_eq!(self.engine.touch(&key, self.now_ms), exists);
        self.follow();
    }

    fn pass_time(&mut self) {
        let range = [2, 50, 2000, 100_000][self.rng.random_range(0..4)];
        self.now_ms += self.rng.random_range(0..range);
        let steps = self.rng.random_range(0..20);
        self.engine.maintain(self.now_ms, steps);
        self.follow();
    }

    /// The worker takes values, and brings some back.
    fn work(&mut self) {
        while self.packs && self.rng.random_bool(0.7) {
            let Some(job) = self.engine.next_pack_job(self.now_ms) else { break };
            self.jobs.push(job);
        }
        while !self.jobs.is_empty() && self.rng.random_bool(0.6) {
            let at = self.rng.random_range(0..self.jobs.len());
            let done = self.jobs.swap_remove(at).run(&mut self.packer, || 0);
            self.placed += u64::from(self.engine.finish_pack(done, self.now_ms));
            self.follow();
            check_bounds(&self.engine);
        }
    }

    fn set_compression(&mut self) {
        let codecs =
            [Codec::Lz4, Codec::Lz4, Codec::None, Codec::Zstd(3), Codec::Zstd(10), Codec::Gzip(6)];
        let codec = codecs[self.rng.random_range(0..codecs.len())];
        let threshold_bytes = [0, 100, 1024, 50_000][self.rng.random_range(0..4)];
        self.engine.set_compression(Compression { codec, threshold_bytes });
    }

    fn random_key(&mut self) {
        let db = self.rng.random_range(0..self.dbs);
        let any = self.model.held.iter().any(|((of, _), it)| *of == db && it.is_live(self.now_ms));
        let found = self.engine.random_key(db, self.now_ms).map(|key| key.to_vec());
        assert_eq!(found.is_some(), any);
        assert!(found.is_none_or(|key| self.held(db, &key).is_some()));
    }

    fn rarely(&mut self) {
        match self.rng.random_range(0..120) {
            0 => self.engine.flush(Some(self.rng.random_range(0..self.dbs)), self.now_ms),
            1 => self.engine.flush(None, self.now_ms),
            4 if self.changes_policy => {
                let policy = Policy::ALL[self.rng.random_range(0..Policy::ALL.len())];
                self.engine.set_policy(policy);
            }
            5..20 if self.packs => self.set_compression(),
            2 => self.engine.drop_slot(support::slot_of(b"{tag}")),
            3 => while self.engine.maintain(self.now_ms, 100).more {},
            _ => return,
        }
        self.follow();
    }

    /// All content is what the model holds, in the engine and in its copy.
    fn compare(&mut self) {
        for db in 0..self.dbs {
            let want = expected(&self.model, db, self.now_ms);
            assert!(content(&mut self.engine, db, self.now_ms) == want, "engine, database {db}");
            assert!(content(&mut self.copy, db, self.now_ms) == want, "copy, database {db}");
            let held = self.model.held.iter().filter(|((of, _), _)| *of == db);
            let dated = held.clone().filter(|(_, held)| held.deadline_ms.is_some()).count();
            assert_eq!(self.engine.len(db), held.count() as u64);
            assert_eq!(self.engine.len_with_deadline(db), dated as u64);
        }
        let slots = self.model.versions.iter();
        assert!(slots.clone().all(|(slot, version)| self.engine.slot_version(*slot) == *version));
        assert!(slots.clone().all(|(slot, version)| self.copy.slot_version(*slot) == *version));
    }

    fn run(mut self, steps: u32) -> Self {
        for step in 0..steps {
            self.step();
            if step % 20_000 == 0 {
                self.compare();
            }
        }
        self.compare();
        let stats = self.engine.stats();
        assert!(stats.wheel_entries <= 3 * stats.items_with_deadline / 2 + 4096 + 20_000);
        println!("{stats:?}");
        self.drain();
        self
    }

    /// With everything flushed and maintained nothing is left.
    fn drain(&mut self) {
        // What the worker still has it lets go of.
        self.jobs.clear();
        self.engine.flush(None, self.now_ms);
        while self.engine.maintain(self.now_ms + 2_000_000_000, 100).more {}
        let stats = self.engine.stats();
        assert_eq!((stats.items, stats.live_bytes, stats.large_bytes), (0, 0, 0));
        let packed = [stats.packed_items, stats.packed_raw_bytes, stats.packed_stored_bytes];
        assert_eq!(packed, [0; 3], "what is packed is counted in and out");
        assert_eq!((stats.index_bytes, stats.wheel_entries), (0, 0), "nothing leaks");
        assert!(stats.segments <= 2, "{stats:?}");
    }
}

#[test]
fn small_by_items() {
    let run = Run::new(seed(11), 64 << 20, Some(50), 300, 3000).run(500_000);
    assert!(run.model.evicted > 10_000 && run.model.expired > 1000);
}

#[test]
fn larger_by_items() {
    let run = Run::new(seed(12), 64 << 20, Some(1000), 5000, 500).run(500_000);
    assert!(run.model.evicted > 10_000);
}

#[test]
fn by_bytes_with_small_values() {
    let run = Run::new(seed(13), 2 << 20, None, 20_000, 500).run(500_000);
    assert!(run.model.evicted > 1000);
}

#[test]
fn by_bytes_with_mixed_and_large_values() {
    let run = Run::new(seed(14), 4 << 20, None, 1000, 150_000).run(150_000);
    assert!(run.model.evicted > 1000);
}

#[test]
fn without_limits_in_reach() {
    let run = Run::new(seed(15), 256 << 20, None, 10_000, 3000).run(400_000);
    assert_eq!(run.model.evicted, 0);
}

#[test]
fn every_policy_by_items() {
    for policy in Policy::ALL {
        println!("{}", policy.name());
        let run = Run::under(policy, seed(16), 64 << 20, Some(300), 2000, 500).run(60_000);
        let spares_all = policy == Policy::NoEviction;
        assert_eq!((run.model.evicted > 1000, run.model.evicted == 0), (!spares_all, spares_all));
    }
}

#[test]
fn every_policy_by_bytes() {
    for policy in Policy::ALL {
        println!("{}", policy.name());
        let run = Run::under(policy, seed(17), 2 << 20, None, 20_000, 1500).run(100_000);
        let spares_all = policy == Policy::NoEviction;
        assert_eq!((run.model.evicted > 100, run.model.evicted == 0), (!spares_all, spares_all));
        assert!(run.refused > 0 || !spares_all, "writes are refused without room");
    }
}

#[test]
fn every_policy_with_large_values() {
    for policy in Policy::ALL {
        println!("{}", policy.name());
        let run = Run::under(policy, seed(18), 4 << 20, None, 1000, 150_000).run(30_000);
        assert_eq!(run.model.evicted == 0, policy == Policy::NoEviction);
    }
}

#[test]
fn policies_change_at_any_time() {
    for (seed, items_max) in [(seed(19), None), (seed(20), Some(500))] {
        let mut run = Run::new(seed, 2 << 20, items_max, 20_000, 1500);
        run.changes_policy = true;
        run.run(200_000);
    }
}

fn packing(mut run: Run, steps: u32) {
    run.packs = true;
    run.set_compression();
    let run = run.run(steps);
    let stats = run.engine.stats();
    let least = u64::from(steps) / 200;
    assert!(stats.packs > least && stats.unpacks > least && stats.poor_packs > 10, "{stats:?}");
    assert!(run.placed > least / 20, "the worker's results are put in place: {}", run.placed);
}

#[test]
fn packed_by_bytes() {
    packing(Run::new(seed(21), 2 << 20, None, 20_000, 3000), 200_000);
}

#[test]
fn packed_by_items_with_room() {
    packing(Run::new(seed(22), 64 << 20, Some(500), 2000, 20_000), 150_000);
}

#[test]
fn packed_with_large_values() {
    packing(Run::new(seed(23), 4 << 20, None, 1000, 150_000), 60_000);
}

#[test]
fn packed_under_every_policy() {
    for policy in Policy::ALL {
        println!("{}", policy.name());
        packing(Run::under(policy, seed(24), 4 << 20, None, 1000, 100_000), 15_000);
    }
}
