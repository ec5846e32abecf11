//! File operations: what is written is read back, errors come back with the buffer.

mod rig;

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rig::{both, driver, pattern};
use velodrome_net::{Driver, Event, Limits, OpId, Wait};

fn done(driver: &mut Driver, wanted: OpId) -> Result<(Vec<u8>, usize), std::io::Error> {
    loop {
        match driver.next_event() {
            Some(Event::FileDone { op, buffer, bytes }) if op == wanted => {
                return Ok((buffer, bytes));
            }
            Some(Event::FileFailed { op, error, .. }) if op == wanted => return Err(error),
            Some(other) => panic!("{other:?}"),
            None => driver.poll(Wait::Until(None)).unwrap(),
        }
    }
}

fn open(path: &std::path::Path) -> Arc<OwnedFd> {
    let mut options = std::fs::File::options();
    let file = options.read(true).write(true).create(true).truncate(false).open(path);
    Arc::new(file.unwrap().into())
}

#[test]
fn writes_syncs_and_reads() {
    both(|choice| {
        let mut driver = driver(choice, Limits::default()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let file = open(&directory.path().join("log"));
        let bytes = pattern(100_000, 1);
        let op = driver.write_file(&file, 4096, bytes.clone(), true);
        assert_eq!(done(&mut driver, op).unwrap().1, bytes.len());
        let op = driver.fsync_file(&file);
        assert_eq!(done(&mut driver, op).unwrap(), (Vec::new(), 0));
        let op = driver.read_file(&file, 4096, vec![0; 200_000]);
        let (buffer, count) = done(&mut driver, op).unwrap();
        assert_eq!(count, bytes.len(), "a read stops at the end of the file");
        assert!(buffer[..count] == bytes);
    });
}

#[test]
fn many_writes_in_one_turn() {
    both(|choice| {
        let mut driver = driver(choice, Limits::default()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let file = open(&path);
        for block in 0..200_u64 {
            driver.write_file(&file, block * 512, vec![block as u8; 512], false);
        }
        let mut finished = 0;
        while finished < 200 {
            driver.poll(Wait::Until(None)).unwrap();
            while let Some(event) = driver.next_event() {
                assert!(matches!(event, Event::FileDone { bytes: 512, .. }), "{event:?}");
                finished += 1;
            }
        }
        let written = std::fs::read(&path).unwrap();
        assert!(written.chunks(512).enumerate().all(|(block, b)| b == [block as u8; 512]));
    });
}

#[test]
fn a_failure_is_reported() {
    both(|choice| {
        let mut driver = driver(choice, Limits::default()).unwrap();
        let readable = tempfile::NamedTempFile::new().unwrap();
        let file: Arc<OwnedFd> = Arc::new(std::fs::File::open(readable.path()).unwrap().into());
        let op = driver.write_file(&file, 0, vec![1; 10], false);
        let error = done(&mut driver, op).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(9), "not open for writing");
    });
}

#[test]
fn a_driver_dropped_amid_writes_waits_for_them() {
    both(|choice| {
        let mut driver = driver(choice, Limits::default()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let file = open(&directory.path().join("log"));
        for block in 0..64_u64 {
            driver.write_file(&file, block * 65_536, vec![1; 65_536], true);
        }
        driver.poll(Wait::Now).unwrap();
        drop(driver);
        assert_eq!(Arc::strong_count(&file), 1, "the driver let go of the file");
    });
}
