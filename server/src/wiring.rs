//! The driver as the shard's wire.

use std::sync::Arc;

use velodrome_engine::LargeValue;
use velodrome_net::{ConnId, Driver};

use crate::clock::boot_ns;
use crate::shard::wire::Wire;

impl Wire for Driver {
    #[inline]
    fn now_ns(&self) -> u64 {
        boot_ns()
    }

    #[inline]
    fn output(&mut self, conn: ConnId) -> Option<&mut Vec<u8>> {
        Driver::output(self, conn)
    }

    fn send_shared(&mut self, conn: ConnId, value: Arc<LargeValue>) {
        Driver::send_shared(self, conn, value);
    }

    fn hold(&mut self, conn: ConnId) {
        Driver::hold(self, conn);
    }

    fn release(&mut self, conn: ConnId) {
        Driver::release(self, conn);
    }

    #[inline]
    fn unsent_bytes(&self, conn: ConnId) -> usize {
        Driver::unsent_bytes(self, conn) + Driver::unsent_shared_bytes(self, conn)
    }

    fn buffered_bytes(&self, conn: ConnId) -> usize {
        Driver::unsent_bytes(self, conn)
    }

    fn all_buffered_bytes(&self) -> usize {
        Driver::buffers_bytes(self)
    }

    fn sent_total(&self, conn: ConnId) -> u64 {
        Driver::sent_total(self, conn)
    }

    fn notify_when_sent(&mut self, conn: ConnId) {
        Driver::notify_when_sent(self, conn);
    }

    fn pause(&mut self, conn: ConnId) {
        Driver::pause(self, conn);
    }

    fn resume(&mut self, conn: ConnId) {
        Driver::resume(self, conn);
    }

    fn close(&mut self, conn: ConnId) {
        Driver::close(self, conn);
    }

    fn abort(&mut self, conn: ConnId) {
        Driver::abort(self, conn);
    }
}
